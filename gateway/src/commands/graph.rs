//! The graph as it is set: on connections of its own, with what replicas share and the documents that are trusted.

use anyhow::Context;
use entity::Clock;
use sea_orm::DatabaseConnection;
use tracing::info;

use crate::config::Settings;
use crate::console::Document;
use crate::database::{self, Replica};
use crate::feed::Feed;
use crate::graphql::{Graph, TrustedDocuments};
use crate::shared::Shared;
use crate::telemetry::Metrics;
use crate::webhooks::{Courier, Hooks};

/// The graph of the store, whose schema must be there. Its connections are not those of the sync worker: each of its
/// statements has an end, and a long sync does not keep a query waiting.
pub(super) async fn open(
    settings: &Settings,
    feed: &Feed,
    metrics: &Metrics,
) -> anyhow::Result<(Graph, DatabaseConnection)> {
    let limits = &settings.limits;
    let mut db = database::connect_for_queries(&settings.database, limits.execution()).await?;
    let listener = metrics.watch(&mut db, "queries");
    let shared = Shared::open(&settings.redis).context("redis.url is no address of a Redis")?;
    let trusted = TrustedDocuments::read(limits).context("limits.trusted_documents")?;
    if trusted.count() > 0 {
        info!(documents.count = trusted.count(), "trusted documents are known by their names");
    }
    let pages = Document::ALL.iter().map(|document| document.text());
    let trusted = if settings.http.console { trusted.with(pages) } else { trusted };
    metrics.expect(trusted.operations().map(str::to_owned));
    let graph = Graph::new(db.clone(), Clock::system(), feed.clone(), limits)
        .matching(&settings.matching)
        .sharing(shared.clone())
        .trusting(trusted)
        .telling(listener)
        .caching(&settings.cache, shared);
    let replica = Replica::open(&settings.database, limits.execution(), Some(metrics.listener("replica")))
        .context("database.replica_url is no address of a PostgreSQL")?;
    if let Some(replica) = &replica {
        metrics.tell_replica(replica.clone());
    }
    let graph = graph.replicated(replica);
    let cached = graph.clone();
    metrics.tell_cache(move || cached.figures());
    Ok((graph, db))
}

/// What webhooks need, as configuration has it. `None`: there are none.
pub(super) fn hooks(settings: &Settings) -> anyhow::Result<Option<Hooks>> {
    let hooks = Hooks::open(&settings.webhooks).context("webhooks.encryption_key")?;
    if hooks.is_none() {
        info!("no webhooks are sent: webhooks.encryption_key is not set");
    }
    Ok(hooks)
}

/// What brings webhooks' messages, reading them from the graph. `None`: there are none.
pub(super) fn courier(
    db: &DatabaseConnection,
    graph: &Graph,
    hooks: Option<&Hooks>,
) -> anyhow::Result<Option<Courier>> {
    let Some(hooks) = hooks else { return Ok(None) };
    Ok(Some(Courier::new(db.clone(), graph.clone(), hooks.clone(), Clock::system())?))
}
