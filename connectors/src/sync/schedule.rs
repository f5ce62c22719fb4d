//! The worker: runs every source that is due, again and again, until it is told to stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::source;
use futures::FutureExt;
use futures::future::BoxFuture;
use rand::Rng;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::ErrorKind;
use crate::settings::SourceSettings;
use crate::sync::engine::{Engine, RunOptions};

/// Sources run at the same time by one worker.
const AT_ONCE: usize = 4;
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
                    if running.len() >= AT_ONCE || busy.contains(&source.id) {
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
        let pause = LOOK_EVERY.mul_f64(rand::rng().random_range(0.5..1.0));
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
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

/// The sources that are due and free, the most important first, then the longest due.
async fn due(
    engine: &Engine,
    sources: &HashMap<String, Arc<SourceSettings>>,
) -> Result<Vec<Arc<SourceSettings>>, DbErr> {
    let now = engine.clock.now();
    let rows = source::Entity::find()
        .filter(source::Column::Enabled.eq(true))
        .filter(source::Column::Id.is_in(sources.keys()))
        .filter(source::Column::NextRunAt.is_null().or(source::Column::NextRunAt.lte(now)))
        .filter(source::Column::LeaseUntil.is_null().or(source::Column::LeaseUntil.lt(now)))
        .order_by_asc(source::Column::Priority)
        .order_by_asc(source::Column::NextRunAt)
        .all(&engine.db)
        .await?;
    Ok(rows.into_iter().filter_map(|row| sources.get(&row.id).cloned()).collect())
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
