//! PostgreSQL's index of words is made of the documents' texts rather than of a column, so that rows are short; FTS5 has no
//! such column.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Takes the column away; brings it back.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261127_000010_search_rows/up_postgres.sql") };
        dialect::run_own(manager, own).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261127_000010_search_rows/down_postgres.sql") };
        dialect::run_own(manager, own).await
    }
}
