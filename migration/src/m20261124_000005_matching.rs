//! What finds candidates for a match without looking at all pairs: published offers by theme and place, open needs by theme.
//! Kept in step by triggers, so that no writer can forget it.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Creates the tables and their triggers, and fills them; takes them all away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000005_matching/up.sql")).await?;
        let own = Own {
            sqlite: include_str!("m20261124_000005_matching/up_sqlite.sql"),
            postgres: include_str!("m20261124_000005_matching/up_postgres.sql"),
        };
        dialect::run_own(manager, own).await?;
        dialect::run(manager, include_str!("m20261124_000005_matching/fill.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own {
            sqlite: include_str!("m20261124_000005_matching/down_sqlite.sql"),
            postgres: include_str!("m20261124_000005_matching/down_postgres.sql"),
        };
        dialect::run_own(manager, own).await?;
        dialect::run(manager, include_str!("m20261124_000005_matching/down.sql")).await
    }
}
