//! Housing options: homes for teachers (lerarenwoningen).

use sea_orm::entity::prelude::*;

use crate::vocabulary::{HousingSegment, HousingStatus, HousingType};

/// A row of `housing_option`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "housing_option")]
pub struct Model {
    /// Identity within the hub; global ids are made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Name or address in a line.
    pub title: String,
    /// CBS code of the municipality it lies in.
    pub municipality_code: String,
    /// Neighbourhood (wijk or buurt).
    pub neighbourhood: Option<String>,
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
    /// What kind of home it is.
    pub housing_type: HousingType,
    /// The segment it is let in.
    pub segment: HousingSegment,
    /// Where it stands.
    pub status: HousingStatus,
    /// How many homes the publication holds; 1 for most.
    pub homes: i32,
    /// Rent per month, in cents EUR.
    pub rent_cents: i64,
    /// Service costs per month, in cents EUR.
    pub service_costs_cents: Option<i64>,
    /// Floor area, in square metres.
    pub floor_area_m2: Option<f64>,
    /// Number of rooms.
    pub rooms: Option<i32>,
    /// First day it can be let.
    pub available_from: Option<Date>,
    /// Last day to respond.
    pub respond_before: Option<Date>,
    /// Length of the contract, in months. `None`: no end.
    pub contract_months: Option<i32>,
    /// Whether only teachers qualify.
    pub teachers_only: bool,
    /// Least employment, in FTE.
    pub minimum_fte: Option<f64>,
    /// Least employment, in hours a week.
    pub minimum_hours_per_week: Option<f64>,
    /// Highest yearly income, in cents EUR.
    pub maximum_income_cents: Option<i64>,
    /// Lowest yearly income, in cents EUR.
    pub minimum_income_cents: Option<i64>,
    /// Whether only starters on the housing market qualify.
    pub starters_only: bool,
    /// Whether the employer applies, and not the teacher.
    pub via_employer: bool,
    /// Farthest present home, in kilometres.
    pub maximum_distance_km: Option<f64>,
    /// What else decides, in words.
    pub eligibility_notes: Option<String>,
    /// The partner that lets it.
    pub provider_id: Option<Uuid>,
    /// The priority scheme it falls under.
    pub scheme_id: Option<Uuid>,
    /// Where to apply.
    pub apply_url: Option<String>,
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
