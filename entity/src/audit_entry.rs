//! The audit trail: who did what to which record, with the fields of the Dutch standard Logboek Dataverwerkingen
//! (<https://logius-standaarden.github.io/logboek-dataverwerkingen/>). Append-only: the database refuses to change an
//! entry, and to delete one whose time has not come.

use sea_orm::entity::prelude::*;

use crate::code::vocabulary;
use crate::vocabulary::RecordType;

vocabulary! {
    /// What was done.
    pub enum AuditAction {
        /// A record was made.
        Created = "CREATED", "Aangemaakt", "Created";
        /// A record was changed.
        Updated = "UPDATED", "Gewijzigd", "Changed";
        /// A record was taken away.
        Deleted = "DELETED", "Verwijderd", "Deleted";
        /// Somebody asked for a write that was refused.
        Refused = "REFUSED", "Geweigerd", "Refused";
        /// Contact details were read.
        ContactRead = "CONTACT_READ", "Contactgegevens gelezen", "Contact details read";
        /// A sync was started by hand.
        SyncStarted = "SYNC_STARTED", "Synchronisatie gestart", "Sync started";
    }
}

vocabulary! {
    /// How it ended, in the standard's words.
    pub enum AuditStatus {
        /// As asked.
        Ok = "OK", "Gelukt", "Done";
        /// Refused, or failed.
        Error = "ERROR", "Mislukt", "Failed";
    }
}

/// A row of `audit_entry`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// Number, given by the database.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// When.
    pub at: DateTimeUtc,
    /// The trace that it belongs to (W3C Trace Context): the client's where it sent one.
    pub trace_id: String,
    /// The operation within the trace.
    pub span_id: String,
    /// The client's operation that it was done for, where it said.
    pub parent_span_id: Option<String>,
    /// The processing activity (verwerkingsactiviteit) in the operator's register.
    pub processing_activity: String,
    /// What was done.
    pub action: AuditAction,
    /// How it ended.
    pub status: AuditStatus,
    /// The token's subject.
    pub subject: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The organisation it spoke for.
    pub organisation: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
    /// The type of the record.
    pub record_type: Option<RecordType>,
    /// The record.
    pub record_id: Option<Uuid>,
    /// The fields that changed, before and after, without contact details; or why it was refused.
    pub details: Option<Json>,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
