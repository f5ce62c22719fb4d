//! An issuer: how its keys are found, kept and renewed.
//!
//! Keys are fetched in the background before they are old, and when a token names one that is not known, at most once in
//! a while and by one request at a time: a flood of made-up keys does not flood the issuer. While an issuer is down, the
//! keys at hand remain good, for a day.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connectors::api::{Documents, is_loopback};
use connectors::{Error, ErrorKind};
use entity::Clock;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Refused;
use super::keys::{Key, KeySet};

/// Keys are fetched again after this long.
const RENEW_AFTER: Duration = Duration::from_secs(600);
/// After a failure first this long, then twice as long each time, up to [`RENEW_AFTER`].
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// For a key that is not known the issuer is asked at most this often.
const UNKNOWN_KEY_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// Where there are no keys at all, it is asked this often.
const NO_KEYS_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// Keys that could not be fetched again for this long are not believed any more.
const KEYS_LAST: TimeDelta = TimeDelta::hours(24);

/// An issuer whose tokens are taken.
#[derive(Debug)]
pub(super) struct Issuer {
    url: Url,
    jwks_url: Option<Url>,
    documents: Documents,
    clock: Clock,
    keys: RwLock<Option<Arc<Kept>>>,
    /// When it was last asked. Held while it is asked.
    asked_at: Mutex<Option<DateTime<Utc>>>,
}

#[derive(Debug)]
struct Kept {
    keys: KeySet,
    fetched_at: DateTime<Utc>,
}

/// What is read of an issuer's metadata (OpenID Connect Discovery, RFC 8414).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Url,
}

impl Issuer {
    /// The issuer at `url`, whose keys are at `jwks_url`, or found by its metadata. Nothing is fetched yet.
    pub(super) fn new(url: Url, jwks_url: Option<Url>, documents: Documents, clock: Clock) -> Self {
        Self { url, jwks_url, documents, clock, keys: RwLock::default(), asked_at: Mutex::default() }
    }

