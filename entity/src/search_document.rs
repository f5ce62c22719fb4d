//! What full-text search finds: one document for each school, partner, need, offer and initiative that stands. Written by
//! the database's triggers alone; see the migration `search`.

use sea_orm::entity::prelude::*;

/// A row of `search_document`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "search_document")]
pub struct Model {
    /// Its number, which the index of words knows it by.
    #[sea_orm(primary_key)]
    pub number: i64,
    /// The record's identity.
    pub record_id: Uuid,
    /// The record's type: `SCHOOL`, `PARTNER`, `NEED`, `OFFER` or `INITIATIVE`.
    pub record_type: String,
    /// The record's name or title.
    pub title: String,
    /// Names and codes that it is known by beside its title: places, its school or partner, a BRIN code.
    pub keywords: String,
    /// What is said of it at length.
    pub body: String,
    /// Length of the title, in characters.
    pub title_length: i32,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
