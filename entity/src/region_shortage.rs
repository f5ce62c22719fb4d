//! Expected teacher shortage (verwacht lerarentekort) per region and year.

use sea_orm::entity::prelude::*;

/// A row of `region_shortage`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "region_shortage")]
pub struct Model {
    /// The region.
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_slug: String,
    /// Calendar year.
    #[sea_orm(primary_key, auto_increment = false)]
    pub year: i32,
    /// Expected shortage, in FTE.
    pub fte: f64,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
