//! What the store says of itself: which one it is, and when the tables changed that the journal does not tell of.

use sea_orm::entity::prelude::*;

/// A row of `store_state`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "store_state")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Tells this store from every other.
    pub identity: String,
    /// Counts the writes to reference tables (municipalities, regions, themes, initiatives, education systems), by
    /// triggers.
    pub reference_version: i64,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
