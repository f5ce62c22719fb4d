//! `hub sync`: runs sources now, and waits.

use std::process::ExitCode;
use std::sync::Arc;

use crate::config::Settings;
use crate::http;
use anyhow::Context;
use clap::Args;
use connectors::sync::{Observer, RunOptions, RunReport};
use entity::Code;
use entity::vocabulary::SyncStatus;

use super::output::Output;
use super::progress::Bars;
use super::{sources, store};

/// What `hub sync` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which sources to run [default: all]
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Read everything, and start over
    #[arg(long)]
    full: bool,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete what is gone, however much it is
    #[arg(long)]
    allow_mass_delete: bool,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let chosen = sources::choose(&settings.sources, &arguments.sources)?;
    let cancel = http::stop_on_signal().context("signals cannot be heard")?;
    let db = store::open(&settings.database).await?;
    let bars = Bars::on_terminal().map(Arc::new);
    let observers = bars.iter().map(|bars| Arc::clone(bars) as Arc<dyn Observer>).collect();
    let engine = sources::engine(&db, settings, observers).await?;
    if chosen.is_empty() {
        output.line("no source is configured: add a [[source]] to the configuration");
    }
    let options = RunOptions {
        full: arguments.full,
        dry_run: arguments.dry_run,
        allow_mass_delete: arguments.allow_mass_delete,
        cancel,
        ..RunOptions::default()
    };
    let mut code = ExitCode::SUCCESS;
    sources::run(&engine, chosen, &options, &settings.sync, |source, outcome| {
        if let Some(bars) = &bars {
            bars.end(&source.id);
        }
        let (line, succeeded) = match outcome {
            Ok(report) => (line(&report, arguments.dry_run), report.status == SyncStatus::Succeeded),
            Err(error) => (format!("{}: FAILED; {error}", source.id), false),
        };
        output.line(line);
        if !succeeded {
            code = ExitCode::FAILURE;
        }
    })
    .await;
    db.close().await?;
    Ok(code)
}

/// A run in a line.
pub(super) fn line(report: &RunReport, dry_run: bool) -> String {
    let tally = report.tally;
    let mode = report.mode.code().to_lowercase();
    let note = if dry_run { ", nothing was written" } else { "" };
    let error = report.error.as_ref().map(|error| format!("; {error}")).unwrap_or_default();
    format!(
        "{}: {} ({mode}{note}): {} read, {} created, {} updated, {} unchanged, {} deleted, {} refused{error}",
        report.source_id,
        report.status.code(),
        tally.read,
        tally.created,
        tally.updated,
        tally.unchanged,
        tally.deleted,
        tally.refused,
    )
}
