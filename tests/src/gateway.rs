//! A gateway on a free port of loopback, as `hub serve` runs it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_graphql::Executor;
use entity::Clock;
use gateway::auth::Authenticator;
use gateway::config::{AuthSettings, LimitSettings, SubscriptionSettings};
use gateway::feed::Feed;
use gateway::graphql::Graph;
use gateway::http::graphql::{Admit, anybody, routes};
use gateway::http::{self, Site, Stopped, Streams};
use sea_orm::DatabaseConnection;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The longest message and body that it takes, in bytes.
pub const BODY_BYTES: usize = 100_000;

/// A gateway that serves until it is stopped.
pub struct TestGateway {
    /// Where.
    pub address: SocketAddr,
    /// Where the change feed ends, as this gateway knows it.
    pub feed: Feed,
    shutdown: CancellationToken,
    served: JoinHandle<std::io::Result<Stopped>>,
}

impl TestGateway {
    /// The hub's own graph on a store.
    pub async fn on_store(db: &DatabaseConnection, settings: &SubscriptionSettings) -> Result<Self> {
        let feed = Feed::new(db.clone(), settings.poll());
        let graph = Graph::new(db.clone(), Clock::system(), feed.clone(), &LimitSettings::default());
        Self::answering(graph, db, feed, settings, anybody()).await
    }

    /// Whatever answers, to whom `admit` lets in.
    pub async fn answering<E: Executor>(
        executor: E,
        db: &DatabaseConnection,
        feed: Feed,
        settings: &SubscriptionSettings,
        admit: Admit,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shutdown = CancellationToken::new();
        let streams = Streams::new(settings, BODY_BYTES, shutdown.clone());
        let site = Site {
            db: db.clone(),
            authenticator: Arc::new(Authenticator::new(&AuthSettings::default(), Clock::system())?),
            public_url: None,
            body_bytes: BODY_BYTES,
            request_timeout: Duration::from_secs(5),
        };
        let router = http::router(site, routes(executor, &streams, admit));
        let served =
            tokio::spawn(async move { http::serve(listener, router, &streams, Duration::from_secs(10)).await });
        Ok(Self { address, feed, shutdown, served })
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Tells it to stop.
    pub fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Waits until it has stopped, and says how.
    pub async fn stopped(self) -> Result<Stopped> {
        Ok(self.served.await??)
    }
}
