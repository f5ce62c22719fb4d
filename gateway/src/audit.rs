//! The audit trail: who did what to which record, when and from where, with the fields of the Dutch standard Logboek
//! Dataverwerkingen. What is written is told in the transaction that writes it; what contacts are read is told beside the
//! answer, see [`Trail`]. It holds no contact details: an entry cannot be changed, and somebody may have a right to have
//! those taken away.

mod actor;
pub mod retention;
mod trail;

use chrono::{DateTime, Utc};
use entity::audit_entry::{self, AuditAction, AuditStatus};
use sea_orm::{ActiveValue, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use serde_json::Value;

pub(crate) use self::actor::is_traceparent;
pub use self::actor::{Actor, Trace};
pub use self::trail::Trail;

/// Entries in one statement.
const AT_ONCE: usize = 1_000;

/// What is told in an entry beside who did it.
#[derive(Clone, Debug)]
pub struct Deed {
    /// The processing activity.
    pub activity: &'static str,
    /// What was done.
    pub action: AuditAction,
    /// How it ended.
    pub status: AuditStatus,
    /// The record, where it was done to one.
    pub record: Option<(entity::vocabulary::RecordType, uuid::Uuid)>,
    /// What changed, or why it was refused.
    pub details: Option<Value>,
}

impl Deed {
    /// An entry of what this actor did at this instant. `register` is what the operator's register of processing
    /// activities begins its identifiers with.
    #[must_use]
    pub fn by(self, actor: &Actor, at: DateTime<Utc>, register: &str) -> audit_entry::Model {
        audit_entry::Model {
            id: 0,
            at,
            trace_id: actor.trace.trace_id.clone(),
            span_id: actor.trace.span_id.clone(),
            parent_span_id: actor.trace.parent_span_id.clone(),
            processing_activity: format!("{register}{}", self.activity),
            action: self.action,
            status: self.status,
            subject: actor.subject.clone(),
            client: actor.client.clone(),
            organisation: actor.organisation.clone(),
            address: actor.address.map(|address| address.to_string()),
            record_type: self.record.map(|(record_type, _)| record_type),
            record_id: self.record.map(|(_, id)| id),
            details: self.details,
        }
    }
}

/// Appends entries.
///
/// # Errors
/// Where the store fails.
pub async fn append(db: &impl ConnectionTrait, entries: &[audit_entry::Model]) -> Result<(), DbErr> {
    for entries in entries.chunks(AT_ONCE) {
        let rows = entries.iter().map(|entry| {
            let mut row = entry.clone().into_active_model();
            row.id = ActiveValue::NotSet;
            row
        });
        audit_entry::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}
