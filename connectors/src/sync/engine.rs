//! One run of one source, from lease to record of the run.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use entity::journal::Journal;
use entity::vocabulary::{SyncMode, SyncStatus};
use entity::{Clock, change, source, sync_run};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::api::Api;
use crate::connector::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::oauth::Tokens;
use crate::settings::SourceSettings;
use crate::sync::SyncSettings;
use crate::sync::lease::Lease;
use crate::sync::stream::StreamRun;
use crate::systems;

/// What somebody asks of a run beside the usual.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Read everything, and start over.
    pub full: bool,
    /// Say what would change, and change nothing.
    pub dry_run: bool,
    /// Delete what is gone, however much it is.
    pub allow_mass_delete: bool,
    /// Stops the run after the page under way.
    pub cancel: CancellationToken,
}

/// How a run is getting on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The source.
    pub source_id: String,
    /// The stream being read.
    pub stream: String,
    /// Records read so far, over all streams.
    pub read: u64,
    /// How many records the stream has, where the system says so.
    pub total: Option<u64>,
}

/// Hears of what the engine does. Must not block.
pub trait Observer: Send + Sync {
    /// A page has been written.
    fn progressed(&self, _progress: &Progress) {}
    /// Changes have been committed.
    fn committed(&self, _changes: &[change::Model]) {}
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The source.
    pub source_id: String,
    /// How it ended.
    pub status: SyncStatus,
    /// How it read: full where any stream was read in full.
    pub mode: SyncMode,
    /// What came of it.
    pub tally: Tally,
    /// Why it did not succeed, in a sentence.
    pub error: Option<String>,
}

/// Counts of a run. Read is created, updated, unchanged and refused together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records read.
    pub read: u32,
    /// Records new to the hub.
    pub created: u32,
    /// Records changed.
    pub updated: u32,
    /// Records that said nothing new.
    pub unchanged: u32,
    /// Records no longer told of.
    pub deleted: u32,
    /// Records set aside.
    pub refused: u32,
}

/// Runs sources.
pub struct Engine {
    pub(crate) db: DatabaseConnection,
    pub(crate) clock: Clock,
    pub(crate) settings: SyncSettings,
    worker: String,
    client: reqwest::Client,
    tokens: Mutex<HashMap<String, Arc<Tokens>>>,
    observers: Vec<Arc<dyn Observer>>,
}

/// A run's constant surroundings, for its streams.
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) source: &'a SourceSettings,
    pub(crate) connector: &'a dyn Connector,
    pub(crate) api: &'a Api,
    pub(crate) lease: &'a Lease,
    pub(crate) options: &'a RunOptions,
    pub(crate) priorities: HashMap<String, i32>,
}

impl Engine {
    /// An engine that writes to `db`. `worker` names it in leases.
    pub fn new(
        db: DatabaseConnection,
        clock: Clock,
        settings: SyncSettings,
        worker: impl Into<String>,
        observers: Vec<Arc<dyn Observer>>,
    ) -> Result<Self> {
        let client = crate::api::client()?;
        Ok(Self { db, clock, settings, worker: worker.into(), client, tokens: Mutex::default(), observers })
    }

