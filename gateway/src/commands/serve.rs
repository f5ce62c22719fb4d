//! `hub serve`: the gateway.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use entity::Clock;
use gateway::config::Settings;
use gateway::graphql::Graph;
use gateway::http::{self, Site};
use tokio::net::TcpListener;
use tracing::info;

use super::store;

/// What `hub serve` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(_arguments: &Arguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let shutdown = http::stop_on_signal().context("signals cannot be heard")?;
    let db = store::open(&settings.database).await?;
    let address = settings.http.listen;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: choose another http.listen, or stop what listens there")
    })?;
    let site = Site {
        db: db.clone(),
        body_bytes: settings.limits.body_bytes,
        request_timeout: settings.http.request_timeout(),
    };
    let graph = Graph::new(db.clone(), Clock::system(), &settings.limits);
    let graphql = http::graphql::route(graph);
    let router = http::router(site, graphql);

    let address = listener.local_addr()?;
    info!(http.listen = %address, "serving on http://{address}");
    http::serve(listener, router, shutdown, settings.http.shutdown_grace()).await?;
    db.close().await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}
