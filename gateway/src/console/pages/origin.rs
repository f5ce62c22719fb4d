//! Where a record comes from.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Something with a name.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Named {
    pub(in crate::console) name: String,
}

/// How many there are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Count {
    pub(in crate::console) total_count: i64,
}

/// Where a record comes from, and how fresh it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Origin {
    pub(in crate::console) source: Named,
    pub(in crate::console) last_seen_at: DateTime<Utc>,
    pub(in crate::console) is_stale: bool,
}
