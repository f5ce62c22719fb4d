//! `hub worker`: the sync worker alone.

use std::process::ExitCode;

use crate::config::Settings;
use crate::http;
use anyhow::Context;
use clap::Args;
use connectors::sync;
use tracing::info;

use super::{sources, store};

/// What `hub worker` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(_arguments: &Arguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let stop = http::stop_on_signal().context("signals cannot be heard")?;
    let db = store::open(&settings.database).await?;
    let engine = sources::engine(&db, settings, Vec::new()).await?;
    info!(sources = settings.sources.len(), "the worker has begun");
    sync::work(engine, settings.sources.clone(), stop).await;
    db.close().await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}
