//! On PostgreSQL, what is kept beside an offer for search and matching is made once in a transaction, however many of its
//! statements wrote the offer and its places; and what is made of records is found by their keys, whatever the
//! statistics of a new database say. SQLite's triggers go row by row.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Makes the table of offers that are due, and exchanges functions; brings the former ones back.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261201_000016_once/up_postgres.sql") };
        dialect::run_own(manager, own).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261201_000016_once/down_postgres.sql") };
        dialect::run_own(manager, own).await
    }
}
