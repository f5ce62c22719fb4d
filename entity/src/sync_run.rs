//! Sync runs: what each read and what came of it.

use sea_orm::entity::prelude::*;

use crate::code::Texts;
use crate::vocabulary::{SyncMode, SyncStatus};

/// A row of `sync_run`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_run")]
pub struct Model {
    /// Identity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The source.
    pub source_id: String,
    /// How it ended.
    pub status: SyncStatus,
    /// How it read.
    pub mode: SyncMode,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// When it ended. `None`: still running.
    pub finished_at: Option<DateTimeUtc>,
    /// Records read.
    pub read: i32,
    /// Records new to the hub.
    pub created: i32,
    /// Records changed.
    pub updated: i32,
    /// Records that said nothing new.
    pub unchanged: i32,
    /// Records no longer told of.
    pub deleted: i32,
    /// Records set aside.
    pub refused: i32,
    /// Why it did not succeed, in a sentence for the operator.
    pub error: Option<String>,
    /// How its records differed in form from those before, one sentence each. `None`: in nothing.
    pub drift: Option<Texts>,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
