//! `hub runs`: what was read lately, and what came of it.

use std::process::ExitCode;

use crate::config::Settings;
use clap::Args;
use entity::{Code, sync_run};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::listing::instant;
use super::output::Output;
use super::store;

/// What `hub runs` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which sources' runs [default: all]
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// How many runs, the latest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: u64,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let db = store::open(&settings.database).await?;
    let mut runs = sync_run::Entity::find().order_by_desc(sync_run::Column::StartedAt).limit(arguments.last);
    if !arguments.sources.is_empty() {
        runs = runs.filter(sync_run::Column::SourceId.is_in(&arguments.sources));
    }
    for run in runs.all(&db).await? {
        output.line(line(&run));
        for difference in run.drift.iter().flat_map(|drift| &drift.0) {
            output.line(format!("    drift: {difference}"));
        }
    }
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// A run in a line.
fn line(run: &sync_run::Model) -> String {
    let took = match run.finished_at {
        Some(at) => format!("{} s", (at - run.started_at).num_seconds()),
        None => "still running".to_owned(),
    };
    let error = run.error.as_ref().map(|error| format!("; {error}")).unwrap_or_default();
    format!(
        "{} {}: {} ({}, {took}): {} read, {} created, {} updated, {} unchanged, {} deleted, {} refused{error}",
        instant(run.started_at),
        run.source_id,
        run.status.code(),
        run.mode.code().to_lowercase(),
        run.read,
        run.created,
        run.updated,
        run.unchanged,
        run.deleted,
        run.refused,
    )
}
