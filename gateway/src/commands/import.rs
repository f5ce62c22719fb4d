//! `hub import`: reference data from files.

mod shortages;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Settings;
use anyhow::Context;
use clap::{Args, Subcommand};

use super::output::Output;
use super::store;

/// What `hub import` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Expected teacher shortage per region and year: CSV with region, year and fte; `,` or `;` between them
    Shortages {
        /// The file
        file: PathBuf,
    },
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let What::Shortages { file } = &arguments.what;
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let db = store::open(&settings.database).await?;
    let imported =
        shortages::import(&db, &text).await.with_context(|| format!("nothing was taken from {}", file.display()))?;
    output.line(format!("Expected shortages taken: {}. Regions: {}.", imported.rows, imported.regions));
    Ok(ExitCode::SUCCESS)
}
