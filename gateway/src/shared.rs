//! What replicas share through Redis. It may be absent, slow or down: then each process is on its own, and no request
//! waits or fails for it. Keys begin with [`PREFIX`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::RedisResult;
use tokio::time::{Instant, timeout};
use tracing::warn;

pub(crate) use self::route::Connection;
use self::route::Route;
use crate::config::RedisSettings;

mod route;

/// What every key of the hub begins with; the number changes when what stands behind it does. Keys that are asked for
/// together have in braces what a cluster places them by.
pub const PREFIX: &str = "hub:1:";

/// A request waits this long for Redis, and then goes on without.
const PATIENCE: Duration = Duration::from_millis(50);
/// After a failure it is left alone for this long.
const REST: Duration = Duration::from_secs(1);

/// A connection to Redis that may fail at any time. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    route: Route,
    started: Instant,
    /// Until when it is left alone, in milliseconds since the start.
    resting_until: Arc<AtomicU64>,
}

impl Shared {
    /// Connects when it is first asked. `None` where no Redis is set.
    ///
    /// # Errors
    /// Where the address is none of Redis's.
    pub fn open(settings: &RedisSettings) -> RedisResult<Option<Self>> {
        let Some(url) = &settings.url else { return Ok(None) };
        let route = Route::of(url.reveal(), PATIENCE)?;
        Ok(Some(Self { route, started: Instant::now(), resting_until: Arc::default() }))
    }

    /// What Redis answers. `None` where it does not in time, or has not just before.
    pub(crate) async fn ask<T>(&self, question: impl AsyncFnOnce(Connection) -> RedisResult<T>) -> Option<T> {
        let now = self.started.elapsed();
        if self.resting_until.load(Ordering::Relaxed) > millis(now) {
            return None;
        }
        match timeout(PATIENCE, async { question(self.route.connection().await?).await }).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => {
                warn!(error = &error as &dyn std::error::Error, "Redis fails; this process is on its own for now");
            }
            Err(_) => warn!("Redis is slow; this process is on its own for now"),
        }
        self.route.failed();
        self.resting_until.store(millis(now + REST), Ordering::Relaxed);
        None
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
