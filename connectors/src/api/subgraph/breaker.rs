//! A circuit breaker: a partner that fails again and again is left alone for a while, so that nobody waits for it and it
//! is not asked more the less it answers. Then one request finds out whether it answers again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use entity::Clock;

use crate::settings::BreakerSettings;

/// Lets requests to one partner through, or does not.
pub(super) struct Breaker {
    settings: BreakerSettings,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In a row.
    failures: u32,
    /// Until when nobody is let through. `None`: it is closed.
    open_until: Option<DateTime<Utc>>,
    /// Whether somebody is finding out.
    is_probed: bool,
}

/// Whether a partner is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// It is asked.
    Closed,
    /// It failed so often in a row that it is left alone for a while.
    Open,
    /// That while is over: one request finds out whether it answers again.
    HalfOpen,
}

/// A request that was let through. Whoever drops it without a word has found out nothing.
pub(super) struct Pass<'b> {
    breaker: &'b Breaker,
    is_probe: bool,
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings, clock: Clock) -> Self {
        Self { settings, clock, state: Mutex::default() }
    }

    /// Lets a request through. `None`: the partner is left alone.
    pub(super) fn pass(&self) -> Option<Pass<'_>> {
        let mut state = self.state();
        match state.open_until {
            None => Some(Pass { breaker: self, is_probe: false }),
            Some(until) if self.clock.now() >= until && !state.is_probed => {
                state.is_probed = true;
                Some(Pass { breaker: self, is_probe: true })
            }
            Some(_) => None,
        }
    }

    /// Whether requests are let through.
    pub(super) fn is(&self) -> BreakerState {
        match self.state().open_until {
            None => BreakerState::Closed,
            Some(until) if self.clock.now() < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The partner has answered: it is asked by everybody again.
    pub(super) fn answered(self) {
        let mut state = self.breaker.state();
        state.failures = 0;
        state.open_until = None;
    }

    /// The partner has not answered.
    pub(super) fn failed(self) {
        let Breaker { settings, clock, .. } = self.breaker;
        let mut state = self.breaker.state();
        state.failures = state.failures.saturating_add(1);
        // One that left before it opened tells nothing new.
        let opens = self.is_probe || state.open_until.is_none();
        if settings.failures > 0 && state.failures >= settings.failures && opens {
            let wait = TimeDelta::from_std(settings.open_for).unwrap_or(TimeDelta::MAX);
            state.open_until = Some(clock.now().checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC));
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.state().is_probed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::*;

    fn breaker(failures: u32) -> (Breaker, Arc<AtomicI64>) {
        let seconds = Arc::new(AtomicI64::new(0));
        let told = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || DateTime::UNIX_EPOCH + TimeDelta::seconds(told.load(Ordering::Relaxed)));
        (Breaker::new(BreakerSettings { failures, open_for: Duration::from_secs(10) }, clock), seconds)
    }

    #[test]
    fn so_many_failures_in_a_row_open_it_and_one_finds_out() {
        let (breaker, seconds) = breaker(3);
        let fail = || breaker.pass().unwrap().failed();
        fail();
        fail();
        breaker.pass().unwrap().answered();
        fail();
        fail();
        assert_eq!(breaker.is(), BreakerState::Closed);
        let late = (breaker.pass().unwrap(), breaker.pass().unwrap());
        fail();
        assert_eq!(breaker.is(), BreakerState::Open);
        assert!(breaker.pass().is_none());
        seconds.store(9, Ordering::Relaxed);
        late.0.failed();
        assert!(breaker.pass().is_none());
        seconds.store(10, Ordering::Relaxed);
        assert_eq!(breaker.is(), BreakerState::HalfOpen);
        let probe = breaker.pass().unwrap();
        assert!(breaker.pass().is_none(), "one finds out");
        drop(probe);
        // It told nothing, so another does.
        breaker.pass().unwrap().failed();
        seconds.store(19, Ordering::Relaxed);
        assert!(breaker.pass().is_none());
        seconds.store(20, Ordering::Relaxed);
        breaker.pass().unwrap().answered();
        assert_eq!(breaker.is(), BreakerState::Closed);
        assert!(breaker.pass().is_some());
        drop(late.1);
    }

    #[test]
    fn an_answer_that_comes_late_is_an_answer_and_without_a_number_it_never_opens() {
        let (breaker, _) = breaker(1);
        let late = breaker.pass().unwrap();
        breaker.pass().unwrap().failed();
        assert_eq!(breaker.is(), BreakerState::Open);
        late.answered();
        assert_eq!(breaker.is(), BreakerState::Closed);
        let (breaker, _) = self::breaker(0);
        (0..100).for_each(|_| breaker.pass().unwrap().failed());
        assert_eq!(breaker.is(), BreakerState::Closed);
    }
}
