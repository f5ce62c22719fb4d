//! Records that could not be taken, with why.

use sea_orm::entity::prelude::*;

use crate::code::Texts;

/// A row of `refusal`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refusal")]
pub struct Model {
    /// Identity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The source.
    pub source_id: String,
    /// The stream.
    pub stream: String,
    /// Its identifier in the source; else a hash of its content.
    pub record_key: String,
    /// Its identifier in the source, where it has one.
    pub external_id: Option<String>,
    /// Why, one sentence each.
    pub reasons: Texts,
    /// Whether it would be taken once another record is known: the next reading is then a full one.
    pub awaits_reference: bool,
    /// What the source sent, without contact details.
    pub payload: Option<String>,
    /// When it was first refused; where it came to wait for another record since, when it did.
    pub first_seen_at: DateTimeUtc,
    /// When it was last refused.
    pub last_seen_at: DateTimeUtc,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
