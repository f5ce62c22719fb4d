//! The sections of the configuration that are the gateway's own, with their defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;
use url::Url;

use super::{ConnectionUrl, Network};

/// `[http]`: where the gateway listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// Address and port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where clients reach the gateway. `None`: as the request's `Host` says.
    pub public_url: Option<Url>,
    /// A request may take this long until its answer begins.
    pub request_timeout_secs: u64,
    /// How long what is under way may take to finish once the hub is told to stop.
    pub shutdown_grace_secs: u64,
    /// The proxies whose word is taken for where a request came from: addresses and networks (`10.0.0.0/8`).
    pub trusted_proxies: Vec<Network>,
    /// Whether there is an explorer at `/explorer`.
    pub explorer: bool,
    /// Whether there are pages for people.
    pub console: bool,
}

impl HttpSettings {
    /// A request may take this long until its answer begins.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_secs)
    }

    /// How long what is under way may take to finish once the hub is told to stop.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_secs)
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            request_timeout_secs: 30,
            shutdown_grace_secs: 20,
            trusted_proxies: Vec::new(),
            explorer: true,
            console: true,
        }
    }
}

/// `[database]`: the store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSettings {
    /// `sqlite://…` or `postgres://…`.
    pub url: ConnectionUrl,
    /// Standbys of a PostgreSQL in `url`, for queries: one, or an address behind which there are several. `None`: there
    /// are none.
    pub replica_url: Option<ConnectionUrl>,
    /// How many connections may be open. `None`: 4 to SQLite, 16 to PostgreSQL.
    pub max_connections: Option<u32>,
}

impl DatabaseSettings {
    /// The store at this address.
    #[must_use]
    pub fn at(url: impl Into<ConnectionUrl>, max_connections: Option<u32>) -> Self {
        Self { url: url.into(), replica_url: None, max_connections }
    }
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self::at("sqlite://hub.db?mode=rwc", None)
    }
}

/// `[redis]`: the cache that replicas share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSettings {
    /// `redis://…`, `redis+sentinel://…` or `redis+cluster://…`, with TLS `rediss…`. `None`: the cache is in the process.
    pub url: Option<ConnectionUrl>,
}

/// `[subscriptions]`: what is told as it happens, by WebSocket and by event stream.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriptionSettings {
    /// WebSockets and event streams that may be open at once, together.
    pub connections: usize,
    /// Operations that may run at once on one WebSocket.
    pub operations: usize,
    /// Messages that wait for a client which does not take them yet.
    pub queue: usize,
    /// How long a client may take to say `connection_init`.
    pub init_timeout_secs: u64,
    /// How often a client is asked whether it is still there. One that says nothing until the next time is cut off.
    pub ping_secs: u64,
    /// A client that takes nothing for this long is cut off.
    pub slow_reader_secs: u64,
    /// How often the hub looks by itself for what other processes have committed, where nothing has told it.
    pub poll_ms: u64,
}

impl SubscriptionSettings {
    /// How long a client may take to say `connection_init`.
    #[must_use]
    pub fn init_timeout(&self) -> Duration {
        Duration::from_secs(self.init_timeout_secs)
    }

    /// How often a client is asked whether it is still there.
    #[must_use]
    pub fn ping(&self) -> Duration {
        Duration::from_secs(self.ping_secs)
    }

    /// A client that takes nothing for this long is cut off.
    #[must_use]
    pub fn slow_reader(&self) -> Duration {
        Duration::from_secs(self.slow_reader_secs)
    }

    /// How often the hub looks by itself for what other processes have committed.
    #[must_use]
    pub fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self {
            connections: 2000,
            operations: 50,
            queue: 16,
            init_timeout_secs: 10,
            ping_secs: 20,
            slow_reader_secs: 30,
            poll_ms: 1000,
        }
    }
}

/// `[sync]`: how sources are read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyncSettings {
    /// How many sources are read at once.
    pub workers: usize,
    /// A full read may take away this share of a source's records; more waits for an operator's word. 0 to 1.
    pub allowed_delete_share: f64,
    /// A full read may take away this many records of a stream, whatever their share.
    pub allowed_delete_count: usize,
    /// A run that refuses a larger share of what it read is partial. 0 to 1.
    pub allowed_refusal_share: f64,
    /// Streams that are read by what changed are read in full this often, for what no change tells of.
    pub full_every_hours: u32,
    /// Changes are asked for from so long before the latest that is known.
    pub overlap_secs: u32,
    /// Waits before retries of one run take no longer than this together.
    pub retry_budget_secs: u64,
    /// A worker that says nothing for this long has lost its source to the next.
    pub lease_secs: u64,
    /// The precedence of what is written through the hub's interface; that of a source is `priority`.
    pub interface_priority: i32,
}

impl SyncSettings {
    /// A worker that says nothing for this long has lost its source to the next.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_secs)
    }

    /// Streams that are read by what changed are read in full this often.
    #[must_use]
    pub fn full_every(&self) -> TimeDelta {
        TimeDelta::hours(self.full_every_hours.into())
    }

    /// Changes are asked for from so long before the latest that is known.
    #[must_use]
    pub fn overlap(&self) -> TimeDelta {
        TimeDelta::seconds(self.overlap_secs.into())
    }

    /// Waits before retries of one run take no longer than this together.
    #[must_use]
    pub fn retry_budget(&self) -> Duration {
        Duration::from_secs(self.retry_budget_secs)
    }
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            workers: 4,
            allowed_delete_share: 0.1,
            allowed_delete_count: 5,
            allowed_refusal_share: 0.1,
            full_every_hours: 24,
            overlap_secs: 300,
            retry_budget_secs: 120,
            lease_secs: 60,
            interface_priority: 50,
        }
    }
}