    /// Reads a source once and writes what it says. A failure of the source is in the report, not an error.
    ///
    /// # Errors
    /// Where the hub itself fails (its store), or another worker is running this source.
    pub fn run<'a>(&'a self, source: &'a SourceSettings, options: &'a RunOptions) -> BoxFuture<'a, Result<RunReport>> {
        let run_id = Uuid::now_v7();
        let span = tracing::info_span!("connectors.sync.run", source.id = source.id, run.id = %run_id);
        self.run_as(run_id, source, options).instrument(span).boxed()
    }

    async fn run_as(&self, run_id: Uuid, source: &SourceSettings, options: &RunOptions) -> Result<RunReport> {
        let now = self.clock.now();
        let Some(lease) = Lease::take(&self.db, &source.id, &self.worker, now, self.settings.lease).await? else {
            let message = format!("source `{}` is being synced by another worker", source.id);
            return Err(Error::new(ErrorKind::LeaseLost, message));
        };
        if !options.dry_run {
            self.begin(run_id, source, now).await?;
        }
        let mut report = RunReport {
            source_id: source.id.clone(),
            status: SyncStatus::Running,
            mode: SyncMode::Incremental,
            tally: Tally::default(),
            error: None,
        };
        let outcome = self.read_streams(source, options, &lease, &mut report).await;
        report.status = self.judge(&mut report, outcome);
        if !options.dry_run {
            self.finish(run_id, source, &report).await?;
        }
        lease.release(&self.db).await?;
        tracing::info!(
            status = ?report.status, read = report.tally.read, created = report.tally.created,
            updated = report.tally.updated, deleted = report.tally.deleted, refused = report.tally.refused,
            error = report.error, "run ended"
        );
        Ok(report)
    }

    /// Reads every stream, then deletes what is gone: a run that failed anywhere deletes nothing.
    async fn read_streams(
        &self,
        source: &SourceSettings,
        options: &RunOptions,
        lease: &Lease,
        report: &mut RunReport,
    ) -> Result<Vec<String>> {
        let connector = systems::connector(source)?;
        let api = self.api(source)?;
        let priorities = source::Entity::find()
            .select_only()
            .columns([source::Column::Id, source::Column::Priority])
            .into_tuple()
            .all(&self.db)
            .await?
            .into_iter()
            .collect();
        let run = Run { engine: self, source, connector: connector.as_ref(), api: &api, lease, options, priorities };
        if options.dry_run {
            return StreamRun::dry(&run, &streams(source, connector.as_ref()), report).await;
        }
        let mut read = Vec::new();
        for spec in streams(source, connector.as_ref()) {
            if let Some(stream) = StreamRun::read(&run, spec, report).await? {
                read.push(stream);
            }
        }
        let mut held = Vec::new();
        // What points to others goes before what it points to.
        for stream in read.into_iter().rev() {
            held.extend(stream.conclude(&run, report).await?);
        }
        Ok(held)
    }

    /// How the run ended, from what came of its streams.
    fn judge(&self, report: &mut RunReport, outcome: Result<Vec<String>>) -> SyncStatus {
        match outcome {
            Ok(held) if !held.is_empty() => {
                report.error = Some(held.join(" "));
                SyncStatus::Held
            }
            Ok(_) => {
                let allowed = self.settings.allowed_refusal_share * f64::from(report.tally.read);
                if f64::from(report.tally.refused) > allowed {
                    let Tally { refused, read, .. } = report.tally;
                    report.error = Some(format!("{refused} of {read} records were refused; see the source's refusals"));
                    SyncStatus::Partial
                } else {
                    SyncStatus::Succeeded
                }
            }
            Err(error) => {
                let cancelled = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::LeaseLost);
                if !cancelled {
                    tracing::warn!(error = &error as &dyn std::error::Error, kind = ?error.kind(), "run failed");
                }
                report.error = Some(error.to_string());
                if cancelled { SyncStatus::Cancelled } else { SyncStatus::Failed }
            }
        }
    }

    /// Notes that the run has begun, and that one which still stands as running (its worker died) has not ended.
    async fn begin(&self, run_id: Uuid, source: &SourceSettings, now: DateTime<Utc>) -> Result<()> {
        sync_run::Entity::update_many()
            .col_expr(sync_run::Column::Status, Expr::value(SyncStatus::Cancelled))
            .col_expr(sync_run::Column::FinishedAt, Expr::value(now))
            .col_expr(sync_run::Column::Error, Expr::value("its worker stopped in the middle"))
            .filter(sync_run::Column::SourceId.eq(&source.id))
            .filter(sync_run::Column::Status.eq(SyncStatus::Running))
            .exec(&self.db)
            .await?;
        let row = sync_run::Model {
            id: run_id,
            source_id: source.id.clone(),
            status: SyncStatus::Running,
            mode: SyncMode::Incremental,
            started_at: now,
            finished_at: None,
            read: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            deleted: 0,
            refused: 0,
            error: None,
        };
        sync_run::Entity::insert(row.into_active_model()).exec_without_returning(&self.db).await?;
        Ok(())
    }

    async fn finish(&self, run_id: Uuid, source: &SourceSettings, report: &RunReport) -> Result<()> {
        let now = self.clock.now();
        let count = |number: u32| Expr::value(i32::try_from(number).unwrap_or(i32::MAX));
        sync_run::Entity::update_many()
            .col_expr(sync_run::Column::Status, Expr::value(report.status))
            .col_expr(sync_run::Column::Mode, Expr::value(report.mode))
            .col_expr(sync_run::Column::FinishedAt, Expr::value(now))
            .col_expr(sync_run::Column::Read, count(report.tally.read))
            .col_expr(sync_run::Column::Created, count(report.tally.created))
            .col_expr(sync_run::Column::Updated, count(report.tally.updated))
            .col_expr(sync_run::Column::Unchanged, count(report.tally.unchanged))
            .col_expr(sync_run::Column::Deleted, count(report.tally.deleted))
            .col_expr(sync_run::Column::Refused, count(report.tally.refused))
            .col_expr(sync_run::Column::Error, Expr::value(report.error.clone()))
            .filter(sync_run::Column::Id.eq(run_id))
            .exec(&self.db)
            .await?;
        let mut update = source::Entity::update_many()
            .col_expr(source::Column::LastStatus, Expr::value(report.status))
            .col_expr(source::Column::NextRunAt, Expr::value(now + source.every))
            .filter(source::Column::Id.eq(&source.id));
        if matches!(report.status, SyncStatus::Succeeded | SyncStatus::Partial) {
            update = update.col_expr(source::Column::LastSucceededAt, Expr::value(now));
        }
        update.exec(&self.db).await?;
        Ok(())
    }

    /// Commits, and tells who listens.
    pub(crate) async fn commit(&self, journal: Journal) -> Result<()> {
        let changes = journal.commit().await?;
        if !changes.is_empty() {
            self.observers.iter().for_each(|observer| observer.committed(&changes));
        }
        Ok(())
    }

    pub(crate) fn progressed(&self, progress: &Progress) {
        self.observers.iter().for_each(|observer| observer.progressed(progress));
    }

    fn api(&self, source: &SourceSettings) -> Result<Api> {
        let tokens = match &source.oauth {
            None => None,
            Some(oauth) => {
                // Tokens outlive a run: the next one goes on with the token of the last.
                let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
                let tokens = match tokens.get(&source.id) {
                    Some(tokens) => Arc::clone(tokens),
                    None => {
                        let new = Arc::new(Tokens::new(&self.client, &source.id, oauth, self.clock.clone())?);
                        tokens.insert(source.id.clone(), Arc::clone(&new));
                        new
                    }
                };
                Some(tokens)
            }
        };
        Api::new(&self.client, source, tokens)
    }
}

/// The streams of a source to read, in the connector's order.
pub(crate) fn streams(source: &SourceSettings, connector: &dyn Connector) -> Vec<&'static crate::StreamSpec> {
    let wanted: Option<HashSet<&str>> = source.streams.as_ref().map(|names| names.iter().map(String::as_str).collect());
    connector
        .manifest()
        .streams
        .iter()
        .filter(|spec| wanted.as_ref().is_none_or(|wanted| wanted.contains(spec.name)))
        .collect()
}
