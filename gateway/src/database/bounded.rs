//! Statements with an end. Whoever waits for a statement may give up, but dropping a future ends nothing in the database:
//! PostgreSQL computes on for nobody, and so does the thread that SQLite runs on, with the connection kept busy. So the
//! databases themselves are told how long a statement may take.

use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, DbErr, RuntimeErr};
use sqlx::sqlite::SqliteConnection;

/// After how many steps of its virtual machine SQLite looks at the time: some hundred times a second.
const STEPS: i32 = 50_000;
/// How much longer than whoever waits the database goes on: the one who gives up first can say of the whole request why.
pub(super) const GRACE: Duration = Duration::from_millis(200);

/// Ends every statement of these connections soon after `longest`.
pub(super) fn bound(options: &mut ConnectOptions, longest: Duration) {
    let longest = longest + GRACE;
    // PostgreSQL's own setting; SQLite's options take no notice of it.
    options.statement_timeout(longest);
    options.map_sqlx_sqlite_pool_opts(move |options| {
        options.after_connect(move |connection, _| Box::pin(end_after(connection, longest))).before_acquire(
            move |connection, _| Box::pin(async move { end_after(connection, longest).await.map(|()| true) }),
        )
    });
}

/// Ends what the connection does once `longest` has passed. Set anew each time somebody takes the connection: for a
/// statement, or for a transaction.
async fn end_after(connection: &mut SqliteConnection, longest: Duration) -> Result<(), sqlx::Error> {
    let end = Instant::now() + longest;
    connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < end);
    Ok(())
}

/// Whether the database ended the statement because it took too long: PostgreSQL's `query_canceled`, SQLite's
/// `SQLITE_INTERRUPT`.
pub(crate) fn is_ended(error: &DbErr) -> bool {
    let (DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| matches!(&*code, "57014" | "9"))
}
