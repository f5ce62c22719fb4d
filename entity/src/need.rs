//! Needs: help requests (hulpvragen) of schools.

use sea_orm::entity::prelude::*;

use crate::code::CodeSet;
use crate::vocabulary::{Barrier, NeedStatus, SupportKind, Theme, Urgency};

/// A row of `need`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "need")]
pub struct Model {
    /// Identity within the hub; global ids are made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The school that asks.
    pub school_id: Uuid,
    /// What is asked, in a line.
    pub title: String,
    /// What is asked, at length.
    pub description: Option<String>,
    /// Its themes; at least one.
    pub themes: CodeSet<Theme>,
    /// The kinds of support it asks for.
    pub support_kinds: CodeSet<SupportKind>,
    /// What stands in the way.
    pub barriers: CodeSet<Barrier>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// Where it stands.
    pub status: NeedStatus,
    /// People asked for, in FTE.
    pub fte_asked: Option<f64>,
    /// Time asked for, in hours a week.
    pub hours_per_week_asked: Option<f64>,
    /// First day. `None`: not fixed.
    pub starts_on: Option<Date>,
    /// Last day. `None`: no end fixed.
    pub ends_on: Option<Date>,
    /// Who to speak to. Only for parties that may see it.
    pub contact_name: Option<String>,
    /// E-mail of the contact. Only for parties that may see it.
    pub contact_email: Option<String>,
    /// Telephone of the contact. Only for parties that may see it.
    pub contact_phone: Option<String>,
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
