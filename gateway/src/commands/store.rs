//! The store, opened for a command that needs its schema.

use crate::config::DatabaseSettings;
use crate::database::{self, schema};
use crate::telemetry::Metrics;
use anyhow::{Context, bail};
use connectors::sync::install_reference;
use entity::Clock;
use sea_orm::DatabaseConnection;
use tracing::info;

/// As [`open`], with its statements and connections counted, and told how its sources are.
pub(crate) async fn open_watched(settings: &DatabaseSettings, metrics: &Metrics) -> anyhow::Result<DatabaseConnection> {
    let mut db = open(settings).await?;
    metrics.watch(&mut db, "work");
    metrics.tell_sources(db.clone());
    Ok(db)
}

/// Connects to the store and makes sure of its schema: an embedded one is brought up to date here, for nobody else
/// uses it; a server's is its operator's to change.
pub(crate) async fn open(settings: &DatabaseSettings) -> anyhow::Result<DatabaseConnection> {
    let db = database::connect(settings).await?;
    if database::is_embedded(&db) {
        for step in schema::up(&db).await.context("the database's schema cannot be brought up to date")? {
            info!("the database's schema has taken {step}");
        }
    } else if !schema::is_current(&db).await.context("the database does not tell its schema")? {
        bail!("the database's schema is not up to date: run `hub migrate up`");
    }
    // Changes nothing where they are as they should be.
    install_reference(&db, &Clock::system()).await.context("the reference records cannot be written")?;
    Ok(db)
}
