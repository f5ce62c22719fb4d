//! An issuer's public keys (JWKS, RFC 7517), each with the algorithms it is for. An algorithm is chosen by the key,
//! never by the token alone: that is what keeps a public key from being taken for an HMAC secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// No issuer has more keys that are worth keeping.
const MOST_KEYS: usize = 100;
/// Shorter RSA keys can be broken (NIST SP 800-131A): 2048 bits, in bytes.
const SHORTEST_MODULUS: usize = 256;
/// Longer ones cost more than they protect.
const LONGEST_MODULUS: usize = 1024;
/// A coordinate on the curve P-256, in bytes.
const COORDINATE: usize = 32;

/// A public key that signs access tokens.
#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithms: &'static [Algorithm],
    pub(super) decoding: DecodingKey,
}

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

/// An issuer's answer that is no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what came is no set of keys (JWKS)")]
pub(super) struct NoKeySet;

#[derive(Deserialize)]
struct WireKeys {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct WireKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The keys of a document that can sign access tokens; the others are passed over.
    ///
    /// # Errors
    /// Where it is no such document.
    pub(super) fn read(document: &[u8]) -> Result<Self, NoKeySet> {
        let wire: WireKeys = serde_json::from_slice(document).map_err(|_| NoKeySet)?;
        let readable = wire.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self(readable.filter_map(Key::read).take(MOST_KEYS).collect()))
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys that a token with this header can be signed with. Without `kid` the one that fits, if only one does.
    pub(super) fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<Key> {
        let fitting = self.0.iter().filter(|key| key.algorithms.contains(&algorithm));
        match id {
            Some(id) => fitting.filter(|key| key.id.as_deref() == Some(id)).cloned().collect(),
            None => {
                let keys: Vec<Key> = fitting.cloned().collect();
                if keys.len() == 1 { keys } else { Vec::new() }
            }
        }
    }

    /// Whether there is a key of this name, for whichever algorithm.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

impl Key {
    fn read(wire: WireKey) -> Option<Self> {
        let for_signatures = wire.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && wire.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|each| each == "verify"));
        if !for_signatures {
            return None;
        }
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let (algorithms, decoding): (&'static [Algorithm], _) = match wire.kty.as_str() {
            "RSA" => {
                let (modulus, exponent) = (bytes(wire.n.as_deref()?)?, bytes(wire.e.as_deref()?)?);
                let length = modulus.iter().skip_while(|byte| **byte == 0).count();
                if !(SHORTEST_MODULUS..=LONGEST_MODULUS).contains(&length) {
                    return None;
                }
                let algorithms: &[Algorithm] = match wire.alg.as_deref() {
                    None => &[Algorithm::RS256, Algorithm::PS256],
                    Some("RS256") => &[Algorithm::RS256],
                    Some("PS256") => &[Algorithm::PS256],
                    Some(_) => return None,
                };
                (algorithms, DecodingKey::from_rsa_raw_components(&modulus, &exponent))
            }
            "EC" if wire.crv.as_deref() == Some("P-256") && matches!(wire.alg.as_deref(), None | Some("ES256")) => {
                let (x, y) = (wire.x.as_deref()?, wire.y.as_deref()?);
                if [x, y].into_iter().any(|text| bytes(text).is_none_or(|bytes| bytes.len() != COORDINATE)) {
                    return None;
                }
                (&[Algorithm::ES256], DecodingKey::from_ec_components(x, y).ok()?)
            }
            // Symmetric keys above all: whoever checks with one can sign with it.
            _ => return None,
        };
        Some(Self { id: wire.kid, algorithms, decoding })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rsa(bytes: usize) -> Value {
        json!({ "kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(vec![0xc5; bytes]), "e": "AQAB" })
    }

    fn ec() -> Value {
        let coordinate = URL_SAFE_NO_PAD.encode([7; 32]);
        json!({ "kty": "EC", "kid": "e", "crv": "P-256", "x": coordinate, "y": coordinate })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn read(keys: &[Value]) -> KeySet {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_for_the_algorithms_of_its_type_and_no_others() {
        let keys = read(&[rsa(256), ec()]);
        for (id, algorithm, fits) in [
            ("r", Algorithm::RS256, true),
            ("r", Algorithm::PS256, true),
            ("r", Algorithm::ES256, false),
            ("r", Algorithm::HS256, false),
            ("r", Algorithm::RS512, false),
            ("e", Algorithm::ES256, true),
            ("e", Algorithm::RS256, false),
            ("e", Algorithm::HS256, false),
            ("x", Algorithm::RS256, false),
        ] {
            assert_eq!(keys.candidates(Some(id), algorithm).len(), usize::from(fits), "{id} {algorithm:?}");
        }
        let only = read(&[with(rsa(256), "alg", json!("PS256"))]);
        assert!(only.candidates(Some("r"), Algorithm::RS256).is_empty());
    }

    #[test]
    fn keys_that_cannot_sign_access_tokens_are_passed_over() {
        let bad = [
            rsa(128),
            rsa(2048),
            with(rsa(256), "use", json!("enc")),
            with(rsa(256), "key_ops", json!(["encrypt"])),
            with(rsa(256), "alg", json!("RS512")),
            with(rsa(256), "alg", json!("HS256")),
            with(rsa(256), "n", json!("not base64!")),
            with(rsa(256), "kid", json!(7)),
            with(ec(), "crv", json!("P-384")),
            with(ec(), "x", json!("AAAA")),
            json!({ "kty": "oct", "kid": "o", "k": "c2VjcmV0" }),
            json!({ "kid": "nothing" }),
            json!("no key"),
        ];
        assert_eq!(read(&bad).len(), 0);
        assert_eq!(read(&[&bad[..], &[ec()]].concat()).len(), 1);
    }

    #[test]
    fn without_a_name_only_the_one_key_that_fits_will_do() {
        let candidates = |keys: &[Value]| read(keys).candidates(None, Algorithm::RS256).len();
        assert_eq!(candidates(&[rsa(256), ec()]), 1);
        assert_eq!(candidates(&[rsa(256), rsa(256)]), 0);
    }

    #[test]
    fn what_is_no_set_of_keys_is_told_from_an_empty_one() {
        assert_eq!(read(&[]).len(), 0);
        for document in ["", "<html>", "[]", r#"{"keys":{}}"#, r#"{"error":"no"}"#] {
            assert_eq!(KeySet::read(document.as_bytes()).unwrap_err(), NoKeySet, "{document}");
        }
    }
}
