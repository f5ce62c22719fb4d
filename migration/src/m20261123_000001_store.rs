//! The store as it began: records, their claims, the journal, sources and runs.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Creates every table; takes them all away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261123_000001_store/up.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261123_000001_store/down.sql")).await
    }
}
