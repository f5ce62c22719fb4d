//! How each attempt to deliver to a webhook's endpoint went.

use sea_orm::entity::prelude::*;

/// A row of `webhook_attempt`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempt")]
pub struct Model {
    /// Number, given by the database.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// What was to be delivered.
    pub delivery_id: Uuid,
    /// When it was sent.
    pub at: DateTimeUtc,
    /// What the endpoint answered. `None`: it did not.
    pub status_code: Option<i32>,
    /// Why it failed, in a sentence. `None`: it did not.
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: i32,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
