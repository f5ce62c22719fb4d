//! `[sign_in]`: how people sign in to the console.

use std::time::Duration;

use connectors::settings::Secret;
use connectors::vault::{NoKey, Vault};
use serde::Deserialize;

/// `[sign_in]`: how people sign in to the console, at the first issuer of `auth.issuer`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignInSettings {
    /// The console's id at the issuer. `None`: nobody signs in.
    pub client_id: Option<String>,
    /// Its secret. `None`: a public client.
    pub client_secret: Option<Secret>,
    /// The scopes that it asks for.
    pub scopes: Vec<String>,
    /// What sessions are encrypted with where replicas share them: 32 bytes in base64. `None`: each process has its own.
    pub encryption_key: Option<Secret>,
    /// What they were encrypted with before.
    pub previous_encryption_key: Option<Secret>,
    /// Who does nothing for so long is signed out.
    pub idle_minutes: u32,
    /// The most people that are signed in at once: who has done nothing for longest makes room.
    pub sessions: u64,
}

impl SignInSettings {
    /// What seals sessions. `None`: there is no key.
    ///
    /// # Errors
    /// Where a key is none.
    pub fn vault(&self) -> Result<Option<Vault>, NoKey> {
        Vault::of(self.encryption_key.as_ref(), self.previous_encryption_key.as_ref())
    }

    /// Who does nothing for so long is signed out.
    #[must_use]
    pub fn idle(&self) -> Duration {
        Duration::from_secs(u64::from(self.idle_minutes) * 60)
    }
}

impl Default for SignInSettings {
    fn default() -> Self {
        let scopes = ["alliance:read", "commitments:write", "sync:read", "sync:run"];
        Self {
            client_id: None,
            client_secret: None,
            scopes: scopes.map(str::to_owned).to_vec(),
            encryption_key: None,
            previous_encryption_key: None,
            idle_minutes: 60,
            sessions: 10_000,
        }
    }
}
