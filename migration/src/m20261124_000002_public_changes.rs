//! Changes say whether they left their record public, so that the feed does not tell of what a reader never could see.
//! Of changes before this it is not known, and they are told of as they were.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Adds the column; takes it away again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, "ALTER TABLE change ADD COLUMN is_public BOOLEAN NOT NULL DEFAULT TRUE;").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, "ALTER TABLE change DROP COLUMN is_public;").await
    }
}
