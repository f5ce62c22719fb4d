//! What is known of an education system on one element.

use sea_orm::entity::prelude::*;

use crate::vocabulary::EducationElement;

/// A row of `education_element`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "education_element")]
pub struct Model {
    /// The education system.
    #[sea_orm(primary_key, auto_increment = false)]
    pub country: String,
    /// The element.
    #[sea_orm(primary_key, auto_increment = false)]
    pub element: EducationElement,
    /// In Dutch.
    pub text_nl: String,
    /// In English.
    pub text_en: String,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
