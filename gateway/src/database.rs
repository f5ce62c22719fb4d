//! The store's connections: SQLite in a file beside the hub, or PostgreSQL. Knows no table but the schema's history.

mod away;
mod bounded;
mod lively;
mod replica;
pub mod schema;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::metric::Info;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};

pub(crate) use self::away::{cause_of, is_away};
pub(crate) use self::bounded::is_ended;
pub(crate) use self::lively::lively;
pub(crate) use self::replica::{Replica, Session, WAL_END, WalPosition};
use crate::config::DatabaseSettings;

/// Connections to SQLite: it has one writer, and a few readers keep two cores busy.
const SQLITE_CONNECTIONS: u32 = 4;
/// Connections to PostgreSQL: a few replicas stay below its hundred.
const POSTGRES_CONNECTIONS: u32 = 16;
/// Connections to PostgreSQL that are kept open for answering clients, whether or not they are used. Where the server gives
/// no more, who waits for another waits in vain: sqlx does not turn back to those that are free again meanwhile.
const KEPT_OPEN: u32 = 4;
/// The oldest PostgreSQL that the schema is made for, in its own numbers.
const OLDEST_POSTGRES: i32 = 150_000;
/// How long to wait for a connection, and for another's write lock on SQLite.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long who is to be answered waits for a connection to PostgreSQL: when there are none for longer, more waiting makes
/// it worse.
const QUERY_PATIENCE: Duration = Duration::from_secs(3);
/// Statements that take longer are told of in the debug log.
const SLOW: Duration = Duration::from_secs(1);

/// Hears of each statement that was made. Connections tell one listener only: who listens in its place tells it on.
pub type Listener = Arc<dyn Fn(&Info<'_>) + Send + Sync>;

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The address names neither SQLite nor PostgreSQL.
    #[error("database.url names neither SQLite nor PostgreSQL")]
    UnknownKind,
    /// The directory of the SQLite file is not there. Making it is the operator's: a typing error would else make one.
    #[error("the directory {0} of database.url does not exist: create it, or name another")]
    NoDirectory(PathBuf),
    /// The PostgreSQL server is too old.
    #[error("PostgreSQL {0} is too old: the hub needs 15 or later")]
    TooOld(String),
    /// No connection came about. The cause does not hold the address.
    #[error("cannot connect to {kind}")]
    Connect {
        /// SQLite or PostgreSQL.
        kind: &'static str,
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// The database cannot say what it is.
    #[error("the database does not answer")]
    Query(#[from] DbErr),
}

/// Connects to the store.
///
/// # Errors
/// Where it cannot be reached within ten seconds, or cannot be used.
pub async fn connect(settings: &DatabaseSettings) -> Result<DatabaseConnection, DatabaseError> {
    connect_within(settings, PATIENCE).await
}

/// As [`connect`], for answering clients: a statement that takes longer than `longest` is ended by the database itself,
/// whether or not anybody waits for it. A store in memory has one connection, which nothing bounds.
///
/// # Errors
/// As there.
pub async fn connect_for_queries(
    settings: &DatabaseSettings,
    longest: Duration,
) -> Result<DatabaseConnection, DatabaseError> {
    let patience = if settings.url.scheme() == "sqlite" { PATIENCE } else { QUERY_PATIENCE };
    connect_bounded(settings, patience, Some(longest)).await
}

/// As [`connect`], but waits no longer than `patience` for the first connection and any later one.
///
/// # Errors
/// As there.
pub async fn connect_within(
    settings: &DatabaseSettings,
    patience: Duration,
) -> Result<DatabaseConnection, DatabaseError> {
    connect_bounded(settings, patience, None).await
}

async fn connect_bounded(
    settings: &DatabaseSettings,
    patience: Duration,
    longest: Option<Duration>,
) -> Result<DatabaseConnection, DatabaseError> {
    let mut options = ConnectOptions::new(settings.url.reveal());
    options
        .connect_timeout(patience)
        .acquire_timeout(patience)
        .sqlx_logging(true)
        .sqlx_logging_level(log::LevelFilter::Off)
        .sqlx_slow_statements_logging_settings(log::LevelFilter::Debug, SLOW);
    let url = &settings.url;
    if let Some(longest) = longest {
        bounded::bound(&mut options, longest);
        if settings.url.scheme() != "sqlite" {
            options.min_connections(Ord::min(KEPT_OPEN, settings.max_connections.unwrap_or(KEPT_OPEN)));
        }
    }
    match url.scheme() {
        "sqlite" => connect_sqlite(options, settings.max_connections).await,
        "postgres" | "postgresql" => connect_postgres(options, settings.max_connections).await,
        _ => Err(DatabaseError::UnknownKind),
    }
}

/// What the database is called in messages.
#[must_use]
pub fn kind(db: &DatabaseConnection) -> &'static str {
    match db.get_database_backend() {
        DbBackend::Postgres => "PostgreSQL",
        _ => "SQLite",
    }
}

/// Whether the store is embedded: a file that only this machine's hub has open.
#[must_use]
pub fn is_embedded(db: &DatabaseConnection) -> bool {
    db.get_database_backend() == DbBackend::Sqlite
}

async fn connect_sqlite(mut options: ConnectOptions, most: Option<u32>) -> Result<DatabaseConnection, DatabaseError> {
    let in_memory = is_in_memory(options.get_url());
    if !in_memory && let Some(directory) = directory(options.get_url()).filter(|directory| !directory.is_dir()) {
        return Err(DatabaseError::NoDirectory(directory.to_path_buf()));
    }
    options.max_connections(most.unwrap_or(SQLITE_CONNECTIONS)).test_before_acquire_if_idle_for(lively::UNTESTED);
    options.map_sqlx_sqlite_opts(|options| {
        options
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .pragma("journal_mode", "WAL")
            // With a write-ahead log, NORMAL loses no commit to a crash of the process and cannot corrupt the file.
            .pragma("synchronous", "NORMAL")
    });
    if in_memory {
        // Each connection would have a database of its own, gone when it closes.
        options.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    }
    Database::connect(options).await.map_err(|source| DatabaseError::Connect { kind: "SQLite", source })
}

async fn connect_postgres(mut options: ConnectOptions, most: Option<u32>) -> Result<DatabaseConnection, DatabaseError> {
    options
        .max_connections(most.unwrap_or(POSTGRES_CONNECTIONS))
        .set_application_name("hub")
        .map_sqlx_postgres_pool_opts(lively);
    let db =
        Database::connect(options).await.map_err(|source| DatabaseError::Connect { kind: "PostgreSQL", source })?;
    let sql = "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the server's version".to_owned()))?;
    if row.try_get::<i32>("", "number")? < OLDEST_POSTGRES {
        return Err(DatabaseError::TooOld(row.try_get("", "name")?));
    }
    Ok(db)
}

