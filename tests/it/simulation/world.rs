//! One simulated world: a partner, a store, a clock, and a hub that may die at any moment.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use connectors::SourceSettings;
use connectors::pace::Pace;
use connectors::sync::{Engine, RunOptions, RunReport, SyncSettings};
use entity::change;
use entity::vocabulary::{ChangeAction, SyncStatus};
use entity::{Clock, sync_run};
use futures::FutureExt;
use futures::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, Statement};
use tests::partner::{Entry, Event, Fault, Partner, Script, Standard, prepare};
use tests::store::{Backend, TestStore};
use tokio::sync::Notify;
use uuid::Uuid;

use super::edits::{Edit, Edits};

/// When every world begins.
const START: i64 = 1_795_500_000_000_000;
/// Records that a world begins with.
const AT_FIRST: u32 = 14;
/// Records on a page: a reading takes some four.
const PAGE: usize = 5;

pub(super) struct World {
    standard: Standard,
    rng: StdRng,
    partner: Partner,
    source: SourceSettings,
    store: TestStore,
    /// Microseconds since 1970, by the hub's clock.
    now: Arc<AtomicI64>,
    /// How far the partner's clock is ahead.
    ahead: TimeDelta,
    edits: Edits,
    engine: Option<Engine>,
    /// Engines that have been: each has to ask for a token of its own.
    engines: u64,
    /// Statements until the hub is killed; below zero: it is not.
    fuse: Arc<AtomicI64>,
    blown: Arc<Notify>,
    /// What may have made the hub ask for one token more.
    token_faults: u64,
    /// Whether a total was too low: an incremental reading then ended early, and only a full one can tell.
    lied: bool,
}

