//! Municipalities (gemeenten), as the sources name them.

use sea_orm::entity::prelude::*;

/// A row of `municipality`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "municipality")]
pub struct Model {
    /// CBS code, as `GM0363`; see [`crate::MunicipalityCode`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    /// Name.
    pub name: String,
    /// Whether it is one of the four big cities.
    pub is_g4: bool,
    /// The shrinking region it lies in, where it lies in one.
    pub region_slug: Option<String>,
    /// Priority of the source that named it: only a source of the same or a lower number renames it.
    pub priority: i32,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
