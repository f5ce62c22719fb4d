//! Connections to PostgreSQL's standbys, for queries. A standby replays what the primary wrote, a little later; so each use
//! of one begins with how far it must have come: a place in the write-ahead log, as the primary named it. Whoever cannot
//! be given a standby that has come so far reads from the primary.
//!
//! An address may lead to several standbys, each connection to another (Kubernetes' services do so), and one knows nothing of
//! what another has replayed. So what is known is known of a connection, and a [`Session`] has one for itself: no statement
//! of it goes anywhere else, and a connection that has to be made anew in between is held to the same place.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection, Row};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, SqlxPostgresConnector, Statement};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::lively::asked_when_idle;
use super::{Listener, POSTGRES_CONNECTIONS, SLOW, bounded};
use crate::config::DatabaseSettings;

/// Where the primary's write-ahead log ends, as columns `timeline` and `position` of a row `wal` to join: every commit that
/// the statement's snapshot sees is before it. A commit can be seen once its log is flushed, unless the operator has
/// switched that off.
pub(crate) const WAL_END: &str = "(SELECT ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int AS timeline, \
     (lsn - '0/0')::bigint AS position FROM (SELECT CASE WHEN current_setting('synchronous_commit') = 'off' \
     THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END AS lsn) AS wal_end) AS wal";

/// How far a standby has come. Which timeline it is on is known for certain some time after a failover, at its next
/// restartpoint: until then it counts as being on the one before.
const REPLAYED: &str = "SELECT pg_is_in_recovery() AS is_standby, \
     (coalesce(pg_last_wal_replay_lsn(), '0/0') - '0/0')::bigint AS position, \
     greatest((SELECT timeline_id FROM pg_control_checkpoint()), \
     (SELECT min_recovery_end_timeline FROM pg_control_recovery())) AS timeline, \
     (SELECT identity FROM store_state WHERE id = 1) AS identity";

/// A standby that takes longer to say how far it has come, or to be connected to, is away.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a standby that is away is looked for.
const AGAIN: Duration = Duration::from_secs(1);

/// A place in the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WalPosition {
    /// Which history it is a place of: each promotion begins another.
    pub(crate) timeline: i32,
    /// How many bytes were written before it.
    pub(crate) position: i64,
}

impl WalPosition {
    /// Whether who has come here has seen everything before `other`. A place of another history says nothing.
    fn reaches(self, other: Self) -> bool {
        self.timeline == other.timeline && self.position >= other.position
    }
}

/// The standbys. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Replica(Arc<Inner>);

struct Inner {
    options: PgConnectOptions,
    listener: Option<Listener>,
    /// The store that they must be copies of. Empty: nobody has looked yet.
    identity: Arc<OnceLock<String>>,
    /// Connections that nobody uses, the one to be taken next at the front.
    free: Mutex<VecDeque<Slot>>,
    most: usize,
    is_away: AtomicBool,
    /// Bytes of the log that the standby last asked was behind.
    lag: AtomicI64,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    used: AtomicU64,
    behind: AtomicU64,
    busy: AtomicU64,
    away: AtomicU64,
    failed: AtomicU64,
}

/// How the standbys are doing, since the process started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Queries that were read from one.
    pub(crate) used: u64,
    /// Queries for which the one at hand had not come far enough.
    pub(crate) behind: u64,
    /// Queries for which there was no connection free.
    pub(crate) busy: u64,
    /// Queries while none could be reached.
    pub(crate) away: u64,
    /// Queries that one was given and did not answer.
    pub(crate) failed: u64,
    /// Whether none can be reached.
    pub(crate) is_away: bool,
    /// How far the one last asked was behind, in bytes of the write-ahead log.
    pub(crate) lag_bytes: i64,
}

/// One connection, made when it is first used.
struct Slot {
    db: DatabaseConnection,
    held: Arc<Mutex<Held>>,
}

/// What a connection is held to.
#[derive(Default)]
struct Held {
    /// How far its standby had come when it was last asked.
    seen: Option<WalPosition>,
    /// How far it must have come. `None`: nobody is using it.
    wanted: Option<WalPosition>,
}

/// A connection to a standby that had come far enough, for one query. Dropped without [`Session::end`], it is given up: what
/// was being done on it may be under way still.
pub(crate) struct Session {
    db: DatabaseConnection,
    inner: Arc<Inner>,
    /// `None` once it is given back.
    slot: Option<Slot>,
}

