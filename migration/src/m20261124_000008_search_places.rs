//! Where a word stands in a document, as lexemes of its own on PostgreSQL, so that the best documents come from the index
//! alone; FTS5 has that by its columns. Documents are also read faster when they are written.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Works out every document's lexemes anew; brings the former ones back.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261124_000008_search_places/up_postgres.sql") };
        dialect::run_own(manager, own).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own { sqlite: "", postgres: include_str!("m20261124_000008_search_places/down_postgres.sql") };
        dialect::run_own(manager, own).await
    }
}
