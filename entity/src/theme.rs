//! The ten themes as reference records: what people read about each.

use sea_orm::entity::prelude::*;

/// A row of `theme`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "theme")]
pub struct Model {
    /// The code of [`crate::vocabulary::Theme`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    /// Place in the alliance's order, from 1.
    pub position: i32,
    /// Dutch label.
    pub label_nl: String,
    /// English label.
    pub label_en: String,
    /// Dutch description.
    pub description_nl: String,
    /// English description.
    pub description_en: String,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
