//! The sections of the configuration that are about writing: mutations, and the audit trail.

use chrono::TimeDelta;
use serde::Deserialize;

use crate::audit::retention::Retention;

/// `[mutations]`: what is written through the hub's interface.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MutationSettings {
    /// A mutation that is sent again with its key is answered the same for so long.
    pub idempotency_hours: u32,
}

impl MutationSettings {
    /// A mutation that is sent again with its key is answered the same for so long.
    #[must_use]
    pub fn kept_for(&self) -> TimeDelta {
        TimeDelta::hours(self.idempotency_hours.into())
    }
}

impl Default for MutationSettings {
    fn default() -> Self {
        Self { idempotency_hours: 72 }
    }
}

/// `[audit]`: the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// Entries are kept for so many days; 0: for ever.
    pub retention_days: u32,
    /// What the identifiers of processing activities begin with, in the operator's register of them.
    pub processing_activities: String,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { retention_days: 1826, processing_activities: String::new() }
    }
}

/// How long things are kept that are not records.
#[must_use]
pub fn retention(audit: &AuditSettings, mutations: &MutationSettings) -> Retention {
    let entries = (audit.retention_days > 0).then(|| TimeDelta::days(audit.retention_days.into()));
    Retention { entries, answers: mutations.kept_for() }
}
