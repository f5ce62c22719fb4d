//! Partners: public and private parties that support schools.

use sea_orm::entity::prelude::*;

use crate::vocabulary::PartnerKind;

/// A row of `partner`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "partner")]
pub struct Model {
    /// Identity within the hub; global ids are made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// What kind of party it is.
    pub kind: PartnerKind,
    /// Number in the trade register (KvK), eight digits.
    pub kvk: Option<String>,
    /// Address of its website.
    pub website: Option<String>,
    /// Who they are, in their own words.
    pub description: Option<String>,
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
