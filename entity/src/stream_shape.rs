//! What a stream's raw records look like: their fields, so that a change of the partner's interface shows.

use sea_orm::entity::prelude::*;

/// A row of `stream_shape`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stream_shape")]
pub struct Model {
    /// The source.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: String,
    /// The stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: String,
    /// How many records it was learned from.
    pub records: i64,
    /// By path: the JSON types that were met there, and how many records had it.
    pub fields: Json,
    /// When it was last learned.
    pub learned_at: DateTimeUtc,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
