//! What a cache of answers must be able to see: which need a commitment's change concerns, when the reference tables
//! changed, which the journal does not tell of, and which store this is.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Adds the column, the table and its triggers; takes them away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000009_cache/up.sql")).await?;
        let own = Own {
            sqlite: include_str!("m20261124_000009_cache/up_sqlite.sql"),
            postgres: include_str!("m20261124_000009_cache/up_postgres.sql"),
        };
        dialect::run_own(manager, own).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own {
            sqlite: include_str!("m20261124_000009_cache/down_sqlite.sql"),
            postgres: include_str!("m20261124_000009_cache/down_postgres.sql"),
        };
        dialect::run_own(manager, own).await?;
        dialect::run(manager, include_str!("m20261124_000009_cache/down.sql")).await
    }
}
