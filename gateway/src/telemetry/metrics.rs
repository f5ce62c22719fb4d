//! What this process counts, and how it is told: the text format of Prometheus. Each hub has its own counts, so nothing
//! here is global.
//!
//! # To count something
//! Its measure in a file here, with its labels; the line that counts where it happens. A label's values come from what
//! the operator has set or the code knows, never from a client: [`super::names`] shows how a name of a client's becomes
//! one of few.

mod answers;
mod connectors;
mod graphql;
mod http;
mod pools;
mod process;
mod replica;
mod sources;
mod subgraphs;
mod webhooks;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::Clock;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;
use sea_orm::DatabaseConnection;

use self::answers::Answers;
use self::connectors::ConnectorMetrics;
use self::graphql::GraphqlMetrics;
use self::http::HttpMetrics;
use self::pools::{Pools, StoreMetrics};
use self::process::Process;
use self::replica::Replicas;
use self::sources::Sources;
use self::subgraphs::SubgraphMetrics;
use self::webhooks::WebhookMetrics;
pub(crate) use super::measure::Inside;
use crate::cache::Figures;
use crate::database::{Listener, Replica};

/// The media type of what [`Metrics::tell`] gives.
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// What this process counts. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    clock: Clock,
    since: DateTime<Utc>,
    registry: Mutex<Registry>,
    http: HttpMetrics,
    graphql: GraphqlMetrics,
    connectors: ConnectorMetrics,
    webhooks: WebhookMetrics,
    subgraphs: SubgraphMetrics,
    store: StoreMetrics,
    pools: Pools,
    sources: Sources,
    answers: Answers,
    replicas: Replicas,
}

impl Metrics {
    /// Nothing yet. Tells at most so many operations apart, beside those that are [expected](Self::expect).
    #[must_use]
    pub fn new(clock: &Clock, operations: usize) -> Self {
        let mut registry = Registry::with_prefix("hub");
        let (pools, sources, answers) = (Pools::default(), Sources::new(clock.clone()), Answers::default());
        registry.register_collector(Box::new(Process::starting(clock)));
        registry.register_collector(Box::new(pools.clone()));
        registry.register_collector(Box::new(sources.clone()));
        registry.register_collector(Box::new(answers.clone()));
        let replicas = Replicas::default();
        registry.register_collector(Box::new(replicas.clone()));
        Self(Arc::new(Inner {
            clock: clock.clone(),
            since: clock.now(),
            http: HttpMetrics::new(&mut registry),
            graphql: GraphqlMetrics::new(&mut registry, operations),
            connectors: ConnectorMetrics::new(&mut registry),
            webhooks: WebhookMetrics::new(&mut registry),
            subgraphs: SubgraphMetrics::new(&mut registry),
            store: StoreMetrics::new(&mut registry),
            pools,
            sources,
            answers,
            replicas,
            registry: Mutex::new(registry),
        }))
    }

    /// Counts the statements of these connections, and tells how many connections there are, under this name. Gives what
    /// counts, for who listens to the connections in its place.
    pub fn watch(&self, db: &mut DatabaseConnection, pool: &'static str) -> Listener {
        let listener = self.0.store.watch(db, pool);
        self.0.pools.add(pool, db.clone());
        listener
    }

    /// What counts the statements of connections of this name.
    pub(crate) fn listener(&self, pool: &'static str) -> Listener {
        self.0.store.listener(pool)
    }

    /// Tells how these replicas are doing.
    pub(crate) fn tell_replica(&self, replica: Replica) {
        self.0.replicas.of(replica);
    }

    /// Tells how the sources are, as this store says.
    pub fn tell_sources(&self, db: DatabaseConnection) {
        self.0.sources.of(db);
    }

    /// Tells how the cache of answers is doing, as `look` finds it.
    pub fn tell_cache(&self, look: impl Fn() -> Option<Figures> + Send + Sync + 'static) {
        self.0.answers.by(look);
    }

    /// Has these operations told apart, however many others there are: those of documents that the operator trusts.
    pub fn expect(&self, operations: impl IntoIterator<Item = String>) {
        self.0.graphql.names.expect(operations);
    }

    /// All of it, as text. Asks the store how the sources are, at most every few seconds.
    pub async fn tell(&self) -> String {
        self.0.sources.look().await;
        let mut text = String::new();
        let registry = self.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = prometheus_text::encode(&mut text, &registry) {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics could not be written");
        }
        text
    }

    /// Since when it is counted, since 1970.
    pub(super) fn since(&self) -> Duration {
        since_1970(self.0.since)
    }

    /// What time it is, since 1970.
    pub(super) fn now(&self) -> Duration {
        since_1970(self.0.clock.now())
    }

    pub(crate) fn http(&self) -> &HttpMetrics {
        &self.0.http
    }

    pub(crate) fn graphql(&self) -> &GraphqlMetrics {
        &self.0.graphql
    }

    pub(crate) fn webhooks(&self) -> &WebhookMetrics {
        &self.0.webhooks
    }

    pub(crate) fn subgraphs(&self) -> &SubgraphMetrics {
        &self.0.subgraphs
    }
}

fn since_1970(time: DateTime<Utc>) -> Duration {
    (time - DateTime::UNIX_EPOCH).to_std().unwrap_or_default()
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(&Clock::system(), super::OPERATIONS)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
