//! What replicas share of sessions, in Redis: sealed under the operator's key, each bound to its place, under a digest of its
//! number. Whoever reads Redis can neither use a session nor read what is in it.

use std::sync::Arc;
use std::time::Duration;

use connectors::vault::Vault;
use redis::{AsyncCommands, ExistenceCheck, Script, SetExpiry, SetOptions};

use super::session::Session;
use crate::shared::{PREFIX, Shared};

/// Whoever renews a session does so within this time, or another may.
const LEASE: Duration = Duration::from_secs(20);
/// Gives back a lock that is still one's own.
const UNLOCK: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/// Redis cannot be asked at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Away;

/// Sessions in Redis.
#[derive(Clone)]
pub(super) struct Shelf {
    shared: Shared,
    vault: Arc<Vault>,
    idle: Duration,
    /// Names this process in locks.
    own: Arc<str>,
    unlock: Arc<Script>,
}

impl Shelf {
    pub(super) fn new(shared: Shared, vault: Arc<Vault>, idle: Duration) -> Self {
        let own = uuid::Uuid::now_v7().to_string().into();
        Self { shared, vault, idle, own, unlock: Arc::new(Script::new(UNLOCK)) }
    }

    fn place(key: &str) -> String {
        format!("{PREFIX}session:{key}")
    }

    fn lock_of(key: &str) -> String {
        format!("{PREFIX}session-lock:{key}")
    }

    /// The session under this key, which then lies there for as long as one may be idle. `None`: there is none, or none that
    /// can be opened.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Session>, Away> {
        let place = Self::place(key);
        let idle = i64::try_from(self.idle.as_secs()).unwrap_or(i64::MAX);
        let ask = async |mut connection: crate::shared::Connection| {
            let mut both = redis::pipe();
            both.get(&place).expire(&place, idle).ignore();
            both.query_async::<(Option<Vec<u8>>,)>(&mut connection).await
        };
        let (sealed,) = self.shared.ask(ask).await.ok_or(Away)?;
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = self.vault.open(place.as_bytes(), &sealed).ok();
        let session = opened.and_then(|opened| serde_json::from_slice(&opened).ok());
        if session.is_none() {
            tracing::warn!("a session in Redis cannot be opened: was sign_in.encryption_key changed?");
        }
        Ok(session)
    }

    /// Puts a session there. `over`: only over the one that lies there; else also where there is none. `false`: there is none
    /// to put it over.
    pub(super) async fn put(&self, key: &str, session: &Session, over: bool) -> Result<bool, Away> {
        let place = Self::place(key);
        let written = serde_json::to_vec(session).map_err(|_| Away)?;
        let sealed = self.vault.seal(place.as_bytes(), &written).map_err(|_| Away)?;
        let mut options = SetOptions::default().with_expiration(SetExpiry::EX(self.idle.as_secs()));
        if over {
            options = options.conditional_set(ExistenceCheck::XX);
        }
        let ask = async |mut connection: crate::shared::Connection| {
            connection.set_options::<_, _, Option<String>>(&place, sealed.as_slice(), options).await
        };
        self.shared.ask(ask).await.map(|done| done.is_some()).ok_or(Away)
    }

    /// Takes a session away.
    pub(super) async fn remove(&self, key: &str) -> Result<(), Away> {
        let place = Self::place(key);
        self.shared.ask(async |mut connection| connection.del::<_, ()>(&place).await).await.ok_or(Away)
    }

    /// Takes the lock under which a session is renewed. `false`: another process has it.
    pub(super) async fn lock(&self, key: &str) -> Result<bool, Away> {
        let options =
            SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(SetExpiry::EX(LEASE.as_secs()));
        let lock = Self::lock_of(key);
        let ask = async |mut connection: crate::shared::Connection| {
            connection.set_options::<_, _, Option<String>>(&lock, &*self.own, options).await
        };
        self.shared.ask(ask).await.map(|taken| taken.is_some()).ok_or(Away)
    }

    /// Gives the lock back.
    pub(super) async fn unlock(&self, key: &str) {
        let lock = Self::lock_of(key);
        let ask = async |mut connection: crate::shared::Connection| {
            self.unlock.key(&lock).arg(&*self.own).invoke_async::<i64>(&mut connection).await
        };
        self.shared.ask(ask).await;
    }
}