fn is_in_memory(url: &str) -> bool {
    url.contains(":memory:") || url.contains("mode=memory")
}

/// The directory that a SQLite address names. `None`: the working directory.
fn directory(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Path::new(path).parent().filter(|directory| !directory.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn settings(url: String) -> DatabaseSettings {
        DatabaseSettings::at(url, None)
    }

    #[test]
    fn the_directory_is_what_the_address_says() {
        assert_eq!(directory("sqlite://hub.db?mode=rwc"), None);
        assert_eq!(directory("sqlite:///var/lib/hub/hub.db?mode=rwc"), Some(Path::new("/var/lib/hub")));
        assert_eq!(directory("sqlite://data/hub.db"), Some(Path::new("data")));
    }

    #[tokio::test]
    async fn sqlite_is_set_up_for_one_writer_and_many_readers() {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite://{}/hub.db?mode=rwc", directory.path().display());
        let db = connect(&settings(url)).await.unwrap();
        for (pragma, expected) in [("journal_mode", "wal"), ("foreign_keys", "1"), ("synchronous", "1")] {
            let sql = format!("SELECT CAST({pragma} AS TEXT) AS value FROM pragma_{pragma}");
            let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap().unwrap();
            assert_eq!(row.try_get::<String>("", "value").unwrap(), expected, "{pragma}");
        }
        let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA busy_timeout")).await;
        assert_eq!(row.unwrap().unwrap().try_get_by_index::<i32>(0).unwrap(), 10_000);
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_named() {
        let error = connect(&settings("sqlite:///nowhere/at/all/hub.db?mode=rwc".to_owned())).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the directory /nowhere/at/all of database.url does not exist: create it, or name another"
        );
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_reached_does_not_tell_its_password() {
        let url = "postgres://hub:hush-hush@127.0.0.1:1/hub".to_owned();
        let error = connect_within(&settings(url), Duration::from_millis(50)).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hush-hush"), "{error:?}");
    }

    #[tokio::test]
    async fn a_database_in_memory_is_one_database() {
        let db = connect(&settings("sqlite::memory:".to_owned())).await.unwrap();
        schema::up(&db).await.unwrap();
        let (first, second) = tokio::join!(schema::is_current(&db), schema::is_current(&db));
        assert!(first.unwrap() && second.unwrap());
    }
}
