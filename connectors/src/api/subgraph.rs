//! Requests to a partner's live graph: GraphQL over HTTP by POST, with token, time limit, size cap and a limit to how many
//! are under way. A query that was not answered is sent again, within its time; a mutation is sent once, but for a new
//! token where the old one was refused. A partner that fails again and again is left alone for a while. A subscription has
//! a connection of its own, by WebSocket or server-sent events, and begins as a query does.

mod breaker;
mod closed;
mod events;
mod outgoing;
mod sending;
mod socket;
mod subscribe;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entity::Clock;
use reqwest::header::HeaderMap;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::breaker::Breaker;
pub use self::breaker::BreakerState;
use self::outgoing::Outgoing;
pub use self::outgoing::check_headers;
pub use self::subscribe::{NotSubscribed, Results};
use super::{client_of_streams, host, is_loopback};
use crate::error::{Error, ErrorKind, Result};
use crate::oauth::Tokens;
use crate::pace::Pace;
use crate::settings::{SubgraphOAuth, SubgraphSettings, SubscriptionProtocol};

/// The longest wait before a query is sent again for the first time; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Speaks to one subgraph, for as long as the process lives.
pub struct Subgraph {
    client: reqwest::Client,
    /// For server-sent events.
    streams: reqwest::Client,
    settings: SubgraphSettings,
    tokens: Option<Arc<Tokens>>,
    places: Semaphore,
    subscriptions: Arc<Semaphore>,
    subscribed_at: Url,
    breaker: Breaker,
    /// Subscriptions may be another host's: one says nothing of the other.
    breaker_of_subscriptions: Breaker,
    outgoing: Outgoing,
    clock: Clock,
    pace: Pace,
}

/// A whole answer of a subgraph's.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Its body, unpacked.
    pub body: Bytes,
    /// Its headers.
    pub headers: HeaderMap,
}

/// A request to a subgraph.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is asked, as JSON.
    pub body: Bytes,
    /// Headers beside those of its own.
    pub headers: HeaderMap,
    /// Whether asking twice does what asking once does.
    pub is_repeatable: bool,
}

