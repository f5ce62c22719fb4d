//! How far the reading of a stream has come: written in the transaction of the page it speaks of.

use sea_orm::entity::prelude::*;

use crate::vocabulary::SyncMode;

/// A row of `checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "checkpoint")]
pub struct Model {
    /// The source.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: String,
    /// The stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: String,
    /// Where the next page starts. `None`: no reading is under way.
    pub page_token: Option<String>,
    /// How the reading under way reads.
    pub mode: Option<SyncMode>,
    /// When the reading under way began.
    pub reading_since: Option<DateTimeUtc>,
    /// Latest change seen in the reading under way.
    pub reading_watermark: Option<DateTimeUtc>,
    /// The claims seen in the reading under way, as a Roaring bitmap.
    pub seen: Option<Vec<u8>>,
    /// An incremental reading starts here, inclusive. `None`: the next one is full.
    pub watermark: Option<DateTimeUtc>,
    /// When a reading of this stream last came to its end: the source then confirmed all of it.
    pub confirmed_at: Option<DateTimeUtc>,
    /// When a full reading last came to its end.
    pub full_at: Option<DateTimeUtc>,
    /// The version of the connector's mapping that the last full reading went through.
    pub mapping_version: Option<i64>,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
