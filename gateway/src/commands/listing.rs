//! `hub sources`: how each connected system is, and what is to be done about it.

use std::collections::HashMap;
use std::process::ExitCode;

use crate::config::Settings;
use crate::graphql::health::Freshness;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use entity::{Clock, claim, refusal, source, sync_run};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::output::Output;
use super::store;

/// What `hub sources` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(_arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let db = store::open(&settings.database).await?;
    let now = Clock::system().now();
    let (records, refused) = (record_counts(&db).await?, refused_counts(&db).await?);
    for row in source::Entity::find().order_by_asc(source::Column::Id).all(&db).await? {
        let last = last_run(&db, &row.id).await?;
        let count = |counts: &HashMap<String, i64>| counts.get(&row.id).copied().unwrap_or(0);
        let (taken, refused) = (count(&records), count(&refused));
        let freshness = Freshness::new(row, now);
        tell(&freshness, last.as_ref(), taken, refused, output);
    }
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn tell(freshness: &Freshness, last: Option<&sync_run::Model>, taken: i64, refused: i64, output: &mut Output) {
    let source = &freshness.source;
    output.line(format!(
        "{}: {}; {taken} records, {refused} refused; last success {}, next run {}",
        source.id,
        freshness.health.word(),
        source.last_succeeded_at.map_or_else(|| "never".to_owned(), instant),
        source.next_run_at.map_or_else(|| "as soon as a worker looks".to_owned(), instant),
    ));
    if let Some(advice) = freshness.advice(last.and_then(|run| run.error.as_deref())) {
        output.line(format!("    {advice}"));
    }
    if refused > 0 {
        output.line(format!("    `hub refusals {}` shows what could not be taken, and why.", source.id));
    }
    for difference in last.and_then(|run| run.drift.as_ref()).map_or(&[][..], |drift| &drift.0) {
        output.line(format!("    its records have changed their form: {difference}"));
    }
}

/// An instant as commands write it.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

async fn last_run(db: &DatabaseConnection, source_id: &str) -> Result<Option<sync_run::Model>, DbErr> {
    sync_run::Entity::find()
        .filter(sync_run::Column::SourceId.eq(source_id))
        .order_by_desc(sync_run::Column::StartedAt)
        .one(db)
        .await
}

async fn record_counts(db: &DatabaseConnection) -> Result<HashMap<String, i64>, DbErr> {
    let counts: Vec<(String, i64)> = claim::Entity::find()
        .select_only()
        .column(claim::Column::SourceId)
        .column_as(claim::Column::Id.count(), "count")
        .filter(claim::Column::DeletedAt.is_null())
        .group_by(claim::Column::SourceId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counts.into_iter().collect())
}

async fn refused_counts(db: &DatabaseConnection) -> Result<HashMap<String, i64>, DbErr> {
    let counts: Vec<(String, i64)> = refusal::Entity::find()
        .select_only()
        .column(refusal::Column::SourceId)
        .column_as(refusal::Column::Id.count(), "count")
        .group_by(refusal::Column::SourceId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counts.into_iter().collect())
}
