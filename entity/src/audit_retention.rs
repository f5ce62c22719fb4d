//! How far back the audit trail may be cut: the one door through which entries go. One row, empty but while they do.

use sea_orm::entity::prelude::*;

/// A row of `audit_retention`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_retention")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Entries from before this instant may be deleted. `None`: none may.
    pub ends_before: Option<DateTimeUtc>,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
