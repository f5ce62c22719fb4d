//! `[cache]`: answers that are kept.

use serde::Deserialize;

/// `[cache]`: answers that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheSettings {
    /// Whether answers are kept.
    pub answers: bool,
    /// Answers in the process take up so many bytes together.
    pub memory_bytes: u64,
    /// An answer that is longer, in bytes, is not kept.
    pub longest_bytes: usize,
    /// No answer is kept for longer than this, in seconds.
    pub keep_secs: u64,
    /// While the store is away, answers are given as they were last known for so long, in seconds, and marked as such.
    /// 0: never.
    pub stale_secs: u64,
    /// Whether replicas share answers through Redis, where there is one.
    pub shared: bool,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            answers: true,
            memory_bytes: 16 * 1024 * 1024,
            longest_bytes: 256 * 1024,
            keep_secs: 3600,
            stale_secs: 300,
            shared: true,
        }
    }
}
