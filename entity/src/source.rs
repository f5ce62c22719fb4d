//! Connected systems: what configuration says of each, and how it goes.

use sea_orm::entity::prelude::*;

use crate::vocabulary::{SourceKind, SyncStatus};

/// A row of `source`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "source")]
pub struct Model {
    /// Identifier from configuration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Name that people read.
    pub name: String,
    /// The connector that speaks to it.
    pub connector: String,
    /// What kind of system it is.
    pub kind: SourceKind,
    /// Precedence where two sources tell of one record: the lower number wins.
    pub priority: i32,
    /// Time between runs, in seconds.
    pub every_secs: i64,
    /// Its records are stale this many seconds after the last success.
    pub fresh_for_secs: i64,
    /// Whether configuration still has it.
    pub enabled: bool,
    /// End of its last run that read all there was to read.
    pub last_succeeded_at: Option<DateTimeUtc>,
    /// How its last run ended. `None`: never ran.
    pub last_status: Option<SyncStatus>,
    /// When it is due. `None`: at once.
    pub next_run_at: Option<DateTimeUtc>,
    /// Which worker runs it now.
    pub lease_owner: Option<String>,
    /// Until when that worker has it for itself.
    pub lease_until: Option<DateTimeUtc>,
    /// Counts leases: a worker whose number is not this one writes nothing.
    pub fence: i64,
    /// Runs that failed since one did not.
    pub failures: i32,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
