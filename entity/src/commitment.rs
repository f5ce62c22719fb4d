//! Commitments (toezeggingen) of partners to schools.

use sea_orm::entity::prelude::*;

use crate::vocabulary::{CapacityUnit, CommitmentStatus};

/// A row of `commitment`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "commitment")]
pub struct Model {
    /// Identity within the hub; global ids are made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who commits.
    pub partner_id: Uuid,
    /// The school it is for.
    pub school_id: Uuid,
    /// The need it answers; of the same school. `None`: for the school in general.
    pub need_id: Option<Uuid>,
    /// The offer it comes from; of the same partner.
    pub offer_id: Option<Uuid>,
    /// What is committed, in a line.
    pub title: String,
    /// Where it stands.
    pub status: CommitmentStatus,
    /// How much, in `capacity_unit`. `None` where nothing is said.
    pub capacity_amount: Option<f64>,
    /// The unit of `capacity_amount`.
    pub capacity_unit: Option<CapacityUnit>,
    /// First day. `None`: not fixed.
    pub starts_on: Option<Date>,
    /// Last day. `None`: no end fixed.
    pub ends_on: Option<Date>,
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