impl Replica {
    /// The standbys that are set. `None`: there are none. Statements take no longer than `longest`.
    ///
    /// # Errors
    /// Where the address is none.
    pub(crate) fn open(
        settings: &DatabaseSettings,
        longest: Duration,
        listener: Option<Listener>,
    ) -> Result<Option<Self>, DbErr> {
        let Some(url) = &settings.replica_url else { return Ok(None) };
        let options: PgConnectOptions = url.reveal().parse().map_err(conn)?;
        let longest = (longest + bounded::GRACE).as_millis();
        let options = options.application_name("hub").options([("statement_timeout", longest.to_string())]);
        let options = options.log_statements(log::LevelFilter::Off).log_slow_statements(log::LevelFilter::Debug, SLOW);
        let most = settings.max_connections.unwrap_or(POSTGRES_CONNECTIONS);
        let inner = Inner {
            options,
            listener,
            identity: Arc::default(),
            free: Mutex::default(),
            most: usize::try_from(most).unwrap_or(usize::MAX),
            is_away: AtomicBool::new(false),
            lag: AtomicI64::new(0),
            counts: Counts::default(),
        };
        inner.refill();
        Ok(Some(Self(Arc::new(inner))))
    }

    /// What hears of its statements.
    pub(crate) fn listener(&self) -> Option<&Listener> {
        self.0.listener.as_ref()
    }

    /// Whether none could be reached when that was last tried.
    pub(crate) fn is_away(&self) -> bool {
        self.0.is_away.load(Ordering::Acquire)
    }

    /// A connection to a standby of the store with this identity that has come to `wanted`. `None`: there is none now.
    pub(crate) async fn take(&self, identity: &str, wanted: WalPosition) -> Option<Session> {
        let inner = &self.0;
        if self.is_away() {
            inner.counts.away.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let known = inner.identity.get_or_init(|| identity.to_owned());
        let Some(slot) = inner.free().pop_front().filter(|_| known == identity) else {
            inner.counts.busy.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let mut seen = slot.held().seen;
        // Where whoever asks goes away in between, it is given up.
        let mut session = Session { db: slot.db.clone(), inner: Arc::clone(inner), slot: Some(slot) };
        if !seen.is_some_and(|seen| seen.reaches(wanted)) {
            match session.look().await {
                Ok(found) => seen = Some(found),
                Err(error) => {
                    inner.counts.away.fetch_add(1, Ordering::Relaxed);
                    self.lose(&error);
                    return None;
                }
            }
        }
        if let Some(seen) = seen.filter(|seen| seen.timeline == wanted.timeline) {
            inner.lag.store(Ord::max(wanted.position - seen.position, 0), Ordering::Relaxed);
        }
        if !seen.is_some_and(|seen| seen.reaches(wanted)) {
            inner.counts.behind.fetch_add(1, Ordering::Relaxed);
            // To the end of the line: others may lead to standbys that have come further.
            session.give_back(VecDeque::push_back);
            return None;
        }
        session.hold_to(wanted);
        inner.counts.used.fetch_add(1, Ordering::Relaxed);
        Some(session)
    }

    /// Notes that a query was not answered by the standby that it was given.
    pub(crate) fn unanswered(&self, session: Session) {
        self.0.counts.failed.fetch_add(1, Ordering::Relaxed);
        drop(session);
        // It may have been the query's own doing.
        let replica = self.clone();
        tokio::spawn(async move {
            if let Err(error) = replica.0.connection().look().await {
                replica.lose(&error);
            }
        });
    }

    /// Asks one of them whether it is a copy of this store: by how many bytes of the log it is behind.
    ///
    /// # Errors
    /// Where it does not answer, or is none.
    pub(crate) async fn check(&self, store: &DatabaseConnection) -> Result<i64, DbErr> {
        let sql = format!("SELECT s.identity, wal.timeline, wal.position FROM store_state s CROSS JOIN {WAL_END}");
        let row = store.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("store_state".to_owned()))?;
        let identity: String = row.try_get("", "identity")?;
        let end = WalPosition { timeline: row.try_get("", "timeline")?, position: row.try_get("", "position")? };
        let mut connection = PgConnection::connect_with(&self.0.options).await.map_err(conn)?;
        let seen = replayed(&mut connection, Some(&identity)).await.map_err(conn)?;
        if seen.timeline != end.timeline {
            return Err(DbErr::Custom(format!("it is on timeline {}, and not on {}", seen.timeline, end.timeline)));
        }
        Ok(Ord::max(end.position - seen.position, 0))
    }

    /// How they are doing.
    pub(crate) fn figures(&self) -> Figures {
        let Counts { used, behind, busy, away, failed } = &self.0.counts;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Figures {
            used: of(used),
            behind: of(behind),
            busy: of(busy),
            away: of(away),
            failed: of(failed),
            is_away: self.is_away(),
            lag_bytes: self.0.lag.load(Ordering::Relaxed),
        }
    }

    /// Asks none of them until one answers again. Told once: the same happens every time until then.
    fn lose(&self, error: &DbErr) {
        if self.0.is_away.swap(true, Ordering::AcqRel) {
            return;
        }
        warn!(
            error = error as &dyn std::error::Error,
            "the replica does not answer: queries are read from the primary"
        );
        let replica = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                sleep(AGAIN).await;
                let Some(inner) = replica.upgrade() else { return };
                if inner.connection().look().await.is_ok() {
                    inner.is_away.store(false, Ordering::Release);
                    info!("the replica answers again: queries are read from it");
                    return;
                }
            }
        });
    }
}

