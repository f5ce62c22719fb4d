//! What is known of partners' live graphs: their last good schemas, so that a start does without those that are down.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes the table; takes it away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261128_000012_subgraphs/up.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261128_000012_subgraphs/down.sql")).await
    }
}
