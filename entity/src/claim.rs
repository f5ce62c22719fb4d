//! What one source says of one record. A record is what its claims make of it, field by field, in order of precedence.

use sea_orm::entity::prelude::*;

use crate::vocabulary::RecordType;

/// A row of `claim`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "claim")]
pub struct Model {
    /// Number, given by the database; a full reading remembers which it has seen.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The source.
    pub source_id: String,
    /// The stream it came in.
    pub stream: String,
    /// The type of the record.
    pub record_type: RecordType,
    /// The identifier in the source.
    pub external_id: String,
    /// The record.
    pub record_id: Uuid,
    /// SHA-256 of what was said, and of the version of the mapping.
    pub content_hash: Vec<u8>,
    /// What was said, as a canonical record.
    pub content: Json,
    /// When the source first told of it.
    pub first_seen_at: DateTimeUtc,
    /// When what it says last changed.
    pub changed_at: DateTimeUtc,
    /// When the source stopped telling of it. `None`: it still does.
    pub deleted_at: Option<DateTimeUtc>,
    /// Since when it says the status that it says. `None`: it says none, or from before this was noted.
    pub status_at: Option<DateTimeUtc>,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