impl Inner {
    fn free(&self) -> std::sync::MutexGuard<'_, VecDeque<Slot>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refill(&self) {
        let mut free = self.free();
        free.extend((0..self.most).map(|_| self.connection()));
    }

    /// A connection that is yet to be made.
    fn connection(&self) -> Slot {
        let held = Arc::<Mutex<Held>>::default();
        let (of, identity) = (Arc::clone(&held), Arc::clone(&self.identity));
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
        let pool = asked_when_idle(pool).after_connect(move |connection, _| {
            let (held, identity) = (Arc::clone(&of), Arc::clone(&identity));
            Box::pin(async move {
                let seen = replayed(connection, identity.get().map(String::as_str)).await?;
                let mut held = lock(&held);
                if held.wanted.is_some_and(|wanted| !seen.reaches(wanted)) {
                    return Err(refused("it has not come as far as the one that was read from before"));
                }
                held.seen = Some(seen);
                Ok(())
            })
        });
        let pool = pool.connect_lazy_with(self.options.clone());
        let mut db = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        if let Some(listener) = self.listener.clone() {
            db.set_metric_callback(move |info| listener(info));
        }
        Slot { db, held }
    }
}

impl Slot {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        lock(&self.held)
    }

    /// Asks how far its standby has come.
    async fn look(&self) -> Result<WalPosition, DbErr> {
        let look = async {
            let mut connection = self.db.get_postgres_connection_pool().acquire().await?;
            replayed(&mut connection, None).await
        };
        let seen = timeout(PATIENCE, look).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(conn)?;
        self.held().seen = Some(seen);
        Ok(seen)
    }
}

impl Session {
    /// The connection.
    pub(crate) fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// Gives the connection back: nothing is under way on it.
    pub(crate) fn end(mut self) {
        self.give_back(VecDeque::push_front);
    }

    async fn look(&self) -> Result<WalPosition, DbErr> {
        match &self.slot {
            Some(slot) => slot.look().await,
            None => Err(DbErr::Custom("it was given back".to_owned())),
        }
    }

    fn hold_to(&self, wanted: WalPosition) {
        if let Some(slot) = &self.slot {
            slot.held().wanted = Some(wanted);
        }
    }

    fn give_back(&mut self, put: impl FnOnce(&mut VecDeque<Slot>, Slot)) {
        if let Some(slot) = self.slot.take() {
            slot.held().wanted = None;
            put(&mut self.inner.free(), slot);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.slot.take().is_some() {
            // The pool before ends with what is under way on it.
            let fresh = self.inner.connection();
            self.inner.free().push_back(fresh);
        }
    }
}

/// How far the standby has come at the other end of a connection, and that it is one, of this store.
async fn replayed(connection: &mut PgConnection, identity: Option<&str>) -> Result<WalPosition, sqlx::Error> {
    let row = sqlx::query(REPLAYED).fetch_one(connection).await?;
    if !row.try_get::<bool, _>("is_standby")? {
        return Err(refused("it is no standby: it takes writes"));
    }
    if identity.is_some_and(|identity| row.try_get::<&str, _>("identity").is_ok_and(|own| own != identity)) {
        return Err(refused("it is a copy of another store"));
    }
    Ok(WalPosition { timeline: row.try_get("timeline")?, position: row.try_get("position")? })
}

fn refused(why: &'static str) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(why))
}

fn conn(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_reached_on_its_own_timeline_only() {
        let at = |timeline, position| WalPosition { timeline, position };
        assert!(at(2, 10).reaches(at(2, 10)));
        assert!(!at(2, 9).reaches(at(2, 10)));
        assert!(!at(1, 11).reaches(at(2, 10)) && !at(3, 11).reaches(at(2, 10)));
    }
}
