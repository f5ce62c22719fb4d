//! The ways to Redis that its address can say: one server, the one that Sentinels name, or a cluster.
//!
//! | Address | What it says |
//! | --- | --- |
//! | `redis://[user:password@]host[:port][/db]` | one server |
//! | `redis+sentinel://[user:password@]host[:port],…/service[/db]` | Sentinels, and the name that they know the server by |
//! | `redis+cluster://[user:password@]host[:port],…` | some nodes of a cluster |
//!
//! With TLS they begin with `rediss`. User and password are those of the servers (ACL); Sentinels are asked without.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::cluster::{ClusterClientBuilder, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline, RedisError,
    RedisFuture, RedisResult, TlsMode, Value,
};

/// A connection may take this long to be made, with TLS and all. Who asks does not wait so long: it is there for the next.
const DIALLING: Duration = Duration::from_secs(2);
/// Where Sentinels listen.
const SENTINEL_PORT: u16 = 26_379;

/// A connection to Redis, whichever way. Cheap to clone; those of one are one connection.
#[derive(Clone)]
pub(crate) enum Connection {
    One(ConnectionManager),
    Named(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// How Redis is reached. It is not before it is asked.
#[derive(Clone)]
pub(super) enum Route {
    /// The connection makes itself anew.
    Kept(Connection),
    /// Sentinels are asked where the server is, and again when it fails: another may have taken its place.
    Named(Arc<Named>),
}

pub(super) struct Named {
    sentinels: tokio::sync::Mutex<SentinelClient>,
    patience: Duration,
    current: Mutex<Option<Dialled>>,
}

type Dialled = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

impl Route {
    /// What the address says. `patience` is how long an answer may take.
    ///
    /// # Errors
    /// Where it is no address of Redis.
    pub(super) fn of(url: &str, patience: Duration) -> RedisResult<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        match scheme.split_once('+') {
            Some((scheme, "sentinel")) => Self::named(scheme, rest, patience),
            Some((scheme, "cluster")) => Self::cluster(scheme, rest, patience),
            _ => Self::one(url, patience),
        }
    }

    fn one(url: &str, patience: Duration) -> RedisResult<Self> {
        let bounds = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(DIALLING))
            .set_response_timeout(Some(patience));
        ConnectionManager::new_lazy_with_config(Client::open(url)?, bounds).map(Connection::One).map(Self::Kept)
    }

    fn cluster(scheme: &str, rest: &str, patience: Duration) -> RedisResult<Self> {
        let Authority { login, hosts, path } = Authority::of(rest);
        if !path.is_empty() {
            return Err(invalid("a cluster's address names no database"));
        }
        let nodes = hosts.iter().map(|host| format!("{scheme}://{login}{host}"));
        let client = ClusterClientBuilder::new(nodes).retries(1).build()?;
        let bounds = ClusterConfig::new().set_connection_timeout(DIALLING).set_response_timeout(patience);
        Ok(Self::Kept(Connection::Cluster(client.get_pending_async_connection_with_config(bounds))))
    }

    fn named(scheme: &str, rest: &str, patience: Duration) -> RedisResult<Self> {
        let Authority { login, hosts, path } = Authority::of(rest);
        let (service, database) = path.split_once('/').unwrap_or((path, ""));
        if service.is_empty() {
            return Err(invalid("an address of Sentinels ends with the name that they know the server by"));
        }
        let sentinels = hosts.iter().map(|host| {
            let port = if has_port(host) { String::new() } else { format!(":{SENTINEL_PORT}") };
            format!("{scheme}://{host}{port}").into_connection_info()
        });
        let sentinels: Vec<ConnectionInfo> = sentinels.collect::<RedisResult<_>>()?;
        let server = format!("{scheme}://{login}localhost/{database}").into_connection_info()?;
        let mut servers =
            SentinelNodeConnectionInfo::default().set_redis_connection_info(server.redis_settings().clone());
        if scheme == "rediss" {
            servers = servers.set_tls_mode(TlsMode::Secure);
        }
        let client = SentinelClient::build(sentinels, service, Some(servers), SentinelServerType::Master)?;
        let named = Named { sentinels: tokio::sync::Mutex::new(client), patience, current: Mutex::default() };
        Ok(Self::Named(Arc::new(named)))
    }

