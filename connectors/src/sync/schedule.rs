//! The worker: runs every source that is due, again and again, until it is told to stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::source;
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::ErrorKind;
use crate::settings::SourceSettings;
use crate::sync::engine::{Engine, RunOptions};

/// How often the worker looks for what is due, at the longest.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Runs what is due until `stop`, then waits for the runs under way to stop at their next page.
pub fn work(engine: Arc<Engine>, sources: Vec<SourceSettings>, stop: CancellationToken) -> BoxFuture<'static, ()> {
    work_until(engine, sources, stop).boxed()
}

async fn work_until(engine: Arc<Engine>, sources: Vec<SourceSettings>, stop: CancellationToken) {
    let sources: HashMap<String, Arc<SourceSettings>> =
        sources.into_iter().map(|source| (source.id.clone(), Arc::new(source))).collect();
    let mut running: JoinSet<String> = JoinSet::new();
    let mut busy: Vec<String> = Vec::new();
    while !stop.is_cancelled() {
        match due(&engine, &sources).await {
            Ok(due) => {
                for source in due {
                    if running.len() >= engine.settings.at_once.max(1) || busy.contains(&source.id) {
                        continue;
                    }
                    busy.push(source.id.clone());
                    running.spawn(run(Arc::clone(&engine), source, stop.clone()));
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot tell which sources are due");
            }
        }
        // Workers that started together do not look together for ever.
        let pause = LOOK_EVERY.mul_f64(0.5 + 0.5 * engine.pace.draw());
        tokio::select! {
            () = stop.cancelled() => {}
            () = engine.pace.sleep(pause) => {}
            Some(ended) = running.join_next() => forget(&mut busy, ended),
        }
    }
    while let Some(ended) = running.join_next().await {
        forget(&mut busy, ended);
    }
}

fn forget(busy: &mut Vec<String>, ended: Result<String, tokio::task::JoinError>) {
    match ended {
        Ok(source_id) => busy.retain(|id| *id != source_id),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a run ended in a panic");
            busy.clear();
        }
    }
}

/// The sources that are due and free, in the order of [`turn`].
async fn due(
    engine: &Engine,
    sources: &HashMap<String, Arc<SourceSettings>>,
) -> Result<Vec<Arc<SourceSettings>>, DbErr> {
    let now = engine.clock.now();
    let mut rows = source::Entity::find()
        .filter(source::Column::Enabled.eq(true))
        .filter(source::Column::Id.is_in(sources.keys()))
        .filter(source::Column::NextRunAt.is_null().or(source::Column::NextRunAt.lte(now)))
        .filter(source::Column::LeaseUntil.is_null().or(source::Column::LeaseUntil.lt(now)))
        .all(&engine.db)
        .await?;
    rows.sort_by_key(|source| turn(source, now));
    Ok(rows.into_iter().filter_map(|row| sources.get(&row.id).cloned()).collect())
}

/// Whose turn comes first, in a backlog: first those that have never been read, for what they tell is missing altogether,
/// then the most important, where each interval that a source is late makes it more so: its priority's number counts as
/// if divided by how many intervals it has missed. What matters less thereby waits longer, but not for ever.
fn turn(source: &source::Model, now: DateTime<Utc>) -> (bool, i64, String) {
    let late = source.next_run_at.map_or(0, |due| Ord::max((now - due).num_seconds(), 0));
    let missed = late / Ord::max(source.every_secs, 1);
    // In thousandths, so that the order is total and exact.
    let weight = i64::from(Ord::max(source.priority, 1)) * 1000 / (1 + missed);
    (source.next_run_at.is_some(), weight, source.id.clone())
}

async fn run(engine: Arc<Engine>, source: Arc<SourceSettings>, stop: CancellationToken) -> String {
    let options = RunOptions { cancel: stop, ..RunOptions::default() };
    match engine.run(&source, &options).await {
        Ok(_) => {}
        // Another worker was faster.
        Err(error) if error.kind() == ErrorKind::LeaseLost => {}
        Err(error) => {
            tracing::error!(source.id = source.id, error = &error as &dyn std::error::Error, "a run could not be done");
        }
    }
    source.id.clone()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use entity::vocabulary::SourceKind;

    use super::*;

    fn source(id: &str, priority: i32, due: Option<DateTime<Utc>>) -> source::Model {
        source::Model {
            id: id.to_owned(),
            name: id.to_owned(),
            connector: "partner".to_owned(),
            kind: SourceKind::Partner,
            priority,
            every_secs: 900,
            fresh_for_secs: 7200,
            enabled: true,
            last_succeeded_at: None,
            last_status: None,
            next_run_at: due,
            lease_owner: None,
            lease_until: None,
            fence: 0,
            failures: 0,
        }
    }

    #[test]
    fn a_backlog_is_worked_off_by_priority_and_lateness() {
        let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
        let ago = |minutes| Some(now - TimeDelta::minutes(minutes));
        let mut backlog = [
            source("slightly-late", 100, ago(1)),
            source("important", 10, ago(1)),
            source("never-read", 100, None),
            source("ten-intervals-late", 100, ago(165)),
            source("late", 100, ago(31)),
        ];
        backlog.sort_by_key(|source| turn(source, now));
        let order: Vec<_> = backlog.iter().map(|source| source.id.as_str()).collect();
        assert_eq!(order, ["never-read", "ten-intervals-late", "important", "late", "slightly-late"]);
    }
}
