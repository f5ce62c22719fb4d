//! Secrets that must be used again and must not be read: encrypted (AES-256-GCM) under a key that the operator holds, so
//! that a copy of the store signs nothing and lets nobody in. Each is bound to what it is for.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::settings::Secret;

/// The form of what is sealed, in its first byte.
const FORM: u8 = 1;
/// How much of a key's digest tells it from another.
const NAME_LENGTH: usize = 4;

/// A key of the operator's.
struct Key {
    name: [u8; NAME_LENGTH],
    key: RandomizedNonceKey,
}

/// Seals and opens secrets. Its `Debug` says nothing.
pub struct Vault {
    current: Key,
    previous: Option<Key>,
}

/// Text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 bytes in base64: `openssl rand -base64 32` makes them")]
pub struct NoKey;

/// What cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It was sealed under a key that is not at hand.
    #[error("what is sealed is sealed under a key that is neither the current nor the previous one")]
    UnknownKey,
    /// It was changed, or is for something else; or cryptography failed.
    #[error("a secret cannot be sealed or opened: it was tampered with, or is for something else")]
    Broken,
}

impl Vault {
    /// Seals under the key `current`, and opens what was sealed under `previous` as well.
    ///
    /// # Errors
    /// Where either is no key.
    pub fn new(current: &str, previous: Option<&str>) -> Result<Self, NoKey> {
        Ok(Self { current: Key::parse(current)?, previous: previous.map(Key::parse).transpose()? })
    }

    /// As configuration has its keys. `None` where it has no current one.
    ///
    /// # Errors
    /// Where either is no key.
    pub fn of(current: Option<&Secret>, previous: Option<&Secret>) -> Result<Option<Self>, NoKey> {
        let text = |secret: Option<&Secret>| match secret {
            Some(Secret::Resolved(text)) => Some(text.clone()),
            _ => None,
        };
        text(current).map(|current| Self::new(&current, text(previous).as_deref())).transpose()
    }

    /// A new key, as configuration has one; `None` where there is no chance to draw from.
    #[must_use]
    pub fn draw_key() -> Option<String> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        Some(STANDARD.encode(bytes))
    }

    /// Seals a secret for `purpose`: what is sealed for one thing is not opened for another.
    ///
    /// # Errors
    /// [`VaultError::Broken`] where there is no chance to draw from.
    pub fn seal(&self, purpose: &[u8], secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut body = secret.to_vec();
        let nonce = self.current.key.seal_in_place_append_tag(Aad::from(purpose), &mut body);
        let nonce = nonce.map_err(|_| VaultError::Broken)?;
        let mut sealed = vec![FORM];
        sealed.extend_from_slice(&self.current.name);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what was sealed for `purpose`.
    ///
    /// # Errors
    /// Where it was not, or not by one of the keys.
    pub fn open(&self, purpose: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (name, rest) = parts(sealed)?;
        let keys = [Some(&self.current), self.previous.as_ref()];
        let key = keys.into_iter().flatten().find(|key| key.name == name).ok_or(VaultError::UnknownKey)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(VaultError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Broken)?;
        let mut body = body.to_vec();
        let opened = key.key.open_in_place(nonce, Aad::from(purpose), &mut body);
        opened.map(|secret| secret.to_vec()).map_err(|_| VaultError::Broken)
    }

    /// Whether it was sealed under the current key.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        parts(sealed).is_ok_and(|(name, _)| name == self.current.name)
    }
}

fn parts(sealed: &[u8]) -> Result<(&[u8], &[u8]), VaultError> {
    let body = sealed.strip_prefix(&[FORM]).ok_or(VaultError::Broken)?;
    body.split_at_checked(NAME_LENGTH).ok_or(VaultError::Broken)
}

impl Key {
    fn parse(text: &str) -> Result<Self, NoKey> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| NoKey)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| NoKey)?;
        let mut name = [0; NAME_LENGTH];
        name.copy_from_slice(&Sha256::digest(&bytes)[..NAME_LENGTH]);
        Ok(Self { name, key })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> String {
        STANDARD.encode([byte; 32])
    }

    #[test]
    fn a_secret_is_opened_only_for_its_purpose_and_unchanged() {
        let vault = Vault::new(&key(1), None).unwrap();
        let (purpose, other) = (b"one".as_slice(), b"other".as_slice());
        let sealed = vault.seal(purpose, b"secret").unwrap();
        assert_ne!(sealed, vault.seal(purpose, b"secret").unwrap());
        assert_eq!(vault.open(purpose, &sealed).as_deref(), Ok(b"secret".as_slice()));
        assert_eq!(vault.open(other, &sealed), Err(VaultError::Broken));
        for place in [0, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(vault.open(purpose, &changed), Err(VaultError::Broken));
        }
        assert_eq!(vault.open(purpose, &[]), Err(VaultError::Broken));
    }

    #[test]
    fn a_new_key_takes_over_from_the_previous() {
        let purpose = b"one".as_slice();
        let old = Vault::new(&key(1), None).unwrap();
        let sealed = old.seal(purpose, b"secret").unwrap();
        let new = Vault::new(&key(2), Some(&key(1))).unwrap();
        assert_eq!(new.open(purpose, &sealed).as_deref(), Ok(b"secret".as_slice()));
        assert!(old.is_current(&sealed) && !new.is_current(&sealed));
        let alone = Vault::new(&key(2), None).unwrap();
        assert_eq!(alone.open(purpose, &sealed), Err(VaultError::UnknownKey));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "x", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            assert!(Vault::new(text, None).is_err(), "{text}");
        }
    }
}
