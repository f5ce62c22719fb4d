//! What follows from a failure: the only place that decides it. How often a page is asked for again, how long a run may
//! wait in all, and when a source is read next.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use entity::vocabulary::SyncStatus;

use crate::error::{Actor, Error, ErrorKind};

/// How often one page is asked for before its run fails.
const ATTEMPTS: u32 = 4;
/// The wait before the first retry, at most; each further one is at most twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// No wait within a run is longer, whatever the system asks for: the next run will try again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// So many failed runs in a row open the breaker: the next run is a probe.
const OPENS_AFTER: u32 = 3;
/// A source that failed for a moment is read again after about this long, then twice as long, and so on.
const SOON: Duration = Duration::from_secs(60);
/// A source that fails is tried this often at the least, unless its schedule has it more seldom.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Whether so many failed runs in a row have opened the breaker: the source is asked once a run until it answers.
#[must_use]
pub fn breaker_is_open(failures: u32) -> bool {
    failures >= OPENS_AFTER
}

/// How much patience a run has with its system.
#[derive(Debug)]
pub(crate) struct Patience(Mutex<Left>);

#[derive(Debug)]
struct Left {
    /// How long it may still wait, over all retries.
    budget: Duration,
    /// Whether its first request decides: the breaker is open, and this run is to find out whether it may close.
    probing: bool,
}

impl Patience {
    /// The patience of a run after so many failed ones, that may wait for `budget` in all.
    pub(crate) fn new(budget: Duration, failures: u32) -> Self {
        Self(Mutex::new(Left { budget, probing: breaker_is_open(failures) }))
    }

    /// The system has answered as it should: the breaker closes.
    pub(crate) fn succeeded(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).probing = false;
    }

    /// How long to wait before asking again after `attempt` failures (from 1), or `None` to give up. `draw` is from 0 to 1.
    ///
    /// Waits are drawn evenly from nothing to the bound ("full jitter"), so that hubs that failed together do not come
    /// back together. A system that says how long to wait is heeded, unless that is longer than a run should last.
    pub(crate) fn wait_before_retry(&self, error: &Error, attempt: u32, draw: f64) -> Option<Duration> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if attempt >= ATTEMPTS || left.probing || !is_passing(error.kind()) {
            return None;
        }
        let wait = match error.wait() {
            Some(wait) if wait > LONGEST_WAIT => return None,
            Some(wait) => wait,
            None => doubled(FIRST_WAIT, attempt).min(LONGEST_WAIT).mul_f64(draw),
        };
        left.budget = left.budget.checked_sub(wait)?;
        Some(wait)
    }
}

/// How a run ended, for what comes after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) status: SyncStatus,
    pub(crate) error: Option<&'a Error>,
}

/// How many runs have failed in a row, after `before` and one more.
pub(crate) fn failures(before: u32, ended: Ended<'_>) -> u32 {
    match ended.status {
        SyncStatus::Running | SyncStatus::Cancelled => before,
        // The store is no matter of the source.
        SyncStatus::Failed if ended.error.is_some_and(|error| error.kind() == ErrorKind::Store) => before,
        SyncStatus::Failed => before.saturating_add(1),
        SyncStatus::Succeeded | SyncStatus::Partial | SyncStatus::Held => 0,
    }
}

/// How long after a run's end the source is due again; `None`: as before, for the run was broken off. `failures` counts
/// this run, `draw` is from 0 to 1.
///
/// What went well comes back at its usual time, give or take a tenth, so that sources that began together do not stay
/// together. What failed for a moment is tried again soon, then less and less often; what somebody must mend first, at
/// its usual time, then less often. Nobody is asked earlier than they wanted to be.
pub(crate) fn pause(every: Duration, ended: Ended<'_>, failures: u32, draw: f64) -> Option<Duration> {
    match ended.status {
        SyncStatus::Running | SyncStatus::Cancelled => None,
        SyncStatus::Succeeded | SyncStatus::Partial | SyncStatus::Held => Some(every.mul_f64(0.9 + 0.2 * draw)),
        SyncStatus::Failed => {
            let passes =
                ended.error.is_none_or(|error| error.actor() == Actor::Nobody || error.kind() == ErrorKind::Store);
            let first = if passes { SOON.min(every) } else { every };
            let bound = doubled(first, failures.max(1)).min(LONGEST_PAUSE.max(every));
            let wanted = ended.error.and_then(Error::wait).unwrap_or_default();
            Some(bound.mul_f64(0.5 + 0.5 * draw).max(wanted))
        }
    }
}

/// `first`, twice as long with each further attempt.
fn doubled(first: Duration, attempt: u32) -> Duration {
    first.saturating_mul(1 << attempt.saturating_sub(1).min(20))
}

