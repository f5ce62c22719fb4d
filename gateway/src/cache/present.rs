//! What this process knows of the store's present, and how fresh that is: the one thing that decides whether a kept
//! answer may still be given.
//!
//! A **look** reads where the journal ends and what was changed since the look before. Whoever is given a kept answer is
//! given one that held at a look which began no longer than [`HOLD`] before; else a look is waited for. So nothing older
//! is ever told than what had been committed [`HOLD`] ago, whoever committed it, and a mutation that is answered
//! [`SETTLE`] after its commit is seen by whatever its sender asks next, of any replica. Nothing needs to arrive for
//! that to hold: a process that is cut off from the store cannot look, and gives nothing.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use chrono::NaiveDate;
use entity::{Clock, change};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::ExprTrait;
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::sqlite::SqlitePoolOptions;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    SqlxPostgresConnector, SqlxSqliteConnector, Statement,
};
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::answer::Grounds;
use super::history::History;
use super::tag::{self, Told};
use crate::database::{WAL_END, WalPosition, is_away, lively};
use crate::graphql::list::qualified;
use crate::graphql::sources::Sources;

/// A kept answer may be given if it held at a look that began so long before. All replicas must hold to the same.
pub(crate) const HOLD: Duration = Duration::from_millis(25);
/// A mutation is answered so long after its commit: as long as any replica holds to an earlier look, and some time more
/// for clocks that run at different speeds.
pub(crate) const SETTLE: Duration = Duration::from_millis(30);
/// What is said of sources may be so old: nothing that a client writes changes it, and there may be a thousand of them.
pub(crate) const SOURCES_HOLD: Duration = Duration::from_millis(250);

/// A look is waited for so long; then the answer is computed anew, which takes more of the store than a look.
const PATIENCE: Duration = Duration::from_millis(500);
/// A look that takes longer is given up.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// A look waits so long for its connection.
const CONNECTED: Duration = Duration::from_secs(1);
/// After so many in a row that were given up the store is taken to be away. One may be a moment's load.
const GIVEN_UP: u32 = 2;
/// With more changes than these since the look before, everything counts as changed.
const MOST_CHANGES: i64 = 2_000;
/// So many changes from before the first look are read, so that what others have kept is of use.
const CHANGES_BEFORE: i64 = 1_000;

const END: &str = "SELECT h.sequence, s.reference_version, s.identity FROM journal_head h CROSS JOIN store_state s \
                   WHERE h.id = 1 AND s.id = 1";
/// As `END`, with where the write-ahead log ends.
static END_WITH_WAL: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT h.sequence, s.reference_version, s.identity, wal.timeline, wal.position \
         FROM journal_head h CROSS JOIN store_state s CROSS JOIN {WAL_END} WHERE h.id = 1 AND s.id = 1"
    )
});

/// What this process knows of the store's present.
#[derive(Clone)]
pub(crate) struct Present(Arc<Inner>);

struct Inner {
    /// A connection of its own: the others may be taken for as long as queries take.
    db: DatabaseConnection,
    clock: Clock,
    started: Instant,
    /// When the last look that succeeded began, in microseconds since the start; 0: there was none.
    looked_at: AtomicU64,
    /// Grows whenever a look found anything changed.
    epoch: AtomicU64,
    /// Everything up to here has been seen.
    applied: AtomicI64,
    reference_version: AtomicI64,
    identity: OnceLock<String>,
    /// Whether looks read where the write-ahead log ends.
    follows_wal: AtomicBool,
    /// Where it ended at the last look. `None`: nobody has looked at that.
    wal: RwLock<Option<WalPosition>>,
    history: RwLock<History>,
    sources: RwLock<Option<Read>>,
    /// Held by the look that is under way.
    turn: tokio::sync::Mutex<()>,
    is_looking: AtomicBool,
    is_failing: AtomicBool,
    /// Looks in a row that were given up.
    given_up: AtomicU32,
    is_away: AtomicBool,
    looks: AtomicU64,
}

/// The sources, as they were read.
#[derive(Clone)]
struct Read {
    at: Instant,
    mark: u64,
    sources: Arc<Sources>,
}

