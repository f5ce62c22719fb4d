//! `hub subgraphs`: how each partner's live graph is, as the hubs on this store have found it.

use std::collections::HashMap;
use std::process::ExitCode;

use crate::config::Settings;
use crate::federation::memory::state;
use clap::Args;
use entity::subgraph;
use sea_orm::EntityTrait;
use sha2::{Digest, Sha256};

use super::listing::instant;
use super::output::Output;
use super::store;

/// What `hub subgraphs` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(_arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let db = store::open(&settings.database).await?;
    let rows = subgraph::Entity::find().all(&db).await?;
    let known: HashMap<&str, &subgraph::Model> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
    for settings in &settings.subgraphs {
        // One that is asked elsewhere now has not been looked at there.
        let row = known.get(settings.name.as_str()).copied().filter(|row| row.url == settings.url.as_str());
        let sdl = row.and_then(|row| row.sdl.as_deref());
        let hash = sdl.map_or("-".to_owned(), |sdl| hex(&Sha256::digest(sdl.as_bytes())[..6]));
        let since = row.and_then(|row| row.live_since).map_or("-".to_owned(), instant);
        output.line(format!("{}  {}  {}  schema {hash}  since {since}", settings.name, settings.url, state(row)));
        for problem in row.and_then(|row| row.problem.as_deref()).into_iter().flat_map(str::lines) {
            output.line(format!("    {problem}"));
        }
    }
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
