//! Education systems of other countries: reference knowledge.

use sea_orm::entity::prelude::*;

/// A row of `education_system`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "education_system")]
pub struct Model {
    /// ISO 3166-1 alpha-2 code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub country: String,
    /// Place in the list, from 1.
    pub position: i32,
    /// Dutch name.
    pub name_nl: String,
    /// English name.
    pub name_en: String,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
