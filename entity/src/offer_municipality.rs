//! Municipalities that an offer reaches.

use sea_orm::entity::prelude::*;

/// A row of `offer_municipality`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offer_municipality")]
pub struct Model {
    /// The offer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub offer_id: Uuid,
    /// CBS code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub municipality_code: String,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
