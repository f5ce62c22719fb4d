//! School locations (vestigingen).

use sea_orm::entity::prelude::*;

/// A row of `school`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "school")]
pub struct Model {
    /// Identity within the hub; global ids are made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// BRIN code of the location, as `20AB00`; see [`crate::Brin`].
    pub brin: String,
    /// Name.
    pub name: String,
    /// Street, without the house number.
    pub street: Option<String>,
    /// House number with letter and addition.
    pub house_number: Option<String>,
    /// Postcode, `1234 AB`.
    pub postcode: Option<String>,
    /// Place.
    pub city: Option<String>,
    /// Degrees north (WGS 84).
    pub latitude: Option<f64>,
    /// Degrees east (WGS 84).
    pub longitude: Option<f64>,
    /// First coordinate of the point on the unit sphere; see [`crate::geo`].
    pub geo_x: Option<f64>,
    /// Second coordinate.
    pub geo_y: Option<f64>,
    /// Third coordinate.
    pub geo_z: Option<f64>,
    /// Denomination (denominatie), as the register words it.
    pub denomination: Option<String>,
    /// Number of pupils.
    pub pupils: Option<i32>,
    /// Disadvantage score (achterstandsscore) of Statistics Netherlands.
    pub disadvantage_score: Option<f64>,
    /// Address of its website, with scheme.
    pub website: Option<String>,
    /// The board that answers for it.
    pub school_board_id: Option<Uuid>,
    /// CBS code of its municipality.
    pub municipality_code: Option<String>,
    /// The source whose word counts for this record: the one of highest precedence that tells of it.
    pub source_id: String,
    /// Its identifier in that source.
    pub external_id: Option<String>,
    /// Counts the writes of this record, from 1.
    pub version: i32,
    /// When the hub first saw it.
    pub created_at: DateTimeUtc,
    /// When the hub last saw it changed.
    pub updated_at: DateTimeUtc,
    /// When the last source that told of it stopped doing so. `None` for a record that stands.
    pub deleted_at: Option<DateTimeUtc>,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
