//! What configuration says of a subgraph: a partner's live graph.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{ClientAuthentication, HeaderText, OAuthSettings, Secret};

/// One `[[subgraph]]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubgraphSettings {
    /// Its name, unique: a letter, then letters, digits, `_` and `-`.
    pub name: String,
    /// Where it takes GraphQL over HTTP.
    pub url: Url,
    /// An answer may take this long, with everything that is done for it. What takes longer is null.
    #[serde(default = "timeout", deserialize_with = "super::short_duration")]
    pub timeout: Duration,
    /// The file of its schema. Where absent, it is asked for its schema (`_service`).
    pub schema: Option<PathBuf>,
    /// Which tokens are sent. None where absent.
    pub oauth: Option<SubgraphOAuth>,
    /// An answer may be this large, in bytes, unpacked.
    #[serde(default = "max_answer_bytes")]
    pub max_answer_bytes: u64,
    /// Requests to it under way at a time; others wait, within their time.
    #[serde(default = "requests_at_once")]
    pub requests_at_once: usize,
    /// How often a query is sent again where it was not answered, within its time. What changes something never is.
    #[serde(default = "retries")]
    pub retries: u32,
    /// Whether queries that are the same in everything share one request while it is under way.
    #[serde(default = "deduplicate")]
    pub deduplicate: bool,
    /// Entities that it has told are kept for so long, where its answer's `Cache-Control` does not say. None where absent.
    #[serde(default, deserialize_with = "super::optional_short_duration")]
    pub entity_cache: Option<Duration>,
    /// When it is left alone for a while.
    #[serde(default)]
    pub breaker: BreakerSettings,
    /// Which headers it is sent beside the hub's own.
    #[serde(default)]
    pub headers: HeaderSettings,
    /// How it is subscribed to.
    #[serde(default)]
    pub subscriptions: SubgraphSubscriptions,
}

/// How a subgraph is subscribed to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubgraphSubscriptions {
    /// What it speaks.
    pub protocol: SubscriptionProtocol,
    /// Where: `https:` and `wss:` are the same. `None`: where it takes queries.
    pub url: Option<Url>,
    /// Subscriptions to it at a time, a connection each; who comes later is told so.
    pub at_once: usize,
    /// After so long without a word it is asked whether it is there; after as long again the subscription is over.
    #[serde(deserialize_with = "super::short_duration")]
    pub silence: Duration,
}

impl Default for SubgraphSubscriptions {
    fn default() -> Self {
        let silence = Duration::from_secs(30);
        Self { protocol: SubscriptionProtocol::default(), url: None, at_once: 1_000, silence }
    }
}

/// A protocol by which results of a subscription come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SubscriptionProtocol {
    /// WebSocket with the subprotocol of that name
    /// (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).
    #[default]
    #[serde(rename = "graphql-transport-ws")]
    WebSocket,
    /// Server-sent events, a connection for each subscription
    /// (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>).
    #[serde(rename = "graphql-sse")]
    ServerSentEvents,
}

/// When a subgraph is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSettings {
    /// So many failures in a row, and it is not asked for a while. 0: it is asked whatever happens.
    pub failures: u32,
    /// For so long; then one request finds out whether it answers again.
    #[serde(deserialize_with = "super::short_duration")]
    pub open_for: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 10, open_for: Duration::from_secs(10) }
    }
}

/// Which headers a subgraph is sent beside the hub's own. What one rule sets, the one below it replaces.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderSettings {
    /// Headers of the client's request, as they came.
    pub forward: Vec<String>,
    /// Headers of the client's request, by the names that the subgraph has for them.
    pub rename: BTreeMap<String, String>,
    /// Headers with what they say.
    pub set: BTreeMap<String, HeaderText>,
}

/// Which tokens a subgraph is sent: the caller's own, or those that the hub gets for itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubgraphOAuth {
    /// Whether the caller's token is passed on. Then nothing else is set here.
    #[serde(default)]
    pub forward: bool,
    /// The token endpoint.
    pub token_url: Option<Url>,
    /// The client's identifier.
    pub client_id: Option<String>,
    /// The client's secret.
    pub client_secret: Option<Secret>,
    /// Scopes to ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The `audience` to ask for, where the issuer wants one.
    pub audience: Option<String>,
    /// The `resource` to ask for (RFC 8707), where the issuer wants one.
    pub resource: Option<String>,
    /// How the client shows its secret.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
}

impl SubgraphOAuth {
    /// How the hub gets tokens for itself. `None`: it gets none.
    #[must_use]
    pub fn client(&self) -> Option<OAuthSettings> {
        let secret = self.client_secret.clone()?;
        Some(OAuthSettings {
            scopes: self.scopes.clone(),
            audience: self.audience.clone(),
            resource: self.resource.clone(),
            client_authentication: self.client_authentication,
            ..OAuthSettings::client_credentials(self.token_url.clone()?, self.client_id.as_deref()?, secret)
        })
    }
}

impl From<OAuthSettings> for SubgraphOAuth {
    fn from(client: OAuthSettings) -> Self {
        Self {
            forward: false,
            token_url: Some(client.token_url),
            client_id: Some(client.client_id),
            client_secret: client.client_secret,
            scopes: client.scopes,
            audience: client.audience,
            resource: client.resource,
            client_authentication: client.client_authentication,
        }
    }
}

fn timeout() -> Duration {
    Duration::from_secs(5)
}

fn max_answer_bytes() -> u64 {
    16 * 1024 * 1024
}

fn requests_at_once() -> usize {
    64
}

fn retries() -> u32 {
    2
}

fn deduplicate() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subgraph_has_a_name_an_address_and_the_rest_by_itself() {
        let settings: SubgraphSettings =
            serde_json::from_value(serde_json::json!({ "name": "a", "url": "http://127.0.0.1/", "timeout": "250ms" }))
                .unwrap();
        assert_eq!(settings.timeout, Duration::from_millis(250));
        assert_eq!((settings.requests_at_once, settings.retries, settings.deduplicate), (64, 2, true));
        assert_eq!(settings.breaker, BreakerSettings { failures: 10, open_for: Duration::from_secs(10) });
        for timeout in ["", "ms", "0ms", "2", "-1s"] {
            let settings = serde_json::json!({ "name": "a", "url": "http://127.0.0.1/", "timeout": timeout });
            assert!(serde_json::from_value::<SubgraphSettings>(settings).is_err(), "{timeout}");
        }
    }
}
