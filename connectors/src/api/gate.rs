//! How many requests a source gets at a time, and how many a minute, as its settings say. Kept from one run to the next.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::Clock;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{Error, ErrorKind, Result};
use crate::pace::Pace;
use crate::settings::SourceSettings;

/// What every request to one source goes through.
pub(crate) struct Gate {
    limits: Limits,
    places: Semaphore,
    /// When the next request may leave, where there is a rate.
    next: Mutex<DateTime<Utc>>,
    clock: Clock,
    pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    at_once: usize,
    per_minute: Option<u32>,
}

impl From<&SourceSettings> for Limits {
    fn from(settings: &SourceSettings) -> Self {
        Self { at_once: settings.requests_at_once.max(1), per_minute: settings.requests_per_minute }
    }
}

impl Gate {
    pub(crate) fn new(settings: &SourceSettings, clock: Clock, pace: Pace) -> Self {
        let limits = Limits::from(settings);
        let places = Semaphore::new(limits.at_once);
        Self { limits, places, next: Mutex::new(DateTime::UNIX_EPOCH), clock, pace }
    }

    /// Whether it is what `settings` asks for.
    pub(crate) fn fits(&self, settings: &SourceSettings) -> bool {
        self.limits == Limits::from(settings)
    }

    /// A place among the requests under way, kept until the whole answer is there.
    pub(crate) async fn place(&self) -> Result<SemaphorePermit<'_>> {
        let place = self.places.acquire().await;
        place.map_err(|error| Error::new(ErrorKind::Cancelled, "the hub is stopping").because(error))
    }

    /// Waits until the rate allows one more request. Those who wait are let through one after the other.
    pub(crate) async fn turn(&self) {
        let Some(per_minute) = self.limits.per_minute.filter(|per_minute| *per_minute > 0) else { return };
        let interval = TimeDelta::from_std(Duration::from_secs(60) / per_minute).unwrap_or(TimeDelta::zero());
        let wait = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now();
            let at = now.max(*next);
            *next = at + interval;
            at - now
        };
        self.pace.sleep(wait.to_std().unwrap_or_default()).await;
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use serde_json::json;

    use super::*;

    fn settings(per_minute: u32) -> SourceSettings {
        serde_json::from_value(json!({"id": "a", "connector": "partner", "requests_per_minute": per_minute})).unwrap()
    }

    #[tokio::test]
    async fn requests_leave_at_the_rate_that_was_asked_for() {
        let millis = Arc::new(AtomicU64::new(0));
        let (told, passed) = (Arc::clone(&millis), Arc::clone(&millis));
        let clock = Clock::from_fn(move || {
            let millis = i64::try_from(told.load(Ordering::Relaxed)).unwrap();
            DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
        });
        let sleep = move |wait: Duration| -> futures::future::BoxFuture<'static, ()> {
            passed.fetch_add(u64::try_from(wait.as_millis()).unwrap(), Ordering::Relaxed);
            Box::pin(async {})
        };
        let gate = Gate::new(&settings(120), clock, Pace::from_fns(sleep, || 0.5));
        for _ in 0..5 {
            gate.turn().await;
        }
        // The first at once, then one each half second.
        assert_eq!(millis.load(Ordering::Relaxed), 2_000);
        assert!(gate.fits(&settings(120)) && !gate.fits(&settings(60)));
    }
}
