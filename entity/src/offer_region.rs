//! Regions that an offer reaches.

use sea_orm::entity::prelude::*;

/// A row of `offer_region`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offer_region")]
pub struct Model {
    /// The offer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub offer_id: Uuid,
    /// The region.
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_slug: String,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