    /// The connection; the one that there is, or is being made.
    ///
    /// # Errors
    /// Where none can be made.
    pub(super) async fn connection(&self) -> RedisResult<Connection> {
        match self {
            Self::Kept(connection) => Ok(connection.clone()),
            Self::Named(named) => named.connection().await.map(Connection::Named),
        }
    }

    /// Says that the connection failed.
    pub(super) fn failed(&self) {
        if let Self::Named(named) = self {
            let mut current = named.current.lock().unwrap_or_else(PoisonError::into_inner);
            // One that is still being made has not failed: whoever asked was only too impatient for it.
            if current.as_ref().is_some_and(|dialled| dialled.peek().is_some()) {
                *current = None;
            }
        }
    }
}

impl Named {
    async fn connection(self: &Arc<Self>) -> RedisResult<MultiplexedConnection> {
        let dialled = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.get_or_insert_with(|| Arc::clone(self).dial()).clone()
        };
        dialled.await
    }

    /// Goes on though nobody waits for it any more: whoever asks next finds it made.
    fn dial(self: Arc<Self>) -> Dialled {
        let dialling = tokio::spawn(async move {
            let server = self.sentinels.lock().await.async_get_client().await?;
            let bounds = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(DIALLING))
                .set_response_timeout(Some(self.patience));
            server.get_multiplexed_async_connection_with_config(&bounds).await
        });
        async { dialling.await.unwrap_or_else(|_| Err(invalid("the task that connects has ended"))) }.boxed().shared()
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(cmd),
            Self::Named(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Named(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Named(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// What stands behind the scheme of an address with many hosts, which no URL may have.
struct Authority<'a> {
    /// With the `@` behind it.
    login: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
}

impl<'a> Authority<'a> {
    fn of(rest: &'a str) -> Self {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        Self { login, hosts: hosts.split(',').collect(), path }
    }
}

/// Whether the host, perhaps an IPv6 address in brackets, has a port behind it.
fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'))
}

fn invalid(why: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, why).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> RedisResult<Route> {
        Route::of(url, Duration::from_millis(50))
    }

    #[tokio::test]
    async fn the_address_says_which_way() {
        for url in ["redis://localhost", "rediss://hub:p%40ss@redis:6380/2", "redis+unix:///run/redis.sock"] {
            assert!(matches!(of(url), Ok(Route::Kept(Connection::One(_)))), "{url}");
        }
        for url in ["redis+sentinel://one,two:26380/hub", "rediss+sentinel://hub:secret@[::1],two/hub/3"] {
            assert!(matches!(of(url), Ok(Route::Named(_))), "{url}");
        }
        for url in ["redis+cluster://one:7000,two:7001,three", "rediss+cluster://hub:secret@one"] {
            assert!(matches!(of(url), Ok(Route::Kept(Connection::Cluster(_)))), "{url}");
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused() {
        for url in [
            "",
            "localhost",
            "http://localhost",
            "redis+other://localhost",
            "redis+sentinel://localhost",
            "redis+sentinel://localhost/",
            "redis+sentinel:///hub",
            "redis+sentinel://localhost/hub/first",
            "http+sentinel://localhost/hub",
            "redis+cluster://",
            "redis+cluster://one,,two",
            "redis+cluster://one/2",
        ] {
            assert!(of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn hosts_may_have_ports() {
        let cases = [("one", false), ("one:1", true), ("[::1]", false), ("[::1]:1", true), ("10.0.0.1", false)];
        for (host, expected) in cases {
            assert_eq!(has_port(host), expected, "{host}");
        }
    }
}
