//! `hub subgraphs`: how each partner's live graph is, as the hubs on this store have found it.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;

use super::listing::instant;
use super::output::Output;
use super::store;
use crate::config::Settings;
use crate::federation::roster::{Known, Roster};

/// What `hub subgraphs` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(_arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let db = store::open(&settings.database).await?;
    for known in Roster::of(&settings.subgraphs).read(&db).await? {
        tell(&known, output);
    }
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn tell(known: &Known, output: &mut Output) {
    let Known { name, url, row, .. } = known;
    let (state, row) = (known.state().words(), row.as_ref());
    let hash = known.schema_hash().unwrap_or_else(|| "-".to_owned());
    let at = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".to_owned(), instant);
    let since = at(row.and_then(|row| row.live_since));
    let fetched = at(row.and_then(|row| row.fetched_at));
    output.line(format!("{name}  {url}  {state}  schema {hash}  since {since}  fetched {fetched}"));
    let problems = row.into_iter().flat_map(|row| [&row.fetch_problem, &row.problem]).flatten();
    for problem in problems.flat_map(|problem| problem.lines()) {
        output.line(format!("    {problem}"));
    }
}
