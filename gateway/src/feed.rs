//! Where the change feed ends, for everybody in this process who follows it.
//!
//! A wake-up only ever says "look": what is told comes from the store. This process's sync engine wakes the feed when it
//! commits, other processes by PostgreSQL's notifications. Notifications get lost (a connection breaks, PgBouncer does
//! not pass them on) and SQLite has none, so one watcher a process looks by itself as well, however many follow.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use connectors::sync::Observer;
use entity::journal::CHANNEL;
use entity::{change, journal_head};
use sea_orm::sqlx::postgres::{PgListener, PgPoolOptions};
use sea_orm::sqlx::{self, Pool, Postgres};
use sea_orm::{DatabaseConnection, DbBackend, DbErr, EntityTrait};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::cache::SETTLE;
use crate::database::lively;

/// How long to wait before the database is asked again to notify, at first and at the longest.
const RECONNECT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A look at the feed's end is given up after this long.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// The end of the change feed. Cheap to clone; its watcher runs from when somebody first follows until the last clone
/// is dropped.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    db: DatabaseConnection,
    end: watch::Sender<End>,
    look: Arc<Notify>,
    poll: Duration,
    /// Aborted when they are dropped.
    tasks: OnceLock<JoinSet<()>>,
}

/// Where the feed ends.
#[derive(Clone, Copy, Debug)]
struct End {
    sequence: i64,
    /// When that was first seen here.
    seen: Instant,
}

/// Somebody who follows the feed.
pub struct Follower {
    end: watch::Receiver<End>,
    /// Keeps the watcher running.
    _feed: Feed,
}

impl Feed {
    /// The feed of this store. Where nothing wakes it, it looks every `poll`.
    #[must_use]
    pub fn new(db: DatabaseConnection, poll: Duration) -> Self {
        let end = watch::Sender::new(End { sequence: 0, seen: Instant::now() });
        Self(Arc::new(Inner { db, end, look: Arc::new(Notify::new()), poll, tasks: OnceLock::new() }))
    }

    /// Says that something may have been committed.
    pub fn wake(&self) {
        self.0.look.notify_one();
    }

    /// Follows the feed. Called within the runtime on which the watcher shall run.
    #[must_use]
    pub fn follow(&self) -> Follower {
        self.0.tasks.get_or_init(|| self.watch());
        Follower { end: self.0.end.subscribe(), _feed: self.clone() }
    }

    fn watch(&self) -> JoinSet<()> {
        let Inner { db, end, look, poll, .. } = self.0.as_ref();
        let mut tasks = JoinSet::new();
        if db.get_database_backend() == DbBackend::Postgres {
            // A pool of its own: taken from the store's, the connection would be missing there for good.
            let options = db.get_postgres_connection_pool().connect_options();
            let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
            // A standby can be listened to as little as written to.
            let pool = lively(pool);
            tasks.spawn(listen(pool.connect_lazy_with((*options).clone()), Arc::clone(look)));
        }
        tasks.spawn(watch(db.clone(), end.clone(), Arc::clone(look), *poll));
        tasks
    }
}

impl Observer for Feed {
    fn committed(&self, changes: &[change::Model]) {
        if let Some(last) = changes.last() {
            move_on(&self.0.end, last.sequence);
        }
    }
}

impl Follower {
    /// Waits until the feed ends behind `position`, and returns where it then ends. Everything up to there is committed
    /// and can be read.
    pub async fn beyond(&mut self, position: i64) -> i64 {
        let end = self.end.wait_for(|end| end.sequence > position).await.map(|end| *end);
        match end {
            Ok(end) => {
                // Who hears of a change asks for more: by then no replica gives an answer that it kept from before.
                sleep_until(end.seen + SETTLE).await;
                end.sequence
            }
            // Cannot be: the feed, which this holds, holds the other end.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Where the feed ends at this moment.
///
/// # Errors
/// When the store does not answer.
pub async fn end(db: &DatabaseConnection) -> Result<i64, DbErr> {
    let head = journal_head::Entity::find_by_id(1).one(db).await?;
    Ok(head.map_or(0, |head| head.sequence))
}

/// Only ever forwards: of two who looked at the same time, the slower must not take back what the other saw.
fn move_on(end: &watch::Sender<End>, sequence: i64) {
    end.send_if_modified(|end| {
        let is_news = sequence > end.sequence;
        if is_news {
            *end = End { sequence, seen: Instant::now() };
        }
        is_news
    });
}

/// Looks where the feed ends, whenever it is woken and every `poll`.
async fn watch(db: DatabaseConnection, latest: watch::Sender<End>, look: Arc<Notify>, poll: Duration) {
    let mut is_failing = false;
    loop {
        // A connection whose other end is gone would be waited for as long as the system takes to find that out.
        let looked = timeout(LONGEST_LOOK, end(&db)).await;
        match looked.unwrap_or_else(|_| Err(DbErr::Custom("the store took too long to say where it ends".to_owned()))) {
            Ok(sequence) => {
                move_on(&latest, sequence);
                if std::mem::take(&mut is_failing) {
                    info!("the change feed can be read again");
                }
            }
            Err(error) => {
                // Told once: the same happens every time until the store is back.
                if !std::mem::replace(&mut is_failing, true) {
                    warn!(error = &error as &dyn std::error::Error, "the change feed cannot be read; trying on");
                }
            }
        }
        tokio::select! {
            () = look.notified() => {}
            () = sleep(poll) => {}
        }
    }
}

/// Wakes the watcher at every notification of the database. In a task of its own: a connection that is being made or
/// read from must not be given up because it is time to look.
async fn listen(pool: Pool<Postgres>, look: Arc<Notify>) {
    let mut pause = RECONNECT.0;
    loop {
        let Err(error) = hear(&pool, &look, &mut pause).await;
        debug!(error = &error as &dyn std::error::Error, "the database does not notify; listening again soon");
        sleep(pause).await;
        pause = (pause * 2).min(RECONNECT.1);
    }
}

async fn hear(
    pool: &Pool<Postgres>,
    look: &Notify,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    *pause = RECONNECT.0;
    loop {
        // Also when it has just begun to listen, or lost its connection and has it again: what was said before went by.
        look.notify_one();
        listener.try_recv().await?;
    }
}
