//! `hub worker`: the worker alone: reads sources, and brings webhooks' messages.

use std::process::ExitCode;
use std::sync::Arc;

use crate::config::Settings;
use crate::feed::Feed;
use crate::http::{self, Readiness};
use crate::telemetry::{Collector, Metrics};
use anyhow::Context;
use clap::Args;
use connectors::sync::{self, Observer};
use entity::Clock;
use tokio::task::JoinSet;
use tracing::info;

use super::{backstage, graph, sources, store};

/// What `hub worker` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(
    _arguments: &Arguments,
    settings: &Settings,
    collector: Option<&Arc<Collector>>,
) -> anyhow::Result<ExitCode> {
    let stop = http::stop_on_signal().context("signals cannot be heard")?;
    let metrics = Metrics::new(&Clock::system(), settings.telemetry.operations);
    let db = store::open_watched(&settings.database, &metrics).await?;
    let backstage = backstage::open(settings, &metrics, Readiness::of(&db), collector).await?;
    let feed = Feed::new(db.clone(), settings.subscriptions.poll());
    let observers = || vec![Arc::new(feed.clone()) as Arc<dyn Observer>];
    let engine = sources::engine(&db, settings, [observers(), vec![Arc::new(metrics.clone())]].concat()).await?;
    let hooks = graph::hooks(settings)?;
    let (graph, queries) = graph::open(settings, &feed, &metrics).await?;
    let graph = graph.writing(sources::writes(settings, observers(), None, hooks.clone()));
    info!(sources = settings.sources.len(), "the worker has begun");
    let mut workers = JoinSet::new();
    workers.spawn(sync::work(engine, settings.sources.clone(), stop.clone()));
    if let Some(courier) = graph::courier(&db, &graph, hooks.as_ref())? {
        workers.spawn(courier.counted(&metrics).work(feed.clone(), stop));
    }
    while let Some(worker) = workers.join_next().await {
        worker?;
    }
    graph.close().await;
    drop(feed);
    backstage.close().await?;
    queries.close().await?;
    db.close().await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}