impl Subgraph {
    /// Speaks to the subgraph that `settings` describes.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where a secret or a token would travel in the clear, or a header cannot be sent.
    pub fn new(client: &reqwest::Client, settings: &SubgraphSettings, clock: Clock) -> Result<Self> {
        let name = &settings.name;
        let oauth = settings.oauth.as_ref().and_then(SubgraphOAuth::client);
        let tokens = oauth.map(|oauth| Tokens::new(client, name, &oauth, None, clock.clone())).transpose()?;
        let has_secret = settings.oauth.is_some() || !settings.headers.set.is_empty();
        let addresses = [("url", Some(&settings.url)), ("subscriptions.url", settings.subscriptions.url.as_ref())];
        for (key, url) in addresses {
            let in_the_clear = |url: &&Url| !matches!(url.scheme(), "https" | "wss") && !is_loopback(url);
            if has_secret && url.is_some_and(|url| in_the_clear(&url)) {
                let message = format!("subgraph `{name}`: {key} must be https: tokens would travel in the clear");
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        }
        let outgoing =
            Outgoing::new(&settings.headers).map_err(|error| error.at(&format!("subgraph `{name}`.headers")))?;
        let streams = match settings.subscriptions.protocol {
            SubscriptionProtocol::WebSocket => client.clone(),
            SubscriptionProtocol::ServerSentEvents => client_of_streams()?,
        };
        Ok(Self {
            client: client.clone(),
            streams,
            settings: settings.clone(),
            tokens: tokens.map(Arc::new),
            places: Semaphore::new(settings.requests_at_once.clamp(1, Semaphore::MAX_PERMITS)),
            subscriptions: Arc::new(Semaphore::new(settings.subscriptions.at_once.min(Semaphore::MAX_PERMITS))),
            subscribed_at: subscribed_at(settings),
            breaker: Breaker::new(settings.breaker, clock.clone()),
            breaker_of_subscriptions: Breaker::new(settings.breaker, clock.clone()),
            outgoing,
            clock,
            pace: Pace::real(),
        })
    }

    /// What it was made of.
    #[must_use]
    pub fn settings(&self) -> &SubgraphSettings {
        &self.settings
    }

    /// Whether it is to be sent the caller's own token.
    #[must_use]
    pub fn forwards(&self) -> bool {
        self.settings.oauth.as_ref().is_some_and(|oauth| oauth.forward)
    }

    /// The headers that it is sent for a client that sent these, beside its token.
    #[must_use]
    pub fn headers_for(&self, client: &HeaderMap) -> HeaderMap {
        self.outgoing.of(client)
    }

    /// Whether queries and mutations are sent to it.
    #[must_use]
    pub fn breaker(&self) -> BreakerState {
        self.breaker.is()
    }

    /// Whether it is subscribed to.
    #[must_use]
    pub fn breaker_of_subscriptions(&self) -> BreakerState {
        self.breaker_of_subscriptions.is()
    }

    /// Sends a request, as JSON, and gives the whole answer: one that is GraphQL's, whatever its status.
    ///
    /// # Errors
    /// As [`ErrorKind`] says. It takes no longer than the subgraph's time, whatever happens.
    pub async fn post(&self, asked: &Asked) -> Result<Answered> {
        let deadline = Instant::now() + self.settings.timeout;
        let retries = if asked.is_repeatable { self.settings.retries } else { 0 };
        let attempts = self.attempts(retries, deadline, |is_last| self.exchange(asked, is_last));
        self.guarded(&self.breaker, &self.settings.url, deadline, attempts).await
    }

    /// What `asking` gives, in time, if what is there is not left alone.
    async fn guarded<T>(
        &self,
        breaker: &Breaker,
        url: &Url,
        deadline: Instant,
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(pass) = breaker.pass() else {
            let message = format!("{} failed so often that it is not asked for a while", host(url));
            return Err(Error::new(ErrorKind::BreakerOpen, message));
        };
        let answer = timeout_at(deadline, asking).await;
        let answer = answer.unwrap_or_else(|_| {
            let seconds = self.settings.timeout.as_secs_f64();
            let message = format!("{} did not answer within {seconds} s", host(url));
            Err(Error::new(ErrorKind::Timeout, message))
        });
        match answer.as_ref().map_err(Error::kind) {
            Err(kind) if counts_against(kind) => pass.failed(),
            // That the token endpoint is down says nothing of the partner.
            Err(ErrorKind::TokenEndpointDown | ErrorKind::TokenRefused) => drop(pass),
            _ => pass.answered(),
        }
        answer
    }

    /// What one attempt gives, of so many more as may help. Each is told whether it is the last.
    async fn attempts<T, F>(&self, mut left: u32, deadline: Instant, attempt: impl Fn(bool) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut longest = FIRST_WAIT;
        loop {
            let error = match attempt(left == 0).await {
                Err(error) if left > 0 && may_pass(&error) => error,
                outcome => return outcome,
            };
            let wait = longest.mul_f64(0.5 + 0.5 * self.pace.draw()).max(error.wait().unwrap_or_default());
            // Who would wait until it is too late may as well be told now.
            if Instant::now() + wait >= deadline {
                return Err(error);
            }
            self.pace.sleep(wait).await;
            longest = longest.saturating_mul(2);
            left -= 1;
        }
    }
}

/// Where it is subscribed to, as the client that sends requests has it.
fn subscribed_at(settings: &SubgraphSettings) -> Url {
    let url = settings.subscriptions.url.as_ref().unwrap_or(&settings.url);
    let rest = url.as_str().strip_prefix("ws");
    rest.and_then(|rest| Url::parse(&format!("http{rest}")).ok()).unwrap_or_else(|| url.clone())
}

/// Whether a failure says that the partner is not well. A refusal is an answer.
fn counts_against(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unreachable | ErrorKind::Untrusted | ErrorKind::Timeout | ErrorKind::ServerError)
}

/// Whether the same request may well be answered a moment later. A status that says so comes with a wait, be it none.
fn may_pass(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unreachable | ErrorKind::TokenEndpointDown => true,
        ErrorKind::ServerError => error.wait().is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_may_be_as_far_apart_as_is_set() {
        let client = super::super::client().unwrap();
        let of = |protocol: &str| {
            let settings =
                json!({ "name": "a", "url": "http://127.0.0.1/", "subscriptions": { "protocol": protocol } });
            Subgraph::new(&client, &serde_json::from_value(settings).unwrap(), Clock::system()).unwrap()
        };
        // The client that asks for whole answers gives up one that is quiet for a minute.
        let is_bounded = |client: &reqwest::Client| format!("{client:?}").contains("read_timeout");
        let subgraph = of("graphql-sse");
        assert!(is_bounded(&subgraph.client) && !is_bounded(&subgraph.streams));
    }
}
