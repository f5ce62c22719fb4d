//! On PostgreSQL, what is kept beside records for search and matching is brought up to date by looking at the records that
//! were written: before, each write had the sources of all documents read, to find which have none any more, and the
//! places of all offers. SQLite's triggers go row by row.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Exchanges a function and a view; brings the former ones back.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261128_000015_refreshes/up_postgres.sql") };
        dialect::run_own(manager, own).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261128_000015_refreshes/down_postgres.sql") };
        dialect::run_own(manager, own).await
    }
}
