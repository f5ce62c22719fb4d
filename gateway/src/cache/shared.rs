//! Answers that replicas share through Redis. It is a shelf and nothing more: what lies there is given only after the
//! same test as what lies here, so Redis can lose, keep or mix up whatever it likes. Where it is slow or gone, each
//! replica computes for itself.

use std::sync::Arc;
use std::time::Duration;

use redis::Script;
use tokio::time::sleep;
use uuid::Uuid;

use super::answer::Kept;
use crate::shared::{PREFIX, Shared};

/// A replica that computes is waited for by others for so long in all, who look so often.
const PATIENCE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(10);
/// A replica that computes is believed to do so for no longer than this, in milliseconds.
const LOCKED_MS: u64 = 2_000;

/// Gives back a lock that is still one's own.
const UNLOCK: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/// The shelf that replicas share.
#[derive(Clone)]
pub(super) struct Shelf {
    shared: Shared,
    /// Tells this replica's locks from others'.
    own: Arc<str>,
    unlock: Arc<Script>,
    keep_secs: u64,
}

/// Where an answer lies.
pub(super) struct Place {
    answer: String,
    lock: String,
}

impl Place {
    pub(super) fn of(digest: &str) -> Self {
        Self { answer: format!("{PREFIX}answer:{{{digest}}}"), lock: format!("{PREFIX}computing:{{{digest}}}") }
    }
}

impl Shelf {
    pub(super) fn new(shared: Shared, keep_secs: u64) -> Self {
        let own = Uuid::now_v7().to_string().into();
        Self { shared, own, unlock: Arc::new(Script::new(UNLOCK)), keep_secs }
    }

    /// What lies there, if it holds. Where it does not and another replica is about to put it there, waits a while for
    /// that.
    pub(super) async fn get(&self, place: &Place, holds: impl Fn(&Kept) -> bool) -> Option<Kept> {
        let mut waited = Duration::ZERO;
        loop {
            let found = self
                .shared
                .ask(async |mut connection| {
                    let mut both = redis::pipe();
                    both.get(&place.answer);
                    both.cmd("SET").arg(&place.lock).arg(&*self.own).arg("NX").arg("PX").arg(LOCKED_MS);
                    both.query_async::<(Option<Vec<u8>>, bool)>(&mut connection).await
                })
                .await?;
            let (written, is_ours) = found;
            if let Some(kept) = written.and_then(|written| Kept::read(&place.answer, &written)).filter(&holds) {
                if is_ours {
                    self.unlock(place).await;
                }
                return Some(kept);
            }
            if is_ours || waited >= PATIENCE {
                return None;
            }
            sleep(PAUSE).await;
            waited += PAUSE;
        }
    }

    /// Puts it there, and says that nobody computes it any more.
    pub(super) async fn put(&self, place: &Place, kept: &Kept) {
        let Some(written) = kept.write(&place.answer) else { return };
        self.shared
            .ask(async |mut connection| {
                let mut both = redis::pipe();
                both.set_ex(&place.answer, written, self.keep_secs).ignore();
                both.query_async::<()>(&mut connection).await
            })
            .await;
        self.unlock(place).await;
    }

    /// Says that nobody computes it any more.
    pub(super) async fn unlock(&self, place: &Place) {
        let unlock = async |mut connection| {
            self.unlock.key(&place.lock).arg(&*self.own).invoke_async::<i64>(&mut connection).await
        };
        self.shared.ask(unlock).await;
    }
}
