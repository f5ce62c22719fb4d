//! Initiatives (initiatieven): running cooperations that others can learn from.

use sea_orm::entity::prelude::*;

use crate::code::{CodeSet, Texts};
use crate::vocabulary::Theme;

/// A row of `initiative`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "initiative")]
pub struct Model {
    /// Identity within the hub.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Name in lower case with hyphens; unique.
    pub slug: String,
    /// Name.
    pub name: String,
    /// Where it runs. `None`: bound to no municipality.
    pub municipality_code: Option<String>,
    /// The region it runs in.
    pub region_slug: Option<String>,
    /// Its themes.
    pub themes: CodeSet<Theme>,
    /// What it is, in Dutch.
    pub summary_nl: String,
    /// What it is, in English.
    pub summary_en: String,
    /// Starting points (uitgangspunten), in Dutch.
    pub starting_points_nl: Texts,
    /// Starting points, in English.
    pub starting_points_en: Texts,
    /// Conditions (randvoorwaarden), in Dutch.
    pub conditions_nl: Texts,
    /// Conditions, in English.
    pub conditions_en: Texts,
    /// Effects for the child, in Dutch.
    pub effects_nl: Texts,
    /// Effects for the child, in English.
    pub effects_en: Texts,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