impl World {
    pub(super) async fn new(standard: Standard, seed: u64) -> Result<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut store = Backend::Sqlite.store().await?.expect("SQLite is always there");
        let (fuse, blown) = (Arc::new(AtomicI64::new(-1)), Arc::new(Notify::new()));
        let (burning, bang) = (Arc::clone(&fuse), Arc::clone(&blown));
        store.db.set_metric_callback(move |_| {
            if burning.fetch_sub(1, Ordering::SeqCst) == 0 {
                bang.notify_one();
            }
        });
        let partner = Partner::start(standard, PAGE).await?;
        let source = partner.source();
        prepare(&store.db, &source).await?;
        let ahead = TimeDelta::seconds(rng.random_range(-100..100));
        let now = Arc::new(AtomicI64::new(START));
        let world = Self {
            standard,
            rng,
            partner,
            source,
            store,
            now,
            ahead,
            edits: Arc::default(),
            engine: None,
            engines: 0,
            fuse,
            blown,
            token_faults: 0,
            lied: false,
        };
        world.partner.edit(|entries| {
            for number in 0..AT_FIRST {
                let id = format!("r{:03}", number * 70);
                let modified = at(START) - TimeDelta::days(30);
                entries.push(Entry { id, title: format!("first {number}"), modified, gone: false, invalid: false });
            }
        });
        Ok(world)
    }

    pub(super) fn steps(&mut self) -> u32 {
        self.rng.random_range(3..8)
    }

    /// The source changes, and the hub reads it while things go wrong.
    pub(super) async fn step(&mut self) -> Result<()> {
        for _ in 0..self.rng.random_range(0..4) {
            let edit = Edit::draw(&mut self.rng);
            self.partner.edit(|entries| edit.apply(self.standard, entries, &self.edits, self.now() + self.ahead));
        }
        let script = self.script();
        self.partner.follow(script);
        if self.rng.random_bool(0.25) {
            self.fuse.store(self.rng.random_range(1..80), Ordering::SeqCst);
        }
        let options = RunOptions { full: self.rng.random_bool(0.15), ..RunOptions::default() };
        let report = self.run(&options).await?;
        self.fuse.store(-1, Ordering::SeqCst);
        match report {
            Some(report) => self.check(&report)?,
            // What its worker's death does to the lease, in time.
            None => self.pass(TimeDelta::seconds(61)),
        }
        let minutes = self.rng.random_range(1..40);
        self.pass(TimeDelta::minutes(minutes));
        Ok(())
    }

    /// Every fault ends, and the hub reads once more.
    pub(super) async fn settle(mut self) -> Result<()> {
        self.partner.follow(Script::new());
        if self.lied {
            // The time of the next full reading.
            self.pass(TimeDelta::hours(25));
        }
        let now = self.now() + self.ahead;
        self.partner.edit(|entries| {
            for entry in entries.iter_mut().filter(|entry| entry.invalid) {
                (entry.invalid, entry.modified) = (false, now);
                *self.edits.lock().expect("nobody panicked").entry(entry.id.clone()).or_default() += 1;
            }
        });
        let mut report = self.run(&RunOptions::default()).await?.expect("nobody is killed any more");
        self.check(&report)?;
        if report.status == SyncStatus::Held {
            let options = RunOptions { allow_mass_delete: true, ..RunOptions::default() };
            report = self.run(&options).await?.expect("nobody is killed any more");
            self.check(&report)?;
        }
        ensure!(report.status == SyncStatus::Succeeded, "the last run: {report:?}");
        let (stored, expected) = (self.partner.stored(&self.store.db).await?, self.partner.expected());
        ensure!(stored == expected, "stored {stored:?}\nexpected {expected:?}\nby {report:?}");
        self.check_history().await?;
        self.check_counters()
    }

    fn now(&self) -> DateTime<Utc> {
        at(self.now.load(Ordering::SeqCst))
    }

    fn pass(&self, time: TimeDelta) {
        self.now.fetch_add(time.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }

    fn script(&mut self) -> Script {
        let mut script = Script::new();
        for _ in 0..self.rng.random_range(0..4) {
            let request = self.rng.random_range(0..10);
            let event = match self.rng.random_range(0..12) {
                0..=6 => {
                    let fault = self.fault();
                    Event::Fault(fault)
                }
                7..=9 => {
                    let edit = Edit::draw(&mut self.rng);
                    let (standard, edits) = (self.standard, Arc::clone(&self.edits));
                    let (now, ahead) = (Arc::clone(&self.now), self.ahead);
                    Event::Edit(Box::new(move |entries: &mut Vec<Entry>| {
                        edit.apply(standard, entries, &edits, at(now.load(Ordering::SeqCst)) + ahead);
                    }))
                }
                10 => {
                    self.token_faults += 1;
                    Event::Revoke
                }
                _ => Event::Kill,
            };
            script = script.at(request, event);
        }
        if self.rng.random_bool(0.1) {
            self.token_faults += 1;
            let asked = self.partner.counters().tokens.load(Ordering::SeqCst);
            script = script.token_fault_at(asked, Fault::Status(503, None));
        }
        script
    }

    fn fault(&mut self) -> Fault {
        match self.rng.random_range(0..13) {
            0..=2 => Fault::Status([500, 502, 503][self.rng.random_range(0..3)], None),
            3 => Fault::Status(429, Some(self.rng.random_range(1..20).to_string())),
            4 => Fault::Status([403, 404][self.rng.random_range(0..2)], None),
            5 => Fault::Broken,
            6 => Fault::Truncated,
            7 => Fault::Html,
            8 => Fault::Repeated,
            9 => Fault::Reordered,
            10 => {
                self.lied = true;
                Fault::Total(self.rng.random_range(-8..8))
            }
            11 => Fault::SamePage,
            _ => Fault::Empty,
        }
    }

    /// Runs the source once. `None`: the hub was killed.
    async fn run(&mut self, options: &RunOptions) -> Result<Option<RunReport>> {
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => self.start()?,
        };
        // What was meant for a run before this one is over.
        let _ = (self.partner.killed().now_or_never(), self.blown.notified().now_or_never());
        let report = tokio::select! {
            report = engine.run(&self.source, options) => Some(report?),
            () = self.partner.killed() => None,
            () = self.blown.notified() => None,
        };
        if report.is_some() {
            self.engine = Some(engine);
        }
        Ok(report)
    }

    fn start(&mut self) -> Result<Engine> {
        self.engines += 1;
        let (told, passed) = (Arc::clone(&self.now), Arc::clone(&self.now));
        let clock = Clock::from_fn(move || at(told.load(Ordering::SeqCst)));
        let lots = Mutex::new(StdRng::seed_from_u64(self.rng.random()));
        let sleep = move |wait: Duration| -> BoxFuture<'static, ()> {
            passed.fetch_add(i64::try_from(wait.as_micros()).unwrap_or(0), Ordering::SeqCst);
            Box::pin(tokio::task::yield_now())
        };
        let pace = Pace::from_fns(sleep, move || lots.lock().expect("nobody panicked").random());
        let worker = format!("worker-{}", self.engines);
        let engine = Engine::new(self.store.db.clone(), clock, SyncSettings::default(), worker, Vec::new())?;
        Ok(engine.with_pace(pace))
    }

    /// What holds of every run, however it ended.
    fn check(&self, report: &RunReport) -> Result<()> {
        let tally = report.tally;
        let accounted = tally.created + tally.updated + tally.unchanged + tally.refused;
        ensure!(tally.read == accounted, "not all that was read is accounted for: {report:?}");
        ensure!(report.status != SyncStatus::Running, "{report:?}");
        let whole = matches!(report.status, SyncStatus::Succeeded | SyncStatus::Partial);
        // Over OneRoster a page may say of a record that it is gone.
        ensure!(whole || self.standard == Standard::OneRoster || tally.deleted == 0, "{report:?}");
        Ok(())
    }

    /// Each record has been one record all along, and its changes follow from each other.
    async fn check_history(&self) -> Result<()> {
        let (table, _) = self.partner.table();
        let sql = format!("SELECT id, external_id, version FROM {table} WHERE source_id = 'partner'");
        let rows =
            self.store.db.query_all_raw(Statement::from_string(self.store.db.get_database_backend(), sql)).await?;
        let mut changes: HashMap<Uuid, Vec<ChangeAction>> = HashMap::new();
        for change in change::Entity::find().order_by_asc(change::Column::Sequence).all(&self.store.db).await? {
            changes.entry(change.record_id).or_default().push(change.action);
        }
        let edits = self.edits.lock().expect("nobody panicked").clone();
        let mut known = HashSet::new();
        for row in rows {
            let (id, external_id): (Uuid, String) = (row.try_get("", "id")?, row.try_get("", "external_id")?);
            let version: i32 = row.try_get("", "version")?;
            ensure!(known.insert(external_id.clone()), "{external_id} has had two identities");
            let told = changes.get(&id).cloned().unwrap_or_default();
            ensure!(i32::try_from(told.len())? == version, "{external_id}: version {version} by {told:?}");
            let mut there = false;
            for action in &told {
                ensure!(there != (*action == ChangeAction::Created), "{external_id}: {told:?}");
                there = *action != ChangeAction::Deleted;
            }
            let most = usize::try_from(edits.get(&external_id).copied().unwrap_or(0))? + 1;
            ensure!(told.len() <= most, "{external_id} was changed {most} times and told of as {told:?}");
        }
        for run in sync_run::Entity::find().all(&self.store.db).await? {
            ensure!(run.read == run.created + run.updated + run.unchanged + run.refused, "{run:?}");
        }
        Ok(())
    }

    fn check_counters(&self) -> Result<()> {
        let counters = self.partner.counters();
        let most = counters.most.load(Ordering::SeqCst);
        // Requests of a hub that was killed may still be under way when the next one asks.
        let allowed = u64::try_from(self.source.requests_at_once)? * if self.engines > 1 { 2 } else { 1 };
        ensure!(most <= allowed, "{most} requests at a time");
        let tokens = counters.tokens.load(Ordering::SeqCst);
        let may = self.engines + self.token_faults;
        ensure!(tokens <= may, "{tokens} tokens were asked for where {may} would do");
        Ok(())
    }
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).expect("within this century")
}