/// Whether the same request may well succeed a moment later.
fn is_passing(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unreachable
        | ErrorKind::Timeout
        | ErrorKind::TokenEndpointDown
        | ErrorKind::RateLimited
        | ErrorKind::ServerError => true,
        // What follows needs somebody to act, or would fail in the same way again.
        ErrorKind::Untrusted
        | ErrorKind::TokenRefused
        | ErrorKind::Reauthorise
        | ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::UnexpectedStatus
        | ErrorKind::TooLarge
        | ErrorKind::Malformed
        | ErrorKind::Paging
        | ErrorKind::Configuration
        | ErrorKind::File
        | ErrorKind::BreakerOpen
        | ErrorKind::Store
        | ErrorKind::LeaseLost
        | ErrorKind::Cancelled => false,
    }
}

/// Whether a page that could not be read may be another's fault than its place's: the same place may be good later.
pub(crate) fn place_may_be_good(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::NotFound | ErrorKind::UnexpectedStatus | ErrorKind::Malformed | ErrorKind::Paging)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn failed(error: &Error) -> Ended<'_> {
        Ended { status: SyncStatus::Failed, error: Some(error) }
    }

    #[test]
    fn what_passes_is_retried_a_few_times_and_no_more() {
        let patience = Patience::new(MINUTE, 0);
        let error = Error::new(ErrorKind::ServerError, "502");
        assert!((1..ATTEMPTS).all(|attempt| patience.wait_before_retry(&error, attempt, 0.5).is_some()));
        assert_eq!(patience.wait_before_retry(&error, ATTEMPTS, 0.5), None);
    }

    #[test]
    fn what_needs_somebody_is_not_retried() {
        let patience = Patience::new(MINUTE, 0);
        assert_eq!(patience.wait_before_retry(&Error::new(ErrorKind::TokenRefused, "no"), 1, 0.5), None);
    }

    #[test]
    fn a_system_that_names_its_wait_is_heeded_within_reason() {
        let patience = Patience::new(MINUTE, 0);
        let limited = |secs| Error::new(ErrorKind::RateLimited, "429").retry_after(Some(Duration::from_secs(secs)));
        assert_eq!(patience.wait_before_retry(&limited(3), 1, 0.5), Some(Duration::from_secs(3)));
        assert_eq!(patience.wait_before_retry(&limited(3600), 1, 0.5), None);
        // The next run does not come before that either.
        assert_eq!(pause(MINUTE, failed(&limited(3600)), 1, 0.5), Some(Duration::from_secs(3600)));
    }

    #[test]
    fn all_waits_of_a_run_come_out_of_one_budget() {
        let patience = Patience::new(Duration::from_secs(50), 0);
        let limited = Error::new(ErrorKind::RateLimited, "429").retry_after(Some(Duration::from_secs(20)));
        assert!(patience.wait_before_retry(&limited, 1, 0.5).is_some());
        assert!(patience.wait_before_retry(&limited, 1, 0.5).is_some());
        assert_eq!(patience.wait_before_retry(&limited, 1, 0.5), None);
    }

    #[test]
    fn an_open_breaker_lets_one_request_through_until_one_succeeds() {
        let error = Error::new(ErrorKind::ServerError, "502");
        let patience = Patience::new(MINUTE, OPENS_AFTER);
        assert_eq!(patience.wait_before_retry(&error, 1, 0.5), None);
        patience.succeeded();
        assert!(patience.wait_before_retry(&error, 1, 0.5).is_some());
    }

    #[test]
    fn failures_in_a_row_are_tried_less_and_less_often_but_never_given_up() {
        let day = Duration::from_secs(24 * 60 * 60);
        let down = Error::new(ErrorKind::Unreachable, "down");
        let refused = Error::new(ErrorKind::TokenRefused, "no");
        let pauses: Vec<_> = (1..=8).filter_map(|count| pause(15 * MINUTE, failed(&down), count, 1.0)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60].map(|minutes| minutes * MINUTE));
        assert_eq!(pause(15 * MINUTE, failed(&refused), 1, 1.0), Some(15 * MINUTE));
        assert_eq!(pause(day, failed(&down), 20, 1.0), Some(day));
        assert_eq!(failures(4, failed(&down)), 5);
        assert_eq!(failures(4, Ended { status: SyncStatus::Succeeded, error: None }), 0);
    }

    #[test]
    fn what_went_well_comes_back_about_its_time() {
        let ended = Ended { status: SyncStatus::Succeeded, error: None };
        assert_eq!(pause(10 * MINUTE, ended, 0, 0.0), Some(9 * MINUTE));
        assert_eq!(pause(10 * MINUTE, ended, 0, 0.5), Some(10 * MINUTE));
        assert_eq!(pause(10 * MINUTE, Ended { status: SyncStatus::Cancelled, error: None }, 0, 0.5), None);
    }
}