/// Where an answer begins to be computed: whatever it reads is at least as new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(super) sequence: i64,
    pub(super) reference_version: i64,
    pub(super) today: NaiveDate,
}

impl Present {
    pub(super) fn new(db: &DatabaseConnection, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            db: own_connection(db),
            clock,
            started: Instant::now(),
            looked_at: AtomicU64::new(0),
            epoch: AtomicU64::new(1),
            applied: AtomicI64::new(0),
            reference_version: AtomicI64::new(0),
            identity: OnceLock::new(),
            follows_wal: AtomicBool::new(false),
            wal: RwLock::new(None),
            history: RwLock::new(History::from(i64::MAX)),
            sources: RwLock::new(None),
            turn: tokio::sync::Mutex::new(()),
            is_looking: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
            given_up: AtomicU32::new(0),
            is_away: AtomicBool::new(false),
            looks: AtomicU64::new(0),
        }))
    }

    /// Sees to it that the present is known to somebody who asks at this moment. `false`: it is not.
    pub(super) async fn is_known(&self) -> bool {
        let arrived = self.0.now();
        match self.0.age(arrived) {
            Some(age) if age <= HOLD / 2 => true,
            Some(age) if age <= HOLD => {
                // Looked for ahead of time, so that under load nobody waits.
                if !self.0.is_looking.swap(true, Ordering::AcqRel) {
                    let looking = Looking(Arc::clone(&self.0));
                    tokio::spawn(async move { looking.0.look(arrived).await });
                }
                true
            }
            _ if self.is_away() => {
                // One finds out whether it is back; the others would only wait in line.
                if self.0.is_looking.swap(true, Ordering::AcqRel) {
                    return false;
                }
                let looking = Looking(Arc::clone(&self.0));
                let look = tokio::spawn(async move { looking.0.look(arrived).await });
                matches!(timeout(PATIENCE, look).await, Ok(Ok(true)))
            }
            _ => {
                let inner = Arc::clone(&self.0);
                // A task of its own: many wait for one look, and who goes away must not end it.
                let look = tokio::spawn(async move { inner.look(arrived).await });
                matches!(timeout(PATIENCE, look).await, Ok(Ok(true)))
            }
        }
    }

    /// Whether the store was away when it was last looked at: it could not be reached, or did not answer twice in a row.
    pub(super) fn is_away(&self) -> bool {
        self.0.is_away.load(Ordering::Acquire)
    }

    /// How long ago the last look began that succeeded. `None`: there was none.
    pub(super) fn blind_for(&self) -> Option<Duration> {
        self.0.age(self.0.now())
    }

    /// Where an answer begins that is computed from now on. `None`: the present was never known.
    pub(super) fn position(&self) -> Option<Position> {
        self.0.age(self.0.now())?;
        Some(Position {
            sequence: self.0.applied.load(Ordering::Acquire),
            reference_version: self.0.reference_version.load(Ordering::Acquire),
            today: self.0.clock.now().date_naive(),
        })
    }

    /// Whether what an answer depends on is as it was when it was computed, by what is known.
    pub(super) fn holds(&self, grounds: &Grounds) -> bool {
        if grounds.on_the_day && grounds.position.today != self.0.clock.now().date_naive() {
            return false;
        }
        if grounds.until.is_some_and(|until| until <= self.0.clock.now()) {
            return false;
        }
        let epoch = self.0.epoch.load(Ordering::Acquire);
        if grounds.held_at.load(Ordering::Relaxed) == epoch {
            return true;
        }
        let holds = self.0.holds(grounds);
        if holds {
            grounds.held_at.store(epoch, Ordering::Relaxed);
        }
        holds
    }

    /// The sources, as they were last read. `None`: nobody has looked yet.
    pub(super) fn sources(&self) -> Option<Arc<Sources>> {
        let read = self.0.sources.read().unwrap_or_else(PoisonError::into_inner);
        read.as_ref().map(|read| Arc::clone(&read.sources))
    }

    /// Which store it is. `None`: nobody has looked yet.
    pub(super) fn identity(&self) -> Option<&str> {
        self.0.identity.get().map(String::as_str)
    }

    /// Has looks read where the write-ahead log ends from now on, as PostgreSQL has one.
    pub(super) fn follow_wal(&self) {
        self.0.follows_wal.store(true, Ordering::Release);
    }

    /// Where the write-ahead log ended at the last look: what an answer holds that begins at [`Present::position`] was
    /// written before it. `None`: nobody has looked at that.
    pub(super) fn wal(&self) -> Option<WalPosition> {
        *self.0.wal.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the store was looked at.
    pub(super) fn looks(&self) -> u64 {
        self.0.looks.load(Ordering::Relaxed)
    }
}

