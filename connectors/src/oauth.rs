//! Tokens for partner systems, by the `oauth2` crate: in the hub's own name (client credentials, RFC 6749 section 4.4), or
//! in that of somebody who let it in with `hub connect` (refresh tokens, section 6).
//!
//! A token is fetched once however many ask for it at a time, used until shortly before it expires, and dropped when a
//! system refuses it. One in the hub's own name is never written down; one in somebody's name is, sealed, since all
//! workers live by one refresh token, which may be good for once ([`Grants`]).

pub mod authorization;
mod connection;
mod delegated;
mod endpoint;
mod grants;
pub mod loopback;
mod revocation;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::Clock;
use tokio::sync::Mutex;

pub use self::connection::{Connecting, Disconnected, connect, disconnect};
use self::endpoint::TokenEndpoint;
pub use self::grants::{Grants, Resealed};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::Observers;
use crate::settings::{GrantType, OAuthSettings};

/// A token endpoint answers within this time, or is down.
const TIMEOUT: Duration = Duration::from_secs(10);
/// No token endpoint has more to say than this, in bytes.
const MAX_ANSWER: u64 = 1024 * 1024;

/// A bearer token. Has no `Display`, and its `Debug` says nothing.
#[derive(Clone)]
pub struct Token {
    secret: Arc<str>,
    renew_at: DateTime<Utc>,
}

impl Token {
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The tokens of one source. Lives as long as the process.
pub struct Tokens {
    endpoint: TokenEndpoint,
    /// Where what lets the hub in for somebody is kept. `None`: it asks in its own name.
    grants: Option<Grants>,
    current: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The token that a system refused last: what is kept under the same name elsewhere is no better.
    refused: Option<Arc<str>>,
    /// How many fetches have ended, and how the last failed: those who waited for it share its outcome.
    fetches: u64,
    failure: Option<(ErrorKind, String)>,
}

impl Tokens {
    /// Tokens as `settings` says; nothing is fetched yet. `grants` is where those in somebody's name are kept.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the secret has not been fetched, it would travel in the clear, or there is
    /// nowhere to keep what lets the hub in.
    pub fn new(
        http: &reqwest::Client,
        source_id: &str,
        settings: &OAuthSettings,
        grants: Option<&Grants>,
        clock: Clock,
    ) -> Result<Self> {
        let endpoint = TokenEndpoint::new(http, source_id, settings, clock)?;
        let grants = match settings.grant {
            GrantType::ClientCredentials => None,
            GrantType::AuthorizationCode => Some(grants.cloned().ok_or_else(|| {
                let message = format!("source `{source_id}` is let in for somebody: set grants.encryption_key");
                Error::new(ErrorKind::Configuration, message)
            })?),
        };
        Ok(Self { endpoint, grants, current: Mutex::default() })
    }

    /// Tells `observers` of each fetch.
    #[must_use]
    pub fn observed(mut self, observers: Observers) -> Self {
        self.endpoint.observers = observers;
        self
    }

    /// A token that is good for a while yet.
    ///
    /// # Errors
    /// [`ErrorKind::TokenEndpointDown`] and [`ErrorKind::TokenRefused`]; in somebody's name [`ErrorKind::Reauthorise`] as
    /// well.
    pub async fn token(&self) -> Result<Token> {
        let asked_at = match self.current.try_lock() {
            Ok(state) => state.fetches,
            // Somebody is fetching: whatever comes of it is ours too.
            Err(_) => u64::MAX,
        };
        let mut state = self.current.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| self.endpoint.clock.now() < token.renew_at) {
            return Ok(token.clone());
        }
        if asked_at == u64::MAX
            && let Some((kind, message)) = &state.failure
        {
            return Err(Error::new(*kind, message.clone()));
        }
        let fetched = match &self.grants {
            None => self.endpoint.by_credentials().await,
            Some(grants) => delegated::token(&self.endpoint, grants, state.refused.as_deref()).await,
        };
        state.fetches += 1;
        match fetched {
            Ok(token) => {
                state.failure = None;
                state.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                state.token = None;
                state.failure = Some((error.kind(), error.to_string()));
                Err(error)
            }
        }
    }

    /// Forgets `token`, which a system has refused. A newer one stays.
    pub async fn forget(&self, token: &Token) {
        let mut state = self.current.lock().await;
        if state.token.as_ref().is_some_and(|current| current.secret == token.secret) {
            state.token = None;
            state.refused = Some(Arc::clone(&token.secret));
        }
    }
}
