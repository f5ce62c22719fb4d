//! When a message is sent again: the schedule that Standard Webhooks gives, over three days.

use std::time::Duration;

/// The waits between attempts. The first attempt is made at once.
const WAITS: [u64; 9] = [5, 5 * 60, 30 * 60, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
const HOUR: u64 = 60 * 60;
/// A wait is longer by up to this share of it, as chance has it, so that what failed together is not sent again together.
const JITTER: f64 = 0.1;

/// How long to wait after so many attempts, at least as long as the endpoint asked for. `draw` is a number from 0 to 1.
/// `None`: there was the last of them.
#[must_use]
pub(super) fn wait_after(attempts: u32, retry_after: Option<Duration>, draw: f64) -> Option<Duration> {
    let place = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let wait = Duration::from_secs(*WAITS.get(place)?).mul_f64(1.0 + JITTER * draw.clamp(0.0, 1.0));
    Some(retry_after.map_or(wait, |asked| asked.max(wait)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_span_the_days_that_the_standard_gives() {
        let waits: Vec<Duration> = (1..).map_while(|attempts| wait_after(attempts, None, 0.0)).collect();
        assert_eq!(waits.len(), 9);
        assert_eq!(waits.iter().sum::<Duration>(), Duration::from_secs(75 * HOUR + 35 * 60 + 5));
        assert_eq!(wait_after(0, None, 0.0), None);
    }

    #[test]
    fn chance_makes_waits_longer_and_never_shorter() {
        assert_eq!(wait_after(2, None, 1.0), Some(Duration::from_secs(330)));
        assert_eq!(wait_after(2, None, 7.0), Some(Duration::from_secs(330)));
    }

    #[test]
    fn what_the_endpoint_asks_for_is_heeded() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(wait_after(1, minute, 0.5), minute);
        assert_eq!(wait_after(2, minute, 0.0), Some(Duration::from_secs(300)));
        assert_eq!(wait_after(10, minute, 0.0), None);
    }
}
