//! Homes near a school are found, told apart and counted in PostgreSQL's indexes alone. SQLite has no columns that an
//! index only carries along, and its stores are small.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Has the indexes carry what nearness asks; leaves them with their keys.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261128_000013_near_homes/up_postgres.sql") };
        dialect::run_own(manager, own).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261128_000013_near_homes/down_postgres.sql") };
        dialect::run_own(manager, own).await
    }
}
