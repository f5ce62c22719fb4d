//! Who is signed in. What a browser holds is a number that means nothing elsewhere; tokens stay with the hub, in the process
//! and, for all replicas, sealed in Redis ([`store`]). They are renewed for as long as the issuer does ([`renewal`]).

mod renewal;
mod session;
mod shelf;
mod store;

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::oauth::authorization::Granted;
use connectors::vault::Vault;
use entity::Clock;
use moka::sync::Cache;
use tokio::sync::Mutex;

use self::renewal::Renewal;
pub(crate) use self::session::Session;
use self::shelf::{Away, Shelf};
use self::store::{Store, key};
use super::issuer::Issuer;
use crate::auth::{Authenticator, Identity, Refused};
use crate::config::SignInSettings;
use crate::shared::Shared;

/// It cannot be told at present who is signed in: what knows it is away, or the issuer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknowable;

/// Who is signed in.
pub(crate) struct Sessions {
    store: Store,
    authenticator: Arc<Authenticator>,
    issuer: Arc<Issuer>,
    clock: Clock,
    /// Renewals under way here.
    flights: Cache<String, Arc<Mutex<()>>>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    /// `shared` and `vault`: where and how replicas share them; each process has its own without both.
    pub(super) fn new(
        settings: &SignInSettings,
        authenticator: Arc<Authenticator>,
        issuer: Arc<Issuer>,
        shared: Option<(Shared, Arc<Vault>)>,
    ) -> Arc<Self> {
        let shelf = shared.map(|(shared, vault)| Shelf::new(shared, vault, settings.idle()));
        let flights = Cache::builder().time_to_idle(settings.idle()).max_capacity(settings.sessions).build();
        let store = Store::new(settings.sessions, settings.idle(), shelf);
        Arc::new(Self { store, authenticator, issuer, clock: Clock::system(), flights })
    }

    /// Signs in who was granted this: the session's number, which nobody guesses.
    ///
    /// # Errors
    /// Why the hub does not take the token.
    pub(super) async fn open(&self, granted: Granted) -> Result<String, Refused> {
        self.authenticator.identify(&granted.token).await?;
        let number = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        self.store.add(&key(&number), Session::new(granted, self.clock.now())).await;
        Ok(number)
    }

    /// Signs out: the number means nothing any more, and the issuer renews nothing for it.
    pub(super) async fn close(&self, number: &str) {
        let key = key(number);
        let session = self.store.get(&key).await;
        self.store.remove(&key).await;
        if let Ok(Some(session)) = session {
            self.give_up(&session);
        }
    }

    /// Gives up at the issuer what would renew a session. Nobody waits for that, and its end here does not depend on it.
    fn give_up(&self, session: &Session) {
        let (issuer, Some(refresh)) = (Arc::clone(&self.issuer), session.refresh.clone()) else { return };
        tokio::spawn(async move {
            let revoked = async { issuer.authorization().await?.revoke(&refresh).await }.await;
            if let Err(error) = revoked {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a session was not ended at its issuer: {error}"
                );
            }
        });
    }

    /// Who is signed in by this number. `None`: nobody, or no more.
    ///
    /// # Errors
    /// Where it cannot be told at present.
    pub(crate) async fn find(
        self: &Arc<Self>,
        number: &str,
    ) -> Result<Option<(Arc<Session>, Arc<Identity>)>, Unknowable> {
        let key = key(number);
        let found = self.store.get(&key).await.map_err(|Away| Unknowable)?;
        let Some(mut session) = found else { return Ok(None) };
        if session.refresh.is_some() && session.renew_at <= self.clock.now() {
            match self.renew(&key, &session).await {
                Renewal::To(renewed) => session = renewed,
                Renewal::Over => return Ok(None),
                // It is good for a while yet, mostly.
                Renewal::NotNow => {}
            }
        }
        match self.authenticator.identify(&session.token).await {
            Ok(identity) => Ok(Some((session, identity))),
            Err(Refused::KeysUnavailable) => Err(Unknowable),
            // It could not be renewed. When its issuer is back, it can be.
            Err(Refused::Expired) if session.refresh.is_some() => Err(Unknowable),
            Err(_) => {
                self.store.remove(&key).await;
                Ok(None)
            }
        }
    }
}
