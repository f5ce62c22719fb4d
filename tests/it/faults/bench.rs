//! A scripted partner, a store, and an engine by a clock that a test turns.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use connectors::SourceSettings;
use connectors::pace::Pace;
use connectors::sync::{Engine, RunOptions, RunReport, SyncSettings};
use entity::{Clock, change};
use futures::future::BoxFuture;
use sea_orm::{EntityTrait, PaginatorTrait};
use tests::partner::{Entry, Fault, Partner, Standard, prepare};
use tests::store::{Backend, TestStore};

/// Records that every partner begins with, on three pages.
pub(super) const RECORDS: usize = 12;

pub(super) struct Bench {
    pub(super) partner: Partner,
    pub(super) source: SourceSettings,
    pub(super) store: TestStore,
    pub(super) engine: Engine,
    micros: Arc<AtomicI64>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Bench {
    /// A hub that has read its partner once. `None` where this machine has no such database.
    pub(super) async fn start(backend: Backend, standard: Standard) -> Result<Option<Self>> {
        let Some(store) = backend.store().await? else { return Ok(None) };
        let partner = Partner::start(standard, 5).await?;
        let source = SourceSettings {
            request_timeout: Duration::from_secs(10),
            max_answer_bytes: 1_000_000,
            ..partner.source()
        };
        prepare(&store.db, &source).await?;
        let micros = Arc::new(AtomicI64::new(1_795_500_000_000_000));
        let waits = Arc::new(Mutex::new(Vec::new()));
        let engine = engine(&store, &micros, &waits, "first")?;
        let bench = Self { partner, source, store, engine, micros, waits };
        let modified = bench.now() - TimeDelta::days(1);
        bench.partner.edit(|entries| {
            for number in 0..RECORDS {
                let (id, title) = (format!("r{number:02}"), format!("first {number}"));
                entries.push(Entry { id, title, modified, gone: false, invalid: false });
            }
        });
        let report = bench.run().await?;
        ensure!(usize::try_from(report.tally.created)? >= RECORDS, "{report:?}");
        bench.must_be_equal().await?;
        Ok(Some(bench))
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        at(&self.micros)
    }

    pub(super) fn pass(&self, time: TimeDelta) {
        self.micros.fetch_add(time.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }

    /// Another hub on the same store, by the same clock.
    pub(super) fn another(&self) -> Result<Engine> {
        engine(&self.store, &self.micros, &self.waits, "second")
    }

    /// A run at its time, some minutes after the last.
    pub(super) async fn run(&self) -> Result<RunReport> {
        self.run_with(&RunOptions::default()).await
    }

    pub(super) async fn run_with(&self, options: &RunOptions) -> Result<RunReport> {
        self.pass(TimeDelta::minutes(15));
        let report = self.engine.run(&self.source, options).await?;
        let tally = report.tally;
        ensure!(tally.read == tally.created + tally.updated + tally.unchanged + tally.refused, "{report:?}");
        Ok(report)
    }

    /// What the engine has waited since this was last asked.
    pub(super) fn waited(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.waits.lock().expect("nobody panicked"))
    }

    /// How long an answer may take: not long where it is known that none will come.
    pub(super) fn patience(&mut self, fault: &Fault) {
        let is_slow = matches!(fault, Fault::Silence | Fault::Drip);
        self.source.request_timeout = if is_slow { Duration::from_millis(200) } else { Duration::from_secs(10) };
    }

    /// Gives the first `count` records another title.
    pub(super) fn retitle(&self, count: usize, title: &str) {
        let modified = self.now();
        self.partner.edit(|entries| {
            for entry in entries.iter_mut().take(count) {
                (entry.title, entry.modified) = (format!("{title} {}", entry.id), modified);
            }
        });
    }

    pub(super) async fn must_be_equal(&self) -> Result<()> {
        let (stored, expected) = (self.partner.stored(&self.store.db).await?, self.partner.expected());
        ensure!(stored == expected, "stored {stored:?}\nexpected {expected:?}");
        Ok(())
    }

    pub(super) async fn stored(&self) -> Result<usize> {
        Ok(self.partner.stored(&self.store.db).await?.len())
    }

    /// Changes told of so far.
    pub(super) async fn changes(&self) -> Result<u64> {
        Ok(change::Entity::find().count(&self.store.db).await?)
    }
}

fn engine(store: &TestStore, micros: &Arc<AtomicI64>, waits: &Arc<Mutex<Vec<Duration>>>, name: &str) -> Result<Engine> {
    let (told, passed, waits) = (Arc::clone(micros), Arc::clone(micros), Arc::clone(waits));
    let sleep = move |wait: Duration| -> BoxFuture<'static, ()> {
        waits.lock().expect("nobody panicked").push(wait);
        passed.fetch_add(i64::try_from(wait.as_micros()).unwrap_or(0), Ordering::SeqCst);
        Box::pin(tokio::task::yield_now())
    };
    let clock = Clock::from_fn(move || at(&told));
    let engine = Engine::new(store.db.clone(), clock, SyncSettings::default(), name, Vec::new())?;
    Ok(engine.with_pace(Pace::from_fns(sleep, || 0.5)))
}

fn at(micros: &AtomicI64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst)).expect("within this century")
}
