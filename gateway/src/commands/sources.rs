//! The engine, and runs of sources that a command waits for.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Settings;
use crate::graphql::{Syncs, Writes};
use crate::webhooks::Hooks;
use anyhow::Context;
use connectors::ErrorKind;
use connectors::oauth::Grants;
use connectors::settings::SourceSettings;
use connectors::sync::{Engine, Observer, RunOptions, RunReport, SyncSettings as EngineSettings, register};
use connectors::systems;
use entity::Clock;
use entity::vocabulary::SourceKind;
use futures::stream::{self, StreamExt};
use sea_orm::DatabaseConnection;

use super::BadUse;

/// How often a source that another worker has is tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

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
        allowed_delete_count: settings.sync.allowed_delete_count,
        allowed_refusal_share: settings.sync.allowed_refusal_share,
        full_every: settings.sync.full_every(),
        overlap: settings.sync.overlap(),
        retry_budget: settings.sync.retry_budget(),
        at_once: settings.sync.workers,
    };
    // The process's own name in leases: two on one machine are two.
    let worker = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
    let grants = grants(db, settings)?;
    Ok(Arc::new(Engine::new(db.clone(), clock, engine_settings, worker, observers)?.with_grants(grants)))
}

/// What lets the hub into systems for somebody. `None`: there is no key to keep it with.
pub(super) fn grants(db: &DatabaseConnection, settings: &Settings) -> anyhow::Result<Option<Grants>> {
    let vault = settings.grants.vault().context("grants.encryption_key")?;
    Ok(vault.map(|vault| Grants::new(db.clone(), Arc::new(vault), Clock::system())))
}

/// How the graph writes, as configuration has it.
pub(super) fn writes(
    settings: &Settings,
    observers: Vec<Arc<dyn Observer>>,
    syncs: Option<Arc<Syncs>>,
    hooks: Option<Hooks>,
) -> Writes {
    Writes {
        priority: settings.sync.interface_priority,
        kept_for: settings.mutations.kept_for(),
        register: settings.audit.processing_activities.clone(),
        observers,
        syncs,
        hooks,
    }
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

/// Runs sources, some at a time; those first that others refer to: the register, then school boards, then the
/// rest. Tells of each as it ends.
pub(super) async fn run(
    engine: &Engine,
    sources: Vec<&SourceSettings>,
    options: &RunOptions,
    settings: &crate::config::SyncSettings,
    mut ended: impl FnMut(&SourceSettings, Result<RunReport, connectors::Error>),
) {
    let rank = |source: &SourceSettings| match systems::kind(source) {
        Ok(SourceKind::NationalRegister) => 0,
        Ok(SourceKind::SchoolBoard) => 1,
        _ => 2,
    };
    // A worker that was killed leaves its lease behind; it ends by itself.
    let patience = settings.lease() + LOOK_AGAIN;
    for wave in 0..=2 {
        let mut runs = stream::iter(sources.iter().filter(|source| rank(source) == wave))
            .map(async |source| (*source, run_when_free(engine, source, options, patience).await))
            .buffer_unordered(settings.workers.max(1));
        while let Some((source, outcome)) = runs.next().await {
            ended(source, outcome);
        }
    }
}

/// Runs a source; where another worker has it, waits for as long as a lease lasts.
async fn run_when_free(
    engine: &Engine,
    source: &SourceSettings,
    options: &RunOptions,
    patience: Duration,
) -> Result<RunReport, connectors::Error> {
    let mut left = patience;
    loop {
        match engine.run(source, options).await {
            Err(error) if error.kind() == ErrorKind::LeaseLost && !left.is_zero() && !options.cancel.is_cancelled() => {
                if left == patience {
                    tracing::warn!(
                        source.id = source.id,
                        "another worker has {}: waiting for its lease to end",
                        source.id
                    );
                }
                tokio::select! {
                    () = options.cancel.cancelled() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
                left = left.saturating_sub(LOOK_AGAIN);
            }
            outcome => return outcome,
        }
    }
}
