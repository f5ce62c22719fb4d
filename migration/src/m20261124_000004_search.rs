//! Full-text search: one document for each record that can be found, kept in step by the database itself, so that no
//! writer can forget it.
//!
//! `search_source` says what every document is made of; triggers bring the documents of whatever changed up to it. The
//! words of documents are indexed by a generated `tsvector` with GIN on PostgreSQL, and by FTS5 on SQLite.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Own};

/// Creates documents, indexes and triggers, and fills them; takes them all away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m20261124_000004_search/up.sql")).await?;
        let own = Own {
            sqlite: include_str!("m20261124_000004_search/up_sqlite.sql"),
            postgres: include_str!("m20261124_000004_search/up_postgres.sql"),
        };
        dialect::run_own(manager, own).await?;
        dialect::run(manager, include_str!("m20261124_000004_search/fill.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = Own {
            sqlite: include_str!("m20261124_000004_search/down_sqlite.sql"),
            postgres: include_str!("m20261124_000004_search/down_postgres.sql"),
        };
        dialect::run_own(manager, own).await?;
        dialect::run(manager, include_str!("m20261124_000004_search/down.sql")).await
    }
}