    /// Its address, as configuration has it.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether a token that names this issuer is one of its own. The names are compared letter by letter; only whether
    /// an address without a path ends in `/` does not count, for our own reader of addresses adds it.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let own = self.url.as_str();
        own == name || (self.url.path() == "/" && own.strip_suffix('/') == Some(name))
    }

    /// The keys that a token with this header can be signed with; none where the issuer has no such key.
    pub(super) async fn keys(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<Key>, Refused> {
        let kept = self.kept();
        if let Some(kept) = &kept {
            let candidates = kept.keys.candidates(id, algorithm);
            // A key that is known under this name, for another algorithm, does not become another by being asked for.
            if !candidates.is_empty() || id.is_some_and(|id| kept.keys.has(id)) {
                return Ok(candidates);
            }
        }
        let pause = if kept.is_some() { UNKNOWN_KEY_PAUSE } else { NO_KEYS_PAUSE };
        // What went wrong is in the log.
        drop(self.renew(pause).await);
        let kept = self.kept().ok_or(Refused::KeysUnavailable)?;
        Ok(kept.keys.candidates(id, algorithm))
    }

    /// Keeps the keys fresh until `stop` is cancelled.
    pub(super) async fn keep_fresh(&self, stop: CancellationToken) {
        let mut retry_after = RETRY_AFTER;
        loop {
            let wait = match self.renew(TimeDelta::zero()).await {
                Ok(()) => {
                    retry_after = RETRY_AFTER;
                    RENEW_AFTER
                }
                Err(_) => {
                    let wait = retry_after;
                    retry_after = (retry_after * 2).min(RENEW_AFTER);
                    wait
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// The keys at hand, unless they are too old to be believed.
    fn kept(&self) -> Option<Arc<Kept>> {
        let kept = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        (self.clock.now() - kept.fetched_at < KEYS_LAST).then_some(kept)
    }

    /// Fetches the keys, unless somebody else just did, or tried to less than `pause` ago.
    async fn renew(&self, pause: TimeDelta) -> Result<(), Error> {
        let called_at = self.clock.now();
        let mut asked_at = self.asked_at.lock().await;
        let now = self.clock.now();
        let is_answered = asked_at.is_some_and(|at| at >= called_at && pause > TimeDelta::zero());
        // A clock that was set back must not stop renewal.
        if is_answered || asked_at.is_some_and(|at| at <= now && now - at < pause) {
            return Ok(());
        }
        *asked_at = Some(now);
        match self.fetch().await {
            Ok(keys) => {
                tracing::debug!(issuer = %self.url, keys = keys.len(), "keys fetched");
                let kept = Arc::new(Kept { keys, fetched_at: now });
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
                Ok(())
            }
            Err(error) => {
                let url = &self.url;
                tracing::warn!(issuer = %url, error = &error as &dyn std::error::Error, "no keys of {url}: {error}");
                Err(error)
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, Error> {
        let jwks_url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let document = self.documents.get(&jwks_url).await?;
        KeySet::read(&document.body)
            .map_err(|error| Error::new(ErrorKind::Malformed, format!("{jwks_url}: {error}")).because(error))
    }

    /// Where the keys are, as the issuer's metadata says: those of OpenID Connect, else those of RFC 8414.
    async fn discover(&self) -> Result<Url, Error> {
        let [openid, oauth] = metadata_urls(&self.url);
        let answer = match self.documents.get(&openid).await {
            Err(error) if error.kind() == ErrorKind::NotFound => self.documents.get(&oauth).await?,
            answer => answer?,
        };
        let metadata: Metadata = answer.json()?;
        if !self.is_called(&metadata.issuer) {
            let message = format!("the metadata of {} is of another issuer: correct auth.issuer", self.url);
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        if metadata.jwks_uri.scheme() != "https" && !is_loopback(&metadata.jwks_uri) {
            let message = format!("the keys of {} can be forged on the way: their address is not https", self.url);
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Ok(metadata.jwks_uri)
    }
}

/// Where an issuer's metadata is. The two standards put their word at different ends of its path.
fn metadata_urls(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    [format!("{path}/.well-known/openid-configuration"), format!("/.well-known/oauth-authorization-server{path}")].map(
        |path| {
            let mut url = issuer.clone();
            url.set_path(&path);
            url
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(url: &str) -> Issuer {
        let documents = Documents::new(Duration::from_secs(1), 1).unwrap();
        Issuer::new(url.parse().unwrap(), None, documents, Clock::system())
    }

    #[test]
    fn an_issuer_answers_to_its_own_name_only() {
        let root = issuer("https://login.example");
        assert!(root.is_called("https://login.example") && root.is_called("https://login.example/"));
        let realm = issuer("https://login.example/realms/a");
        assert!(realm.is_called("https://login.example/realms/a"));
        for name in [
            "https://login.example/realms/a/",
            "https://login.example/realms/A",
            "https://login.example/realms/ab",
            "https://login.example",
            "http://login.example/realms/a",
            "HTTPS://login.example/realms/a",
            "",
        ] {
            assert!(!realm.is_called(name), "{name}");
        }
        assert!(!issuer("https://login.example/realms/a/").is_called("https://login.example/realms/a"));
    }

    #[test]
    fn metadata_is_looked_for_where_both_standards_put_it() {
        let urls = |issuer: &str| metadata_urls(&issuer.parse().unwrap()).map(String::from);
        assert_eq!(
            urls("https://login.example/realms/a"),
            [
                "https://login.example/realms/a/.well-known/openid-configuration",
                "https://login.example/.well-known/oauth-authorization-server/realms/a",
            ]
        );
        assert_eq!(
            urls("https://login.example"),
            [
                "https://login.example/.well-known/openid-configuration",
                "https://login.example/.well-known/oauth-authorization-server",
            ]
        );
    }
}
