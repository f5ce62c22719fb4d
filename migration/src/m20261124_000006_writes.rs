//! What writing through the hub's own interface needs: since when a claim says its status, the answers to mutations that
//! may be sent again, and the audit trail.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Adds the column and the tables, with the triggers that keep the audit trail as it was written; takes them away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000006_writes/up.sql")).await?;
        let own = Own {
            sqlite: include_str!("m20261124_000006_writes/up_sqlite.sql"),
            postgres: include_str!("m20261124_000006_writes/up_postgres.sql"),
        };
        dialect::run_own(manager, own).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000006_writes/down.sql")).await?;
        // Triggers go with their table; PostgreSQL's function does not.
        let own = Own { sqlite: "SELECT 1", postgres: "DROP FUNCTION audit_entry_stands()" };
        dialect::run_own(manager, own).await
    }
}
