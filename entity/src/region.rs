//! Regions: labour market regions, shrinking regions (krimpregio's) among them.

use sea_orm::entity::prelude::*;

/// A row of `region`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "region")]
pub struct Model {
    /// Name in lower case with hyphens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub slug: String,
    /// Name.
    pub name: String,
    /// Whether it is a shrinking region.
    pub is_shrinking: bool,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
