//! Connections to PostgreSQL that are given up when nobody answers at their other end. Where a server's machine is gone
//! or its address has moved, nothing tells a connection so: the system sends again for a quarter of an hour. sqlx asks a
//! connection that comes back whether it is alive, and waits as long; meanwhile it counts among those that may be open.
//! So each such question has an end here, and an unanswered one is the connection's.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnection, PgPoolOptions};
use sea_orm::sqlx::{self, Connection, Row};
use tokio::time::timeout;

/// A connection that has been idle for longer is asked whether it is alive before it is used: asking before each
/// statement would double the round trips. One that died since fails one request, which may be asked again.
pub(super) const UNTESTED: Duration = Duration::from_secs(1);
/// Whoever wants a connection waits so long for an idle one to say that it is alive; then another is opened.
const ALIVE: Duration = Duration::from_millis(500);
/// A connection that comes back may still be busy with what was given up, which the database itself ends soon.
const RETURNED: Duration = Duration::from_secs(2);

/// As these options, with connections that are given up when they are dead, and that lead to a server that takes writes: one
/// that was promoted, or has come back as a standby, may be behind an address that is slow to follow.
pub(crate) fn lively(options: PgPoolOptions) -> PgPoolOptions {
    asked_when_idle(options)
        .after_release(|connection, _| Box::pin(async move { settled(connection).await.map(|()| true) }))
        .after_connect(|connection, _| Box::pin(is_primary(connection)))
}

/// As these options, with connections that are asked whether they are alive where that is not known, and not for long.
pub(super) fn asked_when_idle(options: PgPoolOptions) -> PgPoolOptions {
    options.test_before_acquire(false).before_acquire(|connection, meta| {
        Box::pin(async move {
            if meta.idle_for >= UNTESTED {
                ask(connection, ALIVE).await?;
            }
            Ok(true)
        })
    })
}

/// Waits for the end of what was given up on a connection, and not for long. Where nothing was, that takes no time: sqlx asks
/// by itself, afterwards, whether the connection is alive, and to ask here as well would be another round trip for each
/// statement. (That question has no end of its own: who falls silent in just that moment counts as open until the system
/// gives it up.) No other method of sqlx's waits without asking.
async fn settled(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    timeout(RETURNED, connection.flush()).await.unwrap_or_else(|_| Err(silent()))
}

async fn ask(connection: &mut PgConnection, patience: Duration) -> Result<(), sqlx::Error> {
    timeout(patience, connection.ping()).await.unwrap_or_else(|_| Err(silent()))
}

/// What sqlx is told here it tries again, until whoever waits for the connection gives up.
async fn is_primary(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let row = sqlx::query("SELECT pg_is_in_recovery()").fetch_one(connection).await?;
    if row.try_get(0)? {
        Err(sqlx::Error::Io(std::io::Error::other("it is a standby: it takes no writes")))
    } else {
        Ok(())
    }
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}
