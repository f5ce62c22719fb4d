//! `[grants]`: what lets the hub into systems for somebody.

use connectors::settings::Secret;
use connectors::vault::{NoKey, Vault};
use serde::Deserialize;

/// `[grants]`: what lets the hub into systems for somebody (`oauth.grant = "authorization_code"`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantSettings {
    /// What it is encrypted with: 32 bytes in base64. `None`: nobody can let the hub in.
    pub encryption_key: Option<Secret>,
    /// What it was encrypted with before.
    pub previous_encryption_key: Option<Secret>,
}

impl GrantSettings {
    /// What seals it. `None`: there is no key.
    ///
    /// # Errors
    /// Where a key is none.
    pub fn vault(&self) -> Result<Option<Vault>, NoKey> {
        Vault::of(self.encryption_key.as_ref(), self.previous_encryption_key.as_ref())
    }
}
