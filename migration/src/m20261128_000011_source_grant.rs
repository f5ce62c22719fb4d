//! Grants of sources whose systems let the hub in for somebody: the tokens of each, sealed.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Adds the table; takes it away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261128_000011_source_grant/up.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261128_000011_source_grant/down.sql")).await
    }
}
