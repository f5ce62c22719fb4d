//! A store of its own for each test: a file for SQLite, a schema for PostgreSQL.

use std::io::Write;

use anyhow::{Context, Result};
use gateway::config::DatabaseSettings;
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};
use tempfile::TempDir;
use uuid::Uuid;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The embedded one.
    Sqlite,
    /// The server named by `HUB_TEST_DATABASE_URL`.
    Postgres,
}

/// A store, migrated and empty, that goes when it is dropped.
pub struct TestStore {
    /// The connection to it.
    pub db: DatabaseConnection,
    /// What a process of its own connects to it with.
    pub url: String,
    _directory: Option<TempDir>,
}

impl TestStore {
    /// The store at this address, migrated. It stays when it is dropped.
    pub async fn at(url: &str) -> Result<Self> {
        let db = connect(url).await?;
        Migrator::up(&db, None).await?;
        Ok(Self { db, url: url.to_owned(), _directory: None })
    }
}

impl Backend {
    /// A fresh, migrated store. `None` where this machine has no such database: the test then says so and passes, and
    /// `tests/run` has said loudly what did not run.
    pub async fn store(self) -> Result<Option<TestStore>> {
        let Some(store) = self.empty().await? else { return Ok(None) };
        Migrator::up(&store.db, None).await?;
        Ok(Some(store))
    }

    /// A fresh store without any table.
    pub async fn empty(self) -> Result<Option<TestStore>> {
        match self {
            Self::Sqlite => sqlite().await.map(Some),
            Self::Postgres => postgres().await,
        }
    }
}

async fn sqlite() -> Result<TestStore> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite://{}?mode=rwc", directory.path().join("hub.db").display());
    let db = connect(&url).await?;
    Ok(TestStore { db, url, _directory: Some(directory) })
}

#[expect(clippy::disallowed_methods, reason = "tests are told by their environment where the database is")]
async fn postgres() -> Result<Option<TestStore>> {
    let Ok(server) = std::env::var("HUB_TEST_DATABASE_URL") else {
        // Said by `tests/run` as well; here for who runs a test by hand.
        writeln!(std::io::stderr(), "SKIPPED on PostgreSQL: HUB_TEST_DATABASE_URL is not set")?;
        return Ok(None);
    };
    let schema = format!("test_{}", Uuid::now_v7().simple());
    let admin = Database::connect(ConnectOptions::new(&server).max_connections(1).to_owned())
        .await
        .context("HUB_TEST_DATABASE_URL")?;
    let backend = admin.get_database_backend();
    admin.execute_raw(Statement::from_string(backend, format!("CREATE SCHEMA {schema}"))).await?;
    admin.close().await?;
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
    let db = connect(&url).await?;
    Ok(Some(TestStore { db, url, _directory: None }))
}

/// Connects as the hub does.
async fn connect(url: &str) -> Result<DatabaseConnection> {
    let settings = DatabaseSettings::at(url, Some(8));
    Ok(gateway::database::connect(&settings).await?)
}