/// The one look that is made ahead, or that finds out whether the store is back. However it ends, another may be made.
struct Looking(Arc<Inner>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.is_looking.store(false, Ordering::Release);
    }
}

impl Inner {
    /// Microseconds since the start, and never 0.
    fn now(&self) -> u64 {
        Ord::max(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX), 1)
    }

    /// How long before `now` the last look began.
    fn age(&self, now: u64) -> Option<Duration> {
        match self.looked_at.load(Ordering::Acquire) {
            0 => None,
            at => Some(Duration::from_micros(now.saturating_sub(at))),
        }
    }

    fn holds(&self, grounds: &Grounds) -> bool {
        if grounds.on_reference && grounds.position.reference_version != self.reference_version.load(Ordering::Acquire)
        {
            return false;
        }
        let is_unchanged = {
            let history = self.history.read().unwrap_or_else(PoisonError::into_inner);
            history.is_unchanged(grounds.position.sequence, &grounds.tags)
        };
        is_unchanged && {
            let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner).clone();
            sources.is_some_and(|read| {
                let is_same = |(id, mark): &(String, u64)| read.sources.mark(id) == Some(*mark);
                grounds.sources.iter().all(is_same) && read.sources.mark_behind(&grounds.types) == grounds.behind
            })
        }
    }

    /// Looks, unless somebody did since `arrived`. Whether the present is known to somebody who asked then.
    async fn look(&self, arrived: u64) -> bool {
        let _turn = self.turn.lock().await;
        let last = self.looked_at.load(Ordering::Acquire);
        if last >= arrived {
            return true;
        }
        let begun = self.now();
        let looked = match timeout(LONGEST_LOOK, self.read_anew()).await {
            Ok(looked) => looked.inspect_err(|error| {
                self.is_away.store(is_away(error), Ordering::Release);
            }),
            Err(_) => {
                let given_up = self.given_up.fetch_add(1, Ordering::AcqRel) + 1;
                self.is_away.fetch_or(given_up >= GIVEN_UP, Ordering::AcqRel);
                Err(DbErr::Custom("the store took too long to say where the journal ends".to_owned()))
            }
        };
        match looked {
            Ok(()) => {
                self.looks.fetch_add(1, Ordering::Relaxed);
                // Last: who reads this reads everything else as new.
                self.looked_at.store(begun, Ordering::Release);
                self.given_up.store(0, Ordering::Release);
                self.is_away.store(false, Ordering::Release);
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    debug!("the store can be looked at again: kept answers are given");
                }
                true
            }
            Err(error) => {
                // Told once: the same happens every time until the store is back.
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "the store cannot be looked at: no kept answer is given"
                    );
                }
                false
            }
        }
    }

    /// Reads, once more where the connection turns out to have been lost since: the next is a new one.
    async fn read_anew(&self) -> Result<(), DbErr> {
        match self.read().await {
            Err(error) if is_away(&error) && !matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) => {
                self.read().await
            }
            read => read,
        }
    }

    async fn read(&self) -> Result<(), DbErr> {
        let follows_wal = self.follows_wal.load(Ordering::Acquire);
        let sql = if follows_wal { END_WITH_WAL.as_str() } else { END };
        let end = self.db.query_one_raw(Statement::from_string(self.db.get_database_backend(), sql)).await?;
        let end = end.ok_or_else(|| {
            DbErr::RecordNotFound("journal_head: its one row is missing; run `hub migrate up`".to_owned())
        })?;
        let head: i64 = end.try_get("", "sequence")?;
        let reference_version: i64 = end.try_get("", "reference_version")?;
        let identity: String = end.try_get("", "identity")?;
        if follows_wal {
            let wal = WalPosition { timeline: end.try_get("", "timeline")?, position: end.try_get("", "position")? };
            // Before the journal's end is: who knows that, knows at least this.
            *self.wal.write().unwrap_or_else(PoisonError::into_inner) = Some(wal);
        }
        let applied = self.applied.load(Ordering::Acquire);
        let is_first = self.identity.get().is_none();
        let is_another = *self.identity.get_or_init(|| identity.clone()) != identity;
        let mut is_changed = self.reference_version.load(Ordering::Acquire) != reference_version;
        if is_another || head < applied {
            // The store was put back, or exchanged: nothing from before can be trusted.
            self.forget(i64::MAX);
            return Err(DbErr::Custom("it was put back under a running hub: start the hub anew".to_owned()));
        }
        if is_first {
            let from = Ord::max(head - CHANGES_BEFORE, 0);
            self.forget(from);
            self.follow(from, head).await?;
            is_changed = true;
        } else if head - applied > MOST_CHANGES {
            self.forget(head);
            is_changed = true;
        } else if head > applied {
            self.follow(applied, head).await?;
            is_changed = true;
        }
        is_changed |= self.read_sources().await?;
        self.reference_version.store(reference_version, Ordering::Release);
        self.applied.store(head, Ordering::Release);
        if is_changed {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    fn forget(&self, before: i64) {
        *self.history.write().unwrap_or_else(PoisonError::into_inner) = History::from(before);
    }

    /// Takes in what was changed behind `from`, up to `to`.
    async fn follow(&self, from: i64, to: i64) -> Result<(), DbErr> {
        use change::Column::{RecordId, Sequence};
        let changes = change::Entity::find()
            .filter(qualified(Sequence).gt(from))
            .filter(qualified(Sequence).lte(to))
            .order_by_asc(Sequence)
            .all(&self.db)
            .await?;
        let records: HashSet<Uuid> = changes.iter().map(|change| change.record_id).collect();
        // What a record belonged to before it moved has changed too, and only earlier changes of it tell.
        let told: Vec<Told> = change::Entity::find()
            .select_only()
            .columns(Told::COLUMNS)
            .distinct()
            .filter(qualified(RecordId).is_in(records))
            .into_model()
            .all(&self.db)
            .await?;
        let last: HashMap<Uuid, i64> = changes.iter().map(|change| (change.record_id, change.sequence)).collect();
        let mut history = self.history.write().unwrap_or_else(PoisonError::into_inner);
        for change in &changes {
            history.note(change.sequence, tag::of_change(change));
        }
        for told in told {
            if let Some(sequence) = last.get(&told.record_id) {
                history.note(*sequence, told.tags());
            }
        }
        Ok(())
    }

    /// Reads the sources, where they were not just before. Whether anything is said otherwise of them now.
    async fn read_sources(&self) -> Result<bool, DbErr> {
        let last = self.sources.read().unwrap_or_else(PoisonError::into_inner).clone();
        if last.as_ref().is_some_and(|last| last.at.elapsed() < SOURCES_HOLD) {
            return Ok(false);
        }
        let at = Instant::now();
        let sources = Sources::read(&self.db, self.clock.now()).await?;
        let mark = sources.mark_all();
        let is_changed = last.is_none_or(|last| last.mark != mark);
        let read = Read { at, mark, sources: Arc::new(sources) };
        *self.sources.write().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok(is_changed)
    }
}

/// A connection that nobody else takes: a few slow queries may have taken all others. A store in memory has but one.
fn own_connection(db: &DatabaseConnection) -> DatabaseConnection {
    if db.get_database_backend() != DbBackend::Postgres {
        let options = db.get_sqlite_connection_pool().connect_options();
        if !options.get_filename().is_file() {
            return db.clone();
        }
        let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).acquire_timeout(CONNECTED);
        return SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with((*options).clone()));
    }
    let options = db.get_postgres_connection_pool().connect_options();
    let pool = lively(PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECTED));
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with((*options).clone()))
}
