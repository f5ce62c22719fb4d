//! The journal: what was created, changed or deleted, in the order of commits.

use sea_orm::entity::prelude::*;

use crate::vocabulary::{ChangeAction, RecordType};

/// A row of `change`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// Place in the order; never reused, never filled in later.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    /// When.
    pub at: DateTimeUtc,
    /// What happened.
    pub action: ChangeAction,
    /// To what type of record.
    pub record_type: RecordType,
    /// To which record.
    pub record_id: Uuid,
    /// Through which source.
    pub source_id: Option<String>,
    /// The school whose card shows the record.
    pub school_id: Option<Uuid>,
    /// The municipality it belongs to.
    pub municipality_code: Option<String>,
    /// The partner it belongs to.
    pub partner_id: Option<Uuid>,
    /// Of a commitment the need that it answers; the nil UUID where it answers none. `None`: not told.
    pub need_id: Option<Uuid>,
    /// Whether it left the record one that anybody may see.
    pub is_public: bool,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
