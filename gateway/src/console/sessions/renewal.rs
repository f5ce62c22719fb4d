//! What was granted to somebody is renewed before it ends, by the refresh token that came with it. That may be good for once,
//! and one that is sent twice may end everything: so of all who ask, in all replicas, one renews at a time, in a task of its
//! own that ends whoever stops waiting.

use std::sync::Arc;
use std::time::Duration;

use connectors::ErrorKind;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::Sessions;
use super::session::Session;
use super::shelf::Away;

/// How long another replica's renewal is waited for: longer than its lock lasts, so that one that died is taken over from.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often it is looked whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(60);

/// What came of renewing a session.
#[derive(Clone, Debug)]
pub(super) enum Renewal {
    /// It goes on so.
    To(Arc<Session>),
    /// It is over: signed out, or the issuer renews it no more.
    Over,
    /// It cannot be renewed at present.
    NotNow,
}

impl Sessions {
    /// Renews a session that was seen so.
    pub(super) async fn renew(self: &Arc<Self>, key: &str, seen: &Arc<Session>) -> Renewal {
        let (own, key, seen) = (Arc::clone(self), key.to_owned(), Arc::clone(seen));
        tokio::spawn(async move { own.renew_alone(&key, &seen).await }).await.unwrap_or(Renewal::NotNow)
    }

    async fn renew_alone(&self, key: &str, seen: &Session) -> Renewal {
        // Of those in this process.
        let flight = self.flights.get_with(key.to_owned(), || Arc::new(Mutex::new(())));
        let _flight = flight.lock().await;
        let began = Instant::now();
        loop {
            match self.store.get(key).await {
                Ok(Some(now)) if now.version != seen.version => return Renewal::To(now),
                Ok(Some(_)) => {}
                Ok(None) => return Renewal::Over,
                Err(Away) => return Renewal::NotNow,
            }
            match self.store.lock(key).await {
                Ok(true) => break,
                Ok(false) => {}
                // Another replica may be renewing it, unseen. What holds yet goes on as it is; what does not has nothing to
                // lose.
                Err(Away) if seen.ends_at > self.clock.now() => return Renewal::NotNow,
                Err(Away) => break,
            }
            if began.elapsed() > PATIENCE {
                return Renewal::NotNow;
            }
            sleep(LOOK_AGAIN).await;
        }
        let renewal = self.renew_locked(key, seen).await;
        self.store.unlock(key).await;
        renewal
    }

    async fn renew_locked(&self, key: &str, seen: &Session) -> Renewal {
        // Between the look and the lock another may have ended its renewal.
        let current = match self.store.get(key).await {
            Ok(Some(now)) if now.version != seen.version => return Renewal::To(now),
            Ok(Some(now)) => now,
            Ok(None) => return Renewal::Over,
            Err(Away) => return Renewal::NotNow,
        };
        let Some(refresh) = &current.refresh else { return Renewal::NotNow };
        let renewed = async { self.issuer.authorization().await?.refresh(refresh).await }.await;
        let granted = match renewed {
            Ok(granted) => granted,
            Err(error) if error.kind() == ErrorKind::Reauthorise => {
                debug!(error = &error as &dyn std::error::Error, "a session has ended at its issuer");
                self.store.remove(key).await;
                return Renewal::Over;
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "a session cannot be renewed at present: {error}");
                return Renewal::NotNow;
            }
        };
        let session = Arc::new(current.renewed(granted, self.clock.now()));
        if self.store.replace(key, &session).await {
            return Renewal::To(session);
        }
        // Signed out meanwhile: what was just given is not left behind.
        self.give_up(&session);
        Renewal::Over
    }
}
