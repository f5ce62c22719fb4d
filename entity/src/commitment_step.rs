//! The history of a commitment: every step dated, with who took it.

use sea_orm::entity::prelude::*;

use crate::vocabulary::CommitmentStatus;

/// A row of `commitment_step`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "commitment_step")]
pub struct Model {
    /// Identity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The commitment.
    pub commitment_id: Uuid,
    /// The status it came to.
    pub status: CommitmentStatus,
    /// When.
    pub at: DateTimeUtc,
    /// Who took the step, where known: a party or the name of a source.
    pub by: Option<String>,
    /// What was said with it.
    pub note: Option<String>,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
