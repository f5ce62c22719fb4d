//! How sources are and what came of reading them, as pages tell it.

use chrono::{DateTime, Utc};
use entity::vocabulary::{SyncMode, SyncStatus};
use serde::Deserialize;

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Health {
    Healthy,
    Late,
    Failing,
    NeverSynced,
    Disabled,
}

impl Health {
    /// In Dutch and in English.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Healthy => ("actueel", "up to date"),
            Self::Late => ("te laat", "late"),
            Self::Failing => ("mislukt", "failing"),
            Self::NeverSynced => ("nog nooit gelezen", "never read"),
            Self::Disabled => ("uitgezet", "switched off"),
        }
    }

    /// As a class of the styles.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Healthy => "active",
            Self::Late | Self::NeverSynced => "open",
            Self::Failing => "broken",
            Self::Disabled => "draft",
        }
    }
}

/// One reading of a source.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) status: SyncStatus,
    pub(super) mode: SyncMode,
    pub(super) started_at: DateTime<Utc>,
    pub(super) finished_at: Option<DateTime<Utc>>,
    pub(super) read: i64,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) unchanged: i64,
    pub(super) deleted: i64,
    pub(super) refused: i64,
    pub(super) error: Option<String>,
}

impl Run {
    /// As a class of the styles.
    pub(super) fn class(&self) -> &'static str {
        match self.status {
            SyncStatus::Succeeded => "active",
            SyncStatus::Failed => "broken",
            SyncStatus::Running => "running",
            SyncStatus::Partial | SyncStatus::Held | SyncStatus::Cancelled => "open",
        }
    }

    /// Whether it is under way.
    pub(super) fn is_running(&self) -> bool {
        self.status == SyncStatus::Running
    }

    /// Whether it waits for an operator's word.
    pub(super) fn is_held(&self) -> bool {
        self.status == SyncStatus::Held
    }

    /// How long it took, in seconds. `None`: it is under way.
    pub(super) fn seconds(&self) -> Option<i64> {
        Some((self.finished_at? - self.started_at).num_seconds())
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    #[serde(default)]
    pub(super) total_count: i64,
    pub(super) nodes: Vec<T>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { total_count: 0, nodes: Vec::new() }
    }
}
