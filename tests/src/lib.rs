//! The testkit: stores on both databases, and whatever else a test needs to have a whole hub on loopback. Nothing here
//! is a stand-in for a part that can run for real.

pub mod gateway;
pub mod hub;
pub mod invented;
pub mod issuer;
pub mod node;
pub mod partner;
pub mod postgres_server;
pub mod process;
pub mod receiver;
pub mod records;
pub mod redis_server;
pub mod relay;
pub mod socket;
pub mod store;
pub mod subgraph;

use std::io::Write;
use std::time::Duration;

use ::gateway::config::{ConnectionUrl, RedisSettings};

/// Says what could not run on this machine, for who runs a test by hand; `tests/run` has said so loudly.
pub fn skipped(what: &str) {
    // Whoever cannot be told loses nothing.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}

/// Waits until it holds.
///
/// # Errors
/// Where it does not within a minute, which is long on any machine.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
    for _ in 0..6_000 {
        if holds().await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("it never came about that {what}")
}

/// The Redis that tests may use. `None` where this machine has none.
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment where Redis is")]
#[must_use]
pub fn redis() -> Option<RedisSettings> {
    let url = std::env::var("HUB_TEST_REDIS_URL").ok();
    if url.is_none() {
        skipped("Redis: HUB_TEST_REDIS_URL is not set");
    }
    Some(RedisSettings { url: Some(ConnectionUrl::from(url?.as_str())) })
}
