//! Syncs started by hand. The run is done by this process, beside the answer; a dry run is waited for, since it leaves
//! nothing behind to look at later.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, InputObject, SimpleObject};
use async_trait::async_trait;
use connectors::settings::SourceSettings;
use connectors::sync::{Engine, RunOptions, RunReport};
use entity::audit_entry::{AuditAction, AuditStatus};
use entity::code::Texts;
use entity::vocabulary::SyncMode;
use entity::{Code, source, sync_run};
use sea_orm::EntityTrait;
use sea_orm::prelude::Uuid;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{Answer, UserError, UserErrorCode};
use super::writing::{self, Work, Writes, Writing};
use crate::audit::Deed;
use crate::auth::scope;
use crate::error::{Failure, Result};
use crate::graphql::items::Items;
use crate::graphql::level::Level;
use crate::graphql::reader::Reader;
use crate::graphql::types::source::SyncRun;
use crate::graphql::vocabulary::Term;

/// An answer waits this long for a run to have begun.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time between looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What can be read on request, and what reads it.
pub struct Syncs {
    engine: Arc<Engine>,
    sources: HashMap<String, SourceSettings>,
    stop: CancellationToken,
    runs: TaskTracker,
}

impl Syncs {
    /// These sources, read by this engine until `stop`.
    #[must_use]
    pub fn new(engine: Arc<Engine>, sources: Vec<SourceSettings>, stop: CancellationToken) -> Self {
        let sources = sources.into_iter().map(|source| (source.id.clone(), source)).collect();
        Self { engine, sources, stop, runs: TaskTracker::new() }
    }

    /// Waits for the runs under way. Call it when they have been told to stop and no more will be started.
    pub async fn finish(&self) {
        self.runs.close();
        self.runs.wait().await;
    }
}

/// A sync to be started.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct StartSyncInput {
    /// The source, by its identifier in the hub's configuration.
    pub source: String,
    /// `FULL`: read everything, and start over. What is due where absent.
    pub mode: Option<Term<SyncMode>>,
    /// Say what would change, and change nothing. The answer waits for it; its run is not kept.
    pub dry_run: Option<bool>,
    /// Delete what is gone, however much it is: what a run that is `HELD` waits for. Look first at what it says is gone.
    pub allow_mass_delete: Option<bool>,
}

/// What became of a sync.
#[derive(SimpleObject)]
pub(crate) struct StartSyncPayload {
    /// The run: under way, or a dry one that has ended; null where it was not started.
    pub run: Option<SyncRun>,
    /// What is wrong with the input; empty where it was started.
    pub user_errors: Items<UserError>,
}

