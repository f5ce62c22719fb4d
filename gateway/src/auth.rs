//! Who asks: the hub as an OAuth 2 resource server. It takes JWT access tokens (RFC 9068) of the configured issuers,
//! finds and keeps their keys, and tells from a token who asks. What they may then see is decided in
//! `graphql::viewer` and `graphql::policy`, and nowhere else. It never issues a token, and never forwards one.
//!
//! Whoever has a token's text, from a header or from the first message of a socket, calls
//! [`Authenticator::identify`], the one door.

mod claims;
mod identity;
mod issuer;
mod keys;
mod organisation;
mod refused;
pub mod scope;
mod token;

use std::sync::Arc;
use std::time::Duration;

use connectors::api::Documents;
use entity::Clock;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::identity::Identity;
use self::issuer::Issuer;
pub use self::organisation::{InvalidOrganisation, Organisation};
pub use self::refused::Refused;
use crate::config::{Anonymous, AuthSettings};

/// An issuer answers within this time, or is down.
const TIMEOUT: Duration = Duration::from_secs(5);
/// No issuer has more to say than this, in bytes.
const LARGEST_DOCUMENT: u64 = 256 * 1024;

/// Tells from a token who asks.
#[derive(Debug)]
pub struct Authenticator {
    settings: AuthSettings,
    issuers: Vec<Issuer>,
    clock: Clock,
}

impl Authenticator {
    /// Takes the tokens that `settings` says. Nothing is fetched yet: an issuer that is down keeps nobody from starting.
    ///
    /// # Errors
    /// Where the machine's certificates cannot be read.
    pub fn new(settings: &AuthSettings, clock: Clock) -> Result<Self, connectors::Error> {
        let documents = Documents::new(TIMEOUT, LARGEST_DOCUMENT)?;
        let issuer = |url: &Url| Issuer::new(url.clone(), settings.jwks_url.clone(), documents.clone(), clock.clone());
        let issuers = settings.issuer.iter().map(issuer).collect();
        Ok(Self { settings: settings.clone(), issuers, clock })
    }

    /// Keeps the issuers' keys fresh until `stop` is cancelled.
    pub fn keep_fresh(self: &Arc<Self>, stop: CancellationToken) -> JoinHandle<()> {
        let own = Arc::clone(self);
        tokio::spawn(async move {
            join_all(own.issuers.iter().map(|issuer| issuer.keep_fresh(stop.clone()))).await;
        })
    }

    /// Who asks by this token: its text alone, without `Bearer`.
    ///
    /// # Errors
    /// Why it is not taken. Of these [`Refused::KeysUnavailable`] says nothing about the token.
    pub fn identify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Arc<Identity>, Refused>> {
        self.check(token).boxed()
    }

    /// Whether somebody without a token may ask.
    #[must_use]
    pub fn admits_anonymous(&self) -> bool {
        self.settings.anonymous == Anonymous::Public
    }

    /// Whom tokens must be meant for.
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        self.settings.audience.as_deref()
    }

    /// Whose tokens are taken.
    pub fn issuers(&self) -> impl Iterator<Item = &Url> {
        self.issuers.iter().map(Issuer::url)
    }

    async fn check(&self, text: &str) -> Result<Arc<Identity>, Refused> {
        let token = token::Token::parse(text)?;
        token.check_type(self.settings.plain_jwt)?;
        let claims = claims::Claims::read(token.payload())?;
        let issuer = self.issuers.iter().find(|issuer| issuer.is_called(&claims.iss)).ok_or(Refused::Issuer)?;
        let keys = issuer.keys(token.key_id.as_deref(), token.algorithm).await?;
        if keys.is_empty() {
            return Err(Refused::Key);
        }
        token.check_signature(&keys)?;
        let expected = claims::Expected {
            // Configuration names an audience wherever it names an issuer.
            audience: self.audience().ok_or(Refused::Audience)?,
            organisation_claim: &self.settings.organisation_claim,
            now: self.clock.now(),
        };
        claims.identify(token.payload(), expected).map(Arc::new)
    }
}
