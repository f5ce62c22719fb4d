//! Offers (aanbod) of partners.

use sea_orm::entity::prelude::*;

use crate::code::{CodeSet, Texts};
use crate::vocabulary::{CapacityUnit, InputKind, OfferStatus, SupportKind, Theme};

/// A row of `offer`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "offer")]
pub struct Model {
    /// Identity within the hub; global ids are made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who offers.
    pub partner_id: Uuid,
    /// What is offered, in a line.
    pub title: String,
    /// What is offered, at length.
    pub description: Option<String>,
    /// Its themes; at least one.
    pub themes: CodeSet<Theme>,
    /// The kinds of support it gives.
    pub support_kinds: CodeSet<SupportKind>,
    /// What the partner puts in.
    pub inputs: CodeSet<InputKind>,
    /// Where it stands.
    pub status: OfferStatus,
    /// Whether it reaches the whole country.
    pub national: bool,
    /// Centre of the circle it reaches: degrees north (WGS 84).
    pub latitude: Option<f64>,
    /// Centre of the circle it reaches: degrees east (WGS 84).
    pub longitude: Option<f64>,
    /// First coordinate of the point on the unit sphere; see [`crate::geo`].
    pub geo_x: Option<f64>,
    /// Second coordinate.
    pub geo_y: Option<f64>,
    /// Third coordinate.
    pub geo_z: Option<f64>,
    /// Radius of the circle it reaches, in kilometres.
    pub radius_km: Option<f64>,
    /// How much, in `capacity_unit`. `None` where nothing is said.
    pub capacity_amount: Option<f64>,
    /// The unit of `capacity_amount`.
    pub capacity_unit: Option<CapacityUnit>,
    /// First day. `None`: not fixed.
    pub starts_on: Option<Date>,
    /// Last day. `None`: no end fixed.
    pub ends_on: Option<Date>,
    /// Whether who does the work needs a certificate of conduct (VOG).
    pub requires_vog: bool,
    /// Whether that certificate is in order. `None`: not known.
    pub vog_in_order: Option<bool>,
    /// Languages it is given in, as BCP 47 tags.
    pub languages: Texts,
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
