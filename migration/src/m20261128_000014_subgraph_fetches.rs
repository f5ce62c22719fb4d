//! When partners last told their schemas, and why they do not: another matter than why one cannot be composed.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Adds the columns; takes them away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261128_000014_subgraph_fetches/up.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261128_000014_subgraph_fetches/down.sql")).await
    }
}
