//! One run of one source, from lease to record of the run.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use entity::journal::Journal;
use entity::vocabulary::{SyncMode, SyncStatus};
use entity::{Clock, source};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, EntityTrait, QuerySelect};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::api::Api;
use crate::api::gate::Gate;
use crate::connector::{Connector, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::oauth::{Grants, Tokens};
use crate::observer::{Observer, Observers, Progress};
use crate::pace::Pace;
use crate::settings::SourceSettings;
use crate::sync::SyncSettings;
use crate::sync::ending;
use crate::sync::lease::Lease;
use crate::sync::policy::{Ended, Patience};
use crate::sync::progress::Milestones;
use crate::sync::report::{RunReport, Tally};
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
    /// The identity of the run, where somebody waits for it by that. A new one where absent.
    pub run_id: Option<Uuid>,
}

/// Runs sources.
pub struct Engine {
    pub(crate) db: DatabaseConnection,
    pub(crate) clock: Clock,
    pub(crate) settings: SyncSettings,
    pub(crate) pace: Pace,
    worker: String,
    client: reqwest::Client,
    lines: Mutex<HashMap<String, Line>>,
    pub(crate) observers: Observers,
    grants: Option<Grants>,
}

/// What is kept of a source between its runs: the next one goes on with the token of the last, at the same rate.
#[derive(Default)]
struct Line {
    tokens: Option<Arc<Tokens>>,
    gate: Option<Arc<Gate>>,
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
    pub(crate) patience: &'a Patience,
    pub(crate) milestones: Milestones,
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
        let (worker, pace, lines) = (worker.into(), Pace::real(), Mutex::default());
        let observers = observers.into();
        Ok(Self { db, clock, settings, pace, worker, client, lines, observers, grants: None })
    }

    /// The same engine, whose time passes and whose chance falls otherwise. For tests.
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// The same engine, which gets into sources that somebody let the hub into: with what is kept there.
    #[must_use]
    pub fn with_grants(self, grants: Option<Grants>) -> Self {
        Self { grants, ..self }
    }

    /// Reads a source once and writes what it says. A failure of the source is in the report, not an error.
    ///
    /// # Errors
    /// Where the hub itself fails (its store), or another worker is running this source.
    pub fn run<'a>(&'a self, source: &'a SourceSettings, options: &'a RunOptions) -> BoxFuture<'a, Result<RunReport>> {
        let run_id = options.run_id.unwrap_or_else(Uuid::now_v7);
        let span = tracing::info_span!("connectors.sync.run", source.id = source.id, run.id = %run_id);
        self.run_as(run_id, source, options).instrument(span).boxed()
    }

    async fn run_as(&self, run_id: Uuid, source: &SourceSettings, options: &RunOptions) -> Result<RunReport> {
        let now = self.clock.now();
        let Some(lease) = Lease::take(&self.db, &source.id, &self.worker, now, self.settings.lease).await? else {
            let message = format!("source `{}` is being synced by another worker", source.id);
            return Err(Error::new(ErrorKind::LeaseLost, message));
        };
        let began = Instant::now();
        let outcome = self.run_leased(run_id, source, options, &lease).await;
        lease.release(&self.db).await?;
        let report = outcome?;
        if !options.dry_run {
            self.observers.tell(|observer| observer.ended(&report, began.elapsed()));
        }
        tracing::info!(
            status = ?report.status, read = report.tally.read, created = report.tally.created,
            updated = report.tally.updated, unchanged = report.tally.unchanged, deleted = report.tally.deleted,
            refused = report.tally.refused, error = report.error, "run ended"
        );
        Ok(report)
    }

    async fn run_leased(
        &self,
        run_id: Uuid,
        source: &SourceSettings,
        options: &RunOptions,
        lease: &Lease,
    ) -> Result<RunReport> {
        if !options.dry_run {
            self.begin(run_id, source, self.clock.now()).await?;
        }
        let mut report = RunReport {
            source_id: source.id.clone(),
            status: SyncStatus::Running,
            mode: SyncMode::Incremental,
            tally: Tally::default(),
            error: None,
            drift: Vec::new(),
        };
        let milestones = Milestones::new((!options.dry_run).then_some(run_id));
        let outcome = self.read_streams(source, options, lease, milestones, &mut report).await;
        let (status, error) = self.judge(&mut report, outcome);
        report.status = status;
        for difference in &report.drift {
            tracing::warn!(difference, "records have changed their form");
        }
        if !options.dry_run {
            let ended = Ended { status, error: error.as_ref() };
            match self.finish(run_id, source, lease, &report, ended).await {
                // Another worker has taken over, and noted that this run came to nothing.
                Err(error) if error.kind() == ErrorKind::LeaseLost => {
                    report.status = SyncStatus::Cancelled;
                    report.error = Some(error.to_string());
                }
                outcome => outcome?,
            }
        }
        Ok(report)
    }

    /// Reads every stream, then deletes what is gone: a run that failed anywhere deletes nothing.
    async fn read_streams(
        &self,
        source: &SourceSettings,
        options: &RunOptions,
        lease: &Lease,
        milestones: Milestones,
        report: &mut RunReport,
    ) -> Result<Vec<String>> {
        let connector = systems::connector(source)?;
        let api = self.api(source)?;
        let priorities = self.priorities().await?;
        let patience = Patience::new(self.settings.retry_budget, lease.failures);
        let (connector, patience) = (connector.as_ref(), &patience);
        let run = Run { engine: self, source, connector, api: &api, lease, options, priorities, patience, milestones };
        if options.dry_run {
            // Before it holds SQLite's one writer: a token that is refreshed is written.
            api.prepare().await?;
            return ending::rehearse(&run, &streams(source, connector), report).await;
        }
        let mut read = Vec::new();
        for spec in streams(source, connector) {
            let Some(mut stream) = StreamRun::read(&run, spec, report).await? else { continue };
            if stream.reading.resumed {
                // What stood on the pages before the break may have changed since: only a reading without one can tell
                // what is gone.
                stream.start_over(&run).await?;
                let Some(whole) = StreamRun::read(&run, spec, report).await? else { continue };
                stream = whole;
            }
            read.push(stream);
        }
        ending::conclude(&run, read, report).await
    }

    /// Commits, and tells who listens.
    pub(crate) async fn commit(&self, journal: Journal) -> Result<()> {
        let changes = journal.commit().await?;
        if !changes.is_empty() {
            self.observers.tell(|observer| observer.committed(&changes));
        }
        Ok(())
    }

    pub(crate) fn progressed(&self, progress: &Progress) {
        self.observers.tell(|observer| observer.progressed(progress));
    }

    /// The priority of every source.
    pub(crate) async fn priorities(&self) -> Result<HashMap<String, i32>> {
        let rows = source::Entity::find().select_only().columns([source::Column::Id, source::Column::Priority]);
        Ok(rows.into_tuple().all(&self.db).await?.into_iter().collect())
    }

    pub(crate) fn api(&self, source: &SourceSettings) -> Result<Api> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(source.id.clone()).or_default();
        let gate = match line.gate.take().filter(|gate| gate.fits(source)) {
            Some(gate) => gate,
            None => Arc::new(Gate::new(source, self.clock.clone(), self.pace.clone())),
        };
        line.gate = Some(Arc::clone(&gate));
        let tokens = match (&source.oauth, &line.tokens) {
            (None, _) => None,
            (Some(_), Some(tokens)) => Some(Arc::clone(tokens)),
            (Some(oauth), None) => {
                let tokens = Tokens::new(&self.client, &source.id, oauth, self.grants.as_ref(), self.clock.clone())?;
                let tokens = Arc::new(tokens.observed(self.observers.clone()));
                line.tokens = Some(Arc::clone(&tokens));
                Some(tokens)
            }
        };
        Ok(Api::through(gate, &self.client, source, tokens)?.observed(self.observers.clone()))
    }
}

/// The streams of a source to read, in the connector's order.
pub(crate) fn streams(source: &SourceSettings, connector: &dyn Connector) -> Vec<StreamSpec> {
    let wanted: Option<HashSet<&str>> = source.streams.as_ref().map(|names| names.iter().map(String::as_str).collect());
    let streams = connector.manifest().streams.iter().copied();
    streams.filter(|spec| wanted.as_ref().is_none_or(|wanted| wanted.contains(spec.name))).collect()
}
