//! What writing through the hub's own interface needs: since when a claim says its status, the answers to mutations that
//! may be sent again, and the audit trail.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::dialect;

/// Adds the column and the tables, with the triggers that keep the audit trail as it was written; takes them away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000006_writes/up.sql")).await?;
        // The databases have no word in common for triggers.
        own(
            manager,
            include_str!("m20261124_000006_writes/up_sqlite.sql"),
            include_str!("m20261124_000006_writes/up_postgres.sql"),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000006_writes/down.sql")).await?;
        // Triggers go with their table; PostgreSQL's function does not.
        own(manager, "", "DROP FUNCTION audit_entry_stands()").await
    }
}

async fn own(manager: &SchemaManager<'_>, sqlite: &str, postgres: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let sql = if db.get_database_backend() == DbBackend::Postgres { postgres } else { sqlite };
    if sql.is_empty() {
        return Ok(());
    }
    db.execute_unprepared(sql).await?;
    Ok(())
}
