//! Webhooks: endpoints that hear of changes, the secrets that what they hear is signed with, what is to be delivered to
//! them, and how each attempt went.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Adds the tables; takes them away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000007_webhooks/up.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000007_webhooks/down.sql")).await
    }
}
