//! `hub refusals`: records that could not be taken, and why.

use std::process::ExitCode;

use crate::config::Settings;
use clap::Args;
use entity::refusal;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::listing::instant;
use super::output::Output;
use super::store;

/// What `hub refusals` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which sources' refusals [default: all]
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// How many, those refused last first
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: u64,
    /// Show what came as well, without contact details
    #[arg(long)]
    payload: bool,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let db = store::open(&settings.database).await?;
    let mut refusals = refusal::Entity::find().order_by_desc(refusal::Column::LastSeenAt).limit(arguments.last);
    if !arguments.sources.is_empty() {
        refusals = refusals.filter(refusal::Column::SourceId.is_in(&arguments.sources));
    }
    let refusals = refusals.all(&db).await?;
    if refusals.is_empty() {
        output.line("no record is refused");
    }
    for refusal in refusals {
        output.line(format!(
            "{} {} {}: since {}, last {}",
            refusal.source_id,
            refusal.stream,
            refusal.external_id.as_deref().unwrap_or("(without an identifier)"),
            instant(refusal.first_seen_at),
            instant(refusal.last_seen_at),
        ));
        for reason in &refusal.reasons.0 {
            output.line(format!("    {reason}"));
        }
        if let Some(payload) = refusal.payload.filter(|_| arguments.payload) {
            output.line(format!("    {payload}"));
        }
    }
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}