/// Starts a run, once for each key: its identity is what is kept.
pub(super) async fn start(ctx: &Context<'_>, input: StartSyncInput) -> Result<StartSyncPayload> {
    let answer = writing::once(ctx, &input).await?;
    let Some(run_id) = answer.records.first().copied() else {
        return Ok(StartSyncPayload { run: None, user_errors: answer.errors.into() });
    };
    let reader = Reader::of(ctx)?;
    let writes = ctx.data::<Arc<Writes>>().map_err(|_| Failure::Internal("a request came without its way to write"))?;
    // An answer that was given before leads to the run of then.
    if let Some(run) = find(reader, run_id).await? {
        return Ok(StartSyncPayload { run: Some(run), user_errors: Items::default() });
    }
    let settings = writes.syncs.as_ref().and_then(|syncs| Some((syncs, syncs.sources.get(&input.source)?)));
    let Some((syncs, source)) = settings else { return Err(Failure::Internal("a source went out of sight")) };
    let options = RunOptions {
        full: input.mode.is_some_and(|mode| mode.0 == SyncMode::Full),
        dry_run: input.dry_run.unwrap_or(false),
        allow_mass_delete: input.allow_mass_delete.unwrap_or(false),
        cancel: syncs.stop.child_token(),
        run_id: Some(run_id),
    };
    let (engine, source) = (Arc::clone(&syncs.engine), source.clone());
    let is_dry = options.dry_run;
    let mut run = syncs.runs.spawn(async move { engine.run(&source, &options).await });
    let started = async {
        loop {
            tokio::select! {
                ended = &mut run => return Some(ended),
                () = tokio::time::sleep(LOOK_AGAIN), if !is_dry => {
                    if matches!(find(reader, run_id).await, Ok(Some(_)) | Err(_)) {
                        return None;
                    }
                }
            }
        }
    };
    let ended = if is_dry { started.await } else { tokio::time::timeout(PATIENCE, started).await.unwrap_or(None) };
    match ended {
        Some(Ok(Ok(report))) if is_dry => {
            let row = dry(run_id, reader, report);
            return Ok(StartSyncPayload {
                run: Level::members(vec![row]).pop().map(SyncRun),
                user_errors: Items::default(),
            });
        }
        Some(Ok(Err(error))) if error.kind() == connectors::ErrorKind::LeaseLost => {
            // Of two that were sent with one key at once, the other may have begun it.
            if let Some(run) = find(reader, run_id).await? {
                return Ok(StartSyncPayload { run: Some(run), user_errors: Items::default() });
            }
            let message = "This source is being read already.";
            let error = UserError::at(&["source"], UserErrorCode::Conflict, message);
            return Ok(StartSyncPayload { run: None, user_errors: vec![error].into() });
        }
        Some(Ok(Err(error))) => return Err(error.into()),
        Some(Err(_)) => return Err(Failure::Internal("a run ended in a panic")),
        Some(Ok(Ok(_))) | None => {}
    }
    Ok(StartSyncPayload { run: find(reader, run_id).await?, user_errors: Items::default() })
}

async fn find(reader: &Reader, run_id: Uuid) -> Result<Option<SyncRun>> {
    let row = sync_run::Entity::find_by_id(run_id).one(&reader.db).await?;
    Ok(Level::members(row.into_iter().collect()).pop().map(SyncRun))
}

/// A dry run as a row that is not in the store.
fn dry(run_id: Uuid, reader: &Reader, report: RunReport) -> sync_run::Model {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    sync_run::Model {
        id: run_id,
        source_id: report.source_id,
        status: report.status,
        mode: report.mode,
        started_at: reader.now(),
        finished_at: Some(reader.now()),
        read: count(report.tally.read),
        created: count(report.tally.created),
        updated: count(report.tally.updated),
        unchanged: count(report.tally.unchanged),
        deleted: count(report.tally.deleted),
        refused: count(report.tally.refused),
        error: report.error,
        drift: (!report.drift.is_empty()).then_some(Texts(report.drift)),
    }
}

#[async_trait]
impl Work for StartSyncInput {
    fn name(&self) -> &'static str {
        "startSync"
    }

    fn scope(&self) -> &'static str {
        scope::SYNC_RUN
    }

    fn idempotency_key(&self) -> Option<&str> {
        None
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let row = source::Entity::find_by_id(&self.source).one(writing.db()).await?;
        let refused = |code, message: &str| Answer::refused(vec![UserError::at(&["source"], code, message)]);
        if row.is_none_or(|row| !row.enabled) {
            return Ok(refused(UserErrorCode::NotFound, "There is no such source."));
        }
        let here = writing.writes.syncs.as_ref().is_some_and(|syncs| syncs.sources.contains_key(&self.source));
        if !here {
            return Ok(refused(UserErrorCode::Invalid, "This source is not one that is read: others write to it."));
        }
        let run_id = Uuid::now_v7();
        writing.note(Deed {
            activity: self.scope(),
            action: AuditAction::SyncStarted,
            status: AuditStatus::Ok,
            record: None,
            details: Some(json!({
                "source": self.source,
                "run": run_id,
                "mode": self.mode.map(|mode| mode.0.code()),
                "dryRun": self.dry_run.unwrap_or(false),
                "allowMassDelete": self.allow_mass_delete.unwrap_or(false),
            })),
        });
        Ok(Answer::record(run_id))
    }
}
