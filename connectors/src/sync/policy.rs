//! What follows from a failure: the only place that decides it.

use std::time::Duration;

use rand::Rng;

use crate::error::{Error, ErrorKind};

/// How often one page is asked for before its run fails.
const ATTEMPTS: u32 = 4;
/// The wait before the first retry, at most; each further one is at most twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// No wait is longer, whatever the system asks for: the next run will try again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long to wait before asking again after `attempt` failures (from 1), or `None` to give up.
///
/// Waits are drawn evenly from nothing to the bound ("full jitter"), so that hubs that failed together do not come
/// back together. A system that says how long to wait is heeded, unless that is longer than a run should last.
pub(crate) fn wait_before_retry(error: &Error, attempt: u32) -> Option<Duration> {
    if attempt >= ATTEMPTS || !is_passing(error.kind()) {
        return None;
    }
    match error.wait() {
        Some(wait) if wait > LONGEST_WAIT => None,
        Some(wait) => Some(wait),
        None => {
            let bound = FIRST_WAIT.saturating_mul(1 << (attempt - 1).min(10)).min(LONGEST_WAIT);
            Some(bound.mul_f64(rand::rng().random_range(0.0..1.0)))
        }
    }
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
        ErrorKind::TokenRefused
        | ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::UnexpectedStatus
        | ErrorKind::TooLarge
        | ErrorKind::Malformed
        | ErrorKind::Paging
        | ErrorKind::Configuration
        | ErrorKind::File
        | ErrorKind::Store
        | ErrorKind::LeaseLost
        | ErrorKind::Cancelled => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_retried_a_few_times_and_no_more() {
        let error = Error::new(ErrorKind::ServerError, "502");
        assert!((1..ATTEMPTS).all(|attempt| wait_before_retry(&error, attempt).is_some()));
        assert_eq!(wait_before_retry(&error, ATTEMPTS), None);
    }

    #[test]
    fn what_needs_somebody_is_not_retried() {
        assert_eq!(wait_before_retry(&Error::new(ErrorKind::TokenRefused, "no"), 1), None);
    }

    #[test]
    fn a_system_that_names_its_wait_is_heeded_within_reason() {
        let limited = |secs| Error::new(ErrorKind::RateLimited, "429").retry_after(Some(Duration::from_secs(secs)));
        assert_eq!(wait_before_retry(&limited(3), 1), Some(Duration::from_secs(3)));
        assert_eq!(wait_before_retry(&limited(3600), 1), None);
    }
}
