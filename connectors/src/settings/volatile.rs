//! What configuration says of records that change faster than their source is read.

use std::time::Duration;

use serde::Deserialize;

/// How records of a stream are checked with their source when somebody reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolatileSettings {
    /// One that was not confirmed for so long is asked for again.
    #[serde(deserialize_with = "super::duration")]
    pub after: Duration,
    /// Whoever reads waits for this long at most, for all of an answer's records together; then what is stored is given.
    #[serde(default = "timeout", deserialize_with = "super::short_duration")]
    pub timeout: Duration,
}

fn timeout() -> Duration {
    Duration::from_secs(1)
}
