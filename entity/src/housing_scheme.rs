//! Housing schemes: priority rules of municipalities for teachers (voorrangsregelingen).

use sea_orm::entity::prelude::*;

use crate::code::CodeSet;
use crate::vocabulary::{HousingSegment, SchemeStatus};

/// A row of `housing_scheme`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "housing_scheme")]
pub struct Model {
    /// Identity within the hub; global ids are made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// CBS code of the municipality whose rule it is.
    pub municipality_code: String,
    /// Where it stands.
    pub status: SchemeStatus,
    /// First day it holds.
    pub valid_from: Date,
    /// Last day it holds. `None`: no end fixed.
    pub valid_until: Option<Date>,
    /// How many requests it has room for.
    pub quota: Option<i32>,
    /// How many of them are used.
    pub used: Option<i32>,
    /// The segments it gives priority in.
    pub segments: CodeSet<HousingSegment>,
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
    /// Where to register.
    pub registration_url: Option<String>,
    /// Where to read about it.
    pub information_url: Option<String>,
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
