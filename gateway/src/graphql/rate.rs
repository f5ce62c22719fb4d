//! How often a client may ask: so many requests a minute, all at once if it likes, and then as they come back, one by
//! one (the generic cell rate algorithm: all it keeps of a client is one instant). Replicas share it through Redis;
//! without Redis, or while it fails, each process counts for itself.

mod client;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use entity::Clock;
use moka::sync::Cache;
use redis::Script;

pub(crate) use self::client::key;
use super::caller::Caller;
use crate::error::{Code, Refused};
use crate::shared::{PREFIX, Shared};

/// What `rate_per_minute` is counted over, in microseconds.
const WINDOW: i64 = 60_000_000;
/// Clients that are remembered. One that is forgotten may ask as if it were new.
const CLIENTS: u64 = 100_000;

/// Takes one request from a client's allowance: in one step, so that two replicas never give the same one twice, and by
/// Redis's own clock, so that theirs need not agree. Gives whether it is granted, and how far the allowance is ahead of
/// now, in microseconds.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local ahead = due + interval - now
if ahead > window then return {0, math.floor(due - now)} end
redis.call('SET', KEYS[1], string.format('%.0f', due + interval), 'PX', math.floor(ahead / 1000) + 1)
return {1, math.floor(ahead)}
";

/// Counts clients' requests.
#[derive(Clone)]
pub(crate) struct RateLimiter {
    per_minute: u32,
    clock: Clock,
    /// When each client's allowance is whole again, in microseconds.
    own: Cache<String, Arc<Mutex<i64>>>,
    shared: Option<Shared>,
    script: Arc<Script>,
}

/// How a client stands after its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether the request is granted.
    pub(crate) is_granted: bool,
    /// Requests a minute.
    pub(crate) limit: u32,
    /// Requests left.
    pub(crate) remaining: u32,
    /// Until all are there again.
    pub(crate) whole_in: Duration,
    /// Until one is there again.
    pub(crate) one_in: Duration,
}

impl RateLimiter {
    pub(crate) fn new(per_minute: u32, clock: Clock) -> Self {
        let own = Cache::builder().max_capacity(CLIENTS).time_to_idle(Duration::from_secs(60)).build();
        Self { per_minute, clock, own, shared: None, script: Arc::new(Script::new(TAKE)) }
    }

    /// Counts together with the other replicas.
    pub(crate) fn sharing(self, shared: Option<Shared>) -> Self {
        Self { shared, ..self }
    }

    /// Counts a request. `None` where clients may ask as often as they like, or where it came from within.
    pub(crate) async fn take(&self, caller: &Caller) -> Option<Standing> {
        if self.per_minute == 0 {
            return None;
        }
        let key = key(caller)?;
        let taken = match &self.shared {
            Some(shared) => self.take_shared(shared, &key).await,
            None => None,
        };
        let (is_granted, ahead) = taken.unwrap_or_else(|| self.take_own(key));
        Some(self.standing(is_granted, ahead))
    }

    async fn take_shared(&self, shared: &Shared, key: &str) -> Option<(bool, i64)> {
        let take = async |mut connection| {
            let mut script = self.script.key(format!("{PREFIX}rate:{key}"));
            script.arg(self.interval()).arg(WINDOW).invoke_async::<(i64, i64)>(&mut connection).await
        };
        shared.ask(take).await.map(|(granted, ahead)| (granted == 1, ahead))
    }

    fn take_own(&self, key: String) -> (bool, i64) {
        let now = self.clock.now().timestamp_micros();
        let due = self.own.get_with(key, Arc::default);
        let mut due = due.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = (*due).max(now);
        let ahead = begins + self.interval() - now;
        if ahead > WINDOW {
            return (false, begins - now);
        }
        *due = begins + self.interval();
        (true, ahead)
    }

    fn standing(&self, is_granted: bool, ahead: i64) -> Standing {
        let room = (WINDOW - ahead).max(0);
        let micros = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        Standing {
            is_granted,
            limit: self.per_minute,
            remaining: u32::try_from(room / self.interval()).unwrap_or_default(),
            whole_in: micros(ahead),
            one_in: micros(ahead + self.interval() - WINDOW),
        }
    }

    /// After how long one request comes back, in microseconds.
    fn interval(&self) -> i64 {
        WINDOW / i64::from(self.per_minute.max(1))
    }
}

impl Standing {
    /// Why a request that is not granted is refused.
    pub(crate) fn refused(&self) -> Refused {
        let seconds = whole_seconds(self.one_in).max(1);
        let message = format!("You may ask {} times a minute. Ask again in {seconds} s.", self.limit);
        Refused::new(Code::RateLimited, message)
            .with("limit", "rate_per_minute")
            .with("maximum", self.limit)
            .with("retryAfterSeconds", seconds)
            .header("retry-after", seconds.to_string())
    }

    /// Tells the client how it stands (draft-ietf-httpapi-ratelimit-headers-10).
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let policy = format!("\"requests\";q={};w=60", self.limit);
        let standing = format!("\"requests\";r={};t={}", self.remaining, whole_seconds(self.whole_in));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", standing)] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::DateTime;

    use super::*;

    /// A limiter, and the seconds that its clock tells.
    fn limiter(per_minute: u32) -> (RateLimiter, Arc<AtomicI64>) {
        let seconds = Arc::new(AtomicI64::new(1_700_000_000));
        let told = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || DateTime::from_timestamp(told.load(Ordering::Relaxed), 0).unwrap());
        (RateLimiter::new(per_minute, clock), seconds)
    }

    fn caller(address: &str) -> Caller {
        Caller { address: Some(address.parse().unwrap()), ..Caller::default() }
    }

    #[tokio::test]
    async fn a_client_may_ask_so_often_and_then_as_its_requests_come_back() {
        let (limiter, seconds) = limiter(3);
        let asked = async || limiter.take(&caller("192.0.2.1")).await.unwrap();
        for remaining in [2, 1, 0] {
            let standing = asked().await;
            assert_eq!((standing.is_granted, standing.remaining), (true, remaining));
        }
        let refused = asked().await;
        assert_eq!((refused.is_granted, refused.remaining), (false, 0));
        assert_eq!((refused.one_in.as_secs(), refused.whole_in.as_secs()), (20, 60));
        seconds.fetch_add(19, Ordering::Relaxed);
        assert!(!asked().await.is_granted);
        seconds.fetch_add(1, Ordering::Relaxed);
        assert!(asked().await.is_granted);
        assert!(!asked().await.is_granted);
        seconds.fetch_add(3600, Ordering::Relaxed);
        assert_eq!(asked().await.remaining, 2);
    }

    #[tokio::test]
    async fn clients_are_counted_apart_and_those_within_not_at_all() {
        let (limiter, _) = limiter(1);
        assert!(limiter.take(&caller("192.0.2.1")).await.unwrap().is_granted);
        assert!(!limiter.take(&caller("192.0.2.1")).await.unwrap().is_granted);
        assert!(limiter.take(&caller("192.0.2.2")).await.unwrap().is_granted);
        assert_eq!(limiter.take(&Caller::default()).await, None);
        let unlimited = RateLimiter::new(0, Clock::system());
        assert_eq!(unlimited.take(&caller("192.0.2.1")).await, None);
    }
}
