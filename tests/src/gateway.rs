//! A gateway on a free port of loopback, as `hub serve` runs it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use entity::Clock;
use gateway::auth::Authenticator;
use gateway::config::{CacheSettings, LimitSettings, Settings, SubscriptionSettings};
use gateway::console::Console;
use gateway::feed::Feed;
use gateway::graphql::{Answering, Graph};
use gateway::http::graphql::{Admit, Intake, anybody, or_by_session, routes};
use gateway::http::{self, Readiness, Site, Stopped, Streams};
use gateway::telemetry::Metrics;
use reqwest::{Client, Response};
use sea_orm::DatabaseConnection;
use serde_json::Value;
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
    /// The hub's own graph on a store, which keeps answers.
    pub async fn on_store(db: &DatabaseConnection, settings: &SubscriptionSettings) -> Result<Self> {
        let feed = Feed::new(db.clone(), settings.poll());
        let graph = Graph::new(db.clone(), Clock::system(), feed.clone(), &LimitSettings::default())
            .caching(&CacheSettings::default(), None);
        Self::answering(graph, db, feed, settings, anybody()).await
    }

    /// The hub's own graph, made by `graph` on a feed of this store, within the limits of these settings.
    pub async fn within(
        db: &DatabaseConnection,
        settings: &Settings,
        graph: impl FnOnce(Feed) -> Graph,
    ) -> Result<Self> {
        let feed = Feed::new(db.clone(), settings.subscriptions.poll());
        let graph = graph(feed.clone());
        Self::serve(graph, db, feed, settings, anybody()).await
    }

    /// Whatever answers, to whom `admit` lets in.
    pub async fn answering<E: Answering>(
        executor: E,
        db: &DatabaseConnection,
        feed: Feed,
        settings: &SubscriptionSettings,
        admit: Admit,
    ) -> Result<Self> {
        let mut set = Settings { subscriptions: settings.clone(), ..Settings::default() };
        set.limits.body_bytes = BODY_BYTES;
        Self::serve(executor, db, feed, &set, admit).await
    }

    /// Whatever answers, to everybody, as it is set.
    pub async fn serve<E: Answering>(
        executor: E,
        db: &DatabaseConnection,
        feed: Feed,
        settings: &Settings,
        admit: Admit,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shutdown = CancellationToken::new();
        let body_bytes = settings.limits.body_bytes;
        let streams = Streams::new(&settings.subscriptions, body_bytes, shutdown.clone());
        let site = Site {
            readiness: Readiness::of(db),
            authenticator: Arc::new(Authenticator::new(&settings.auth, Clock::system())?),
            public_url: None,
            body_bytes,
            request_timeout: Duration::from_secs(30),
            explorer: settings.http.explorer,
            metrics: Metrics::default(),
        };
        let console = Console::new(executor.clone(), settings, &site.authenticator)?;
        let admit = or_by_session(admit, console.as_ref());
        let router = http::router(site, routes(executor, &streams, admit, Intake::of(settings)), console);
        let served =
            tokio::spawn(async move { http::serve(listener, router, &streams, Duration::from_secs(10)).await });
        Ok(Self { address, feed, shutdown, served })
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Posts JSON to `/graphql`, and takes the media type that tells everything.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Result<Response> {
        let request = client().post(self.url("/graphql")).header("content-type", "application/json");
        Ok(request.header("accept", "application/graphql-response+json").body(body).send().await?)
    }

    /// Asks: the status and the whole answer.
    pub async fn ask(&self, request: &Value) -> Result<(u16, Value)> {
        let response = self.post(request.to_string()).await?;
        Ok((response.status().as_u16(), response.json().await?))
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

/// A client that follows no redirect and unpacks nothing.
#[expect(clippy::disallowed_methods, reason = "a client of the hub, not the hub's own way out")]
#[must_use]
pub fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_gzip().no_proxy().build().expect("a client")
}

/// The code of an answer's first error, and the limit that it names.
#[must_use]
pub fn told(answer: &Value) -> (&str, &str) {
    let extensions = &answer["errors"][0]["extensions"];
    (extensions["code"].as_str().unwrap_or_default(), extensions["limit"].as_str().unwrap_or_default())
}
