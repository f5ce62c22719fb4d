//! Who asks, as their token tells it.

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::Organisation;

/// Who asks, as a token that was checked tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The issuer that vouches for it.
    pub issuer: String,
    /// The token's subject.
    pub subject: Option<String>,
    /// The client that asks: `client_id`, else `azp`.
    pub client: Option<String>,
    /// The organisation it asks for. `None`: an app of its own.
    pub organisation: Option<Organisation>,
    /// The scopes it holds, the hub's and others, as the token has them.
    pub scopes: Vec<String>,
    /// When it ends: what is answered over time to this token ends then.
    pub expires_at: DateTime<Utc>,
    /// The same instant, for timers.
    pub ends: Instant,
}

impl Identity {
    /// Whether it holds this scope.
    #[must_use]
    pub fn holds(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}
