//! `hub serve`: the gateway.

use std::process::ExitCode;
use std::sync::Arc;

use crate::audit::retention;
use crate::auth::Authenticator;
use crate::config::{Settings, retention as kept};
use crate::console::Console;
use crate::federation::Federation;
use crate::feed::Feed;
use crate::graphql::{Rechecks, Syncs};
use crate::http::graphql::Intake;
use crate::http::{self, Readiness, Site, Streams};
use crate::telemetry::{Collector, Measured, Metrics};
use anyhow::Context;
use clap::Args;
use connectors::sync::{self, Observer};
use entity::Clock;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::info;

use super::{backstage, graph, sources, store};

/// What `hub serve` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Run the sync worker in the same process
    #[arg(long)]
    with_worker: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    settings: &Settings,
    collector: Option<&Arc<Collector>>,
) -> anyhow::Result<ExitCode> {
    let shutdown = http::stop_on_signal().context("signals cannot be heard")?;
    let metrics = Metrics::new(&Clock::system(), settings.telemetry.operations);
    let db = store::open_watched(&settings.database, &metrics).await?;
    let address = settings.http.listen;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: choose another http.listen, or stop what listens there")
    })?;
    let authenticator = Arc::new(Authenticator::new(&settings.auth, Clock::system())?);
    let keys = authenticator.keep_fresh(shutdown.clone());
    let mut site = Site {
        readiness: Readiness::of(&db),
        authenticator,
        public_url: settings.http.public_url.clone(),
        body_bytes: settings.limits.body_bytes,
        request_timeout: settings.http.request_timeout(),
        explorer: settings.http.explorer,
        metrics: metrics.clone(),
    };
    let feed = Feed::new(db.clone(), settings.subscriptions.poll());
    let observers = || vec![Arc::new(feed.clone()) as Arc<dyn Observer>];
    let engine = sources::engine(&db, settings, [observers(), vec![Arc::new(metrics.clone())]].concat()).await?;
    let syncs = Arc::new(Syncs::new(Arc::clone(&engine), settings.sources.clone(), shutdown.clone()));
    let hooks = graph::hooks(settings)?;
    let writes = sources::writes(settings, observers(), Some(Arc::clone(&syncs)), hooks.clone());
    let (graph, queries) = graph::open(settings, &feed, &metrics).await?;
    site.readiness.stand_in = graph.stand_in();
    if site.readiness.stand_in.is_some() {
        info!("queries are read from a replica, where one has come far enough");
    }
    let readiness = site.readiness.clone();
    let rechecks = Rechecks::new(&engine, &settings.sources, Clock::system());
    let graph = graph.writing(writes).rechecking(rechecks);
    let streams = Streams::new(&settings.subscriptions, settings.limits.body_bytes, shutdown.clone()).counted(&metrics);
    let (federation, joining) = Federation::of(graph.clone(), &settings.federation, &metrics)
        .joined(&settings.subgraphs, shutdown.clone())
        .await?;
    let measured = Measured::new(federation, &metrics, settings.telemetry.slow());
    let console = Console::new(measured.clone(), settings, &site.authenticator)?;
    let admit = http::graphql::by_token(Arc::clone(&site.authenticator));
    let admit = http::graphql::or_by_session(admit, console.as_ref());
    let graphql = http::graphql::routes(measured, &streams, admit, Intake::of(settings));
    let mut router = http::router(site, graphql, console);
    if settings.metrics.listen.is_none() {
        router = router.merge(http::figures(&metrics));
    }
    let backstage = backstage::open(settings, &metrics, readiness, collector).await?;

    let address = listener.local_addr()?;
    info!(http.listen = %address, "serving on http://{address}");
    let mut workers = JoinSet::new();
    if arguments.with_worker {
        workers.spawn(sync::work(engine, settings.sources.clone(), shutdown.clone()));
        if let Some(courier) = graph::courier(&db, &graph, hooks.as_ref())? {
            workers.spawn(courier.counted(&metrics).work(feed.clone(), shutdown.clone()));
        }
    }
    let kept = kept(&settings.audit, &settings.mutations);
    let keeping = retention::keep(db.clone(), Clock::system(), kept, shutdown.clone());
    http::serve(listener, router, &streams, settings.http.shutdown_grace()).await?;
    while let Some(worker) = workers.join_next().await {
        worker?;
    }
    graph.close().await;
    syncs.finish().await;
    keeping.await?;
    if let Some(joining) = joining {
        joining.await?;
    }
    keys.await?;
    drop(feed);
    backstage.close().await?;
    queries.close().await?;
    db.close().await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}
