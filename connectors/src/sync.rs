//! The sync engine: reads what partner systems have, and keeps the store in step with it.
//!
//! [`Engine::run`] reads one source once: it takes the source's lease, asks the connector for page after page, and
//! writes each page's records, claims, changes and checkpoint in one transaction while the next page is on its way. A
//! kill at any instant loses nothing and repeats nothing. [`work`] does so for every source that is due, again and
//! again.

mod ahead;
mod awaited;
mod check;
mod checkpoint;
mod claims;
mod difference;
mod ending;
mod engine;
mod fetch;
mod intake;
mod lease;
mod merge;
mod municipalities;
mod namesakes;
mod personal;
mod policy;
mod progress;
pub mod push;
mod recheck;
mod reference;
mod refusals;
mod report;
mod resolve;
mod rows;
mod schedule;
mod shape;
mod sources;
mod stream;
mod voices;
mod writer;

pub use check::{Checked, check};
pub use engine::{Engine, RunOptions};
pub use policy::breaker_is_open;
pub use recheck::Rechecked;
pub use reference::install as install_reference;
pub use report::{RunReport, Tally};
pub use schedule::work;
pub use sources::{INTERFACE, register};

pub use crate::observer::{Observer, Progress};

use std::time::Duration;

use chrono::TimeDelta;

/// How the engine works.
#[derive(Clone, Debug)]
pub struct SyncSettings {
    /// A worker that says nothing for this long has lost its source to whoever asks next.
    pub lease: Duration,
    /// A full reading may delete this share of a stream's records by itself, 0 to 1.
    pub allowed_delete_share: f64,
    /// A full reading may delete this many records whatever their share.
    pub allowed_delete_count: usize,
    /// A run that refuses a larger share of what it read, 0 to 1, is `PARTIAL`.
    pub allowed_refusal_share: f64,
    /// Streams that are read incrementally are read in full this long after the last time.
    pub full_every: TimeDelta,
    /// An incremental reading asks for changes from so long before the latest it knows.
    pub overlap: TimeDelta,
    /// Waits before retries of one run take no longer than this together.
    pub retry_budget: Duration,
    /// A worker runs so many sources at a time.
    pub at_once: usize,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            allowed_delete_share: 0.10,
            allowed_delete_count: 5,
            allowed_refusal_share: 0.10,
            full_every: TimeDelta::hours(24),
            overlap: TimeDelta::minutes(5),
            retry_budget: Duration::from_secs(120),
            at_once: 4,
        }
    }
}
