//! The engine, and runs of sources that a command waits for.

use std::sync::Arc;

use connectors::settings::SourceSettings;
use connectors::sync::{Engine, Observer, RunOptions, RunReport, SyncSettings as EngineSettings, register};
use connectors::systems;
use entity::Clock;
use entity::vocabulary::SourceKind;
use futures::stream::{self, StreamExt};
use gateway::config::Settings;
use sea_orm::DatabaseConnection;

use super::BadUse;

/// An engine on this store, with the sources written into it.
pub(super) async fn engine(
    db: &DatabaseConnection,
    settings: &Settings,
    observers: Vec<Arc<dyn Observer>>,
) -> anyhow::Result<Arc<Engine>> {
    let clock = Clock::system();
    register(db, &settings.sources).await?;
    let engine_settings = EngineSettings {
        lease: settings.sync.lease(),
        allowed_delete_share: settings.sync.allowed_delete_share,
        ..EngineSettings::default()
    };
    // The process's own name in leases: two on one machine are two.
    let worker = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
    Ok(Arc::new(Engine::new(db.clone(), clock, engine_settings, worker, observers)?))
}

/// The sources that were named; all where none was.
pub(super) fn choose<'a>(sources: &'a [SourceSettings], named: &[String]) -> Result<Vec<&'a SourceSettings>, BadUse> {
    if named.is_empty() {
        return Ok(sources.iter().collect());
    }
    let find = |id: &String| {
        sources.iter().find(|source| source.id == *id).ok_or_else(|| {
            let known: Vec<_> = sources.iter().map(|source| source.id.as_str()).collect();
            BadUse(format!("there is no source `{id}`; known are {}", known.join(", ")))
        })
    };
    named.iter().map(find).collect()
}

/// Runs sources, `at_once` at a time; those first that others refer to: the register, then school boards, then the
/// rest. Tells of each as it ends.
pub(super) async fn run(
    engine: &Engine,
    sources: Vec<&SourceSettings>,
    options: &RunOptions,
    at_once: usize,
    mut ended: impl FnMut(&SourceSettings, Result<RunReport, connectors::Error>),
) {
    let rank = |source: &SourceSettings| match systems::manifest(&source.connector).map(|manifest| manifest.kind) {
        Ok(SourceKind::NationalRegister) => 0,
        Ok(SourceKind::SchoolBoard) => 1,
        _ => 2,
    };
    for wave in 0..=2 {
        let mut runs = stream::iter(sources.iter().filter(|source| rank(source) == wave))
            .map(async |source| (*source, engine.run(source, options).await))
            .buffer_unordered(at_once.max(1));
        while let Some((source, outcome)) = runs.next().await {
            ended(source, outcome);
        }
    }
}
