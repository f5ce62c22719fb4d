//! The schema of the store: brought up to date, taken back, asked after.

use std::collections::HashSet;

use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

/// The lock that whoever changes the schema holds: `hub` in the bytes of a number.
const LOCK: i64 = 0x68_75_62;

/// One step of the schema's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Whether the database has taken it.
    pub applied: bool,
    /// Whether this release knows it: a later one may have been here.
    pub known: bool,
}

/// Takes every step that is missing, all or none, and returns their names. Waits for whoever else is at it.
///
/// # Errors
/// When the database refuses, or a later release has been here.
pub async fn up(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let transaction = lock(db).await?;
    let missing = names(status(&transaction).await?, |step| !step.applied);
    if !missing.is_empty() {
        Migrator::up(&transaction, None).await?;
    }
    transaction.commit().await?;
    Ok(missing)
}

/// Takes the last `steps` steps back, all or none, and returns their names. Their tables' contents are gone.
///
/// # Errors
/// When the database refuses, or a later release has been here.
pub async fn down(db: &DatabaseConnection, steps: u32) -> Result<Vec<String>, DbErr> {
    let transaction = lock(db).await?;
    let mut applied = names(status(&transaction).await?, |step| step.applied && step.known);
    applied.reverse();
    applied.truncate(usize::try_from(steps).unwrap_or(usize::MAX));
    if !applied.is_empty() {
        Migrator::down(&transaction, Some(steps)).await?;
    }
    transaction.commit().await?;
    Ok(applied)
}

/// Every step that this release or the database knows, oldest first. Changes nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn status(db: &impl ConnectionTrait) -> Result<Vec<Step>, DbErr> {
    let applied = applied(db).await?;
    let known: Vec<_> = Migrator::get_migration_files().iter().map(|step| step.name().to_owned()).collect();
    let foreign = applied.iter().filter(|name| !known.contains(name)).cloned();
    let mut steps: Vec<_> = foreign.map(|name| Step { name, applied: true, known: false }).collect();
    steps.extend(known.into_iter().map(|name| Step { applied: applied.contains(&name), known: true, name }));
    steps.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(steps)
}

/// Whether the database has every step that this release knows. A later release may have added to them: what is new
/// must work with the release before it.
///
/// # Errors
/// When the database does not answer.
pub async fn is_current(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(status(db).await?.iter().all(|step| step.applied))
}

/// The names of the steps that the database has taken.
async fn applied(db: &impl ConnectionTrait) -> Result<HashSet<String>, DbErr> {
    let backend = db.get_database_backend();
    let exists = match backend {
        DbBackend::Postgres => "SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL",
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
    };
    if db.query_one_raw(Statement::from_string(backend, exists)).await?.is_none() {
        return Ok(HashSet::new());
    }
    let rows = db.query_all_raw(Statement::from_string(backend, "SELECT version FROM seaql_migrations")).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// Opens the transaction in which the schema changes; nobody else can have one at the same time. Both databases take
/// changes of the schema back with it.
async fn lock(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = db.begin_with_options(options).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    }
    Ok(transaction)
}

fn names(steps: Vec<Step>, wanted: impl Fn(&Step) -> bool) -> Vec<String> {
    steps.into_iter().filter(wanted).map(|step| step.name).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::config::{ConnectionUrl, DatabaseSettings};

    async fn store() -> (TempDir, DatabaseConnection) {
        let directory = TempDir::new().unwrap();
        let url = ConnectionUrl::from(format!("sqlite://{}/hub.db?mode=rwc", directory.path().display()));
        let db = crate::database::connect(&DatabaseSettings::at(url, None)).await.unwrap();
        (directory, db)
    }

    #[tokio::test]
    async fn the_schema_goes_up_and_down_and_tells_where_it_is() {
        let (_directory, db) = store().await;
        assert!(!is_current(&db).await.unwrap());
        let taken = up(&db).await.unwrap();
        assert!(!taken.is_empty());
        assert!(is_current(&db).await.unwrap());
        assert!(up(&db).await.unwrap().is_empty());
        assert_eq!(down(&db, 1).await.unwrap(), [taken.last().unwrap().clone()]);
        assert!(!is_current(&db).await.unwrap());
    }

    #[tokio::test]
    async fn asking_makes_no_table() {
        let (_directory, db) = store().await;
        assert!(status(&db).await.unwrap().iter().all(|step| !step.applied));
        let sql = Statement::from_string(DbBackend::Sqlite, "SELECT 1 FROM sqlite_master");
        assert!(db.query_one_raw(sql).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn two_at_once_take_each_step_once() {
        let (_directory, db) = store().await;
        let (first, second) = tokio::join!(up(&db), up(&db));
        let taken = first.unwrap().len() + second.unwrap().len();
        assert_eq!(taken, Migrator::get_migration_files().len());
    }

    #[tokio::test]
    async fn a_step_of_a_later_release_does_not_stop_this_one_from_serving() {
        let (_directory, db) = store().await;
        up(&db).await.unwrap();
        let sql = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m99991231_000001_later', 0)";
        db.execute_unprepared(sql).await.unwrap();
        assert!(is_current(&db).await.unwrap());
        assert!(status(&db).await.unwrap().iter().any(|step| !step.known));
    }
}
