//! Tells the audit trail of the contacts that an answer shows, before it goes out.

use entity::audit_entry::{AuditAction, AuditStatus};

use super::reader::Reader;
use crate::audit::{Deed, Trail};
use crate::auth::scope;

/// Tells of them, all at once. `register` is what identifiers of processing activities begin with.
pub(super) async fn tell(trail: &Trail, register: &str, reader: &Reader) {
    let deed = |record| Deed {
        activity: scope::ALLIANCE_READ,
        action: AuditAction::ContactRead,
        status: AuditStatus::Ok,
        record: Some(record),
        details: None,
    };
    let contacts = reader.contacts().into_iter();
    trail.tell(contacts.map(|record| deed(record).by(&reader.actor, reader.instant(), register)).collect()).await;
}
