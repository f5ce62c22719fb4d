//! What the sync engine keeps of a source beyond a run: its failures in a row, and what its records look like.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Adds the columns and the table; takes them away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000003_sync/up.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000003_sync/down.sql")).await
    }
}
