//! Where sessions are kept: in this process, and where there is Redis and a key, there for all replicas.
//!
//! Redis may be away for a while. Then a session goes on where it is known, and what could not be written is written when
//! the session is next looked for: of two versions the newer counts. Where it is not known nobody can say who asks, which is
//! told, and is not the same as that nobody is signed in.

use std::sync::Arc;
use std::time::Duration;

use moka::ops::compute::Op;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::session::Session;
use super::shelf::{Away, Shelf};

/// What could not be written to Redis is tried so often, at this distance: longer than Redis is left alone after a failure.
const TRIES: u32 = 4;
const BETWEEN: Duration = Duration::from_millis(1_100);
/// A session that was to be forgotten is taken out of Redis for so long after it is back, at that distance.
const FORGETTING: u32 = 120;

/// What is known of a session here.
#[derive(Clone)]
struct Known {
    session: Arc<Session>,
    /// Whether Redis knows it as it is here.
    is_shelved: bool,
}

/// Where sessions are kept.
#[derive(Clone)]
pub(super) struct Store {
    here: Cache<String, Known>,
    shelf: Option<Shelf>,
}

/// What a session is kept under: what a browser holds cannot be told from it.
pub(super) fn key(number: &str) -> String {
    Sha256::digest(number).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Store {
    pub(super) fn new(most: u64, idle: Duration, shelf: Option<Shelf>) -> Self {
        Self { here: Cache::builder().max_capacity(most).time_to_idle(idle).build(), shelf }
    }

    /// The session under this key.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Arc<Session>>, Away> {
        let known = self.here.get(key);
        let Some(shelf) = &self.shelf else { return Ok(known.map(|known| known.session)) };
        let found = match shelf.get(key).await {
            Ok(found) => found,
            Err(Away) => return known.map(|known| Some(known.session)).ok_or(Away),
        };
        match (found, known) {
            // Written here while Redis was away.
            (found, Some(Known { session, is_shelved: false }))
                if found.as_ref().is_none_or(|found| found.version < session.version) =>
            {
                let is_shelved = shelf.put(key, &session, false).await == Ok(true);
                self.note(key, &session, is_shelved);
                Ok(Some(session))
            }
            (Some(found), _) => {
                let session = Arc::new(found);
                self.note(key, &session, true);
                Ok(Some(session))
            }
            (None, _) => {
                self.here.invalidate(key);
                Ok(None)
            }
        }
    }

    fn note(&self, key: &str, session: &Arc<Session>, is_shelved: bool) {
        self.here.insert(key.to_owned(), Known { session: Arc::clone(session), is_shelved });
    }

    /// Keeps a session that begins. Redis is waited for a little: whoever signs in is led on at once, to any replica.
    pub(super) async fn add(&self, key: &str, session: Session) {
        let mut is_shelved = false;
        if let Some(shelf) = &self.shelf {
            is_shelved = shelf.put(key, &session, false).await == Ok(true);
            if !is_shelved {
                tokio::time::sleep(BETWEEN).await;
                is_shelved = shelf.put(key, &session, false).await == Ok(true);
            }
        }
        self.note(key, &Arc::new(session), is_shelved);
    }

    /// Puts a session in its own place, as it is now. `false`: it was forgotten meanwhile, and stays so.
    pub(super) async fn replace(&self, key: &str, session: &Arc<Session>) -> bool {
        if let Some(shelf) = &self.shelf {
            for attempt in 1..=TRIES {
                match shelf.put(key, session, true).await {
                    Ok(true) => {
                        self.note(key, session, true);
                        return true;
                    }
                    Ok(false) => {
                        self.here.invalidate(key);
                        return false;
                    }
                    Err(Away) if attempt < TRIES => tokio::time::sleep(BETWEEN).await,
                    Err(Away) => {}
                }
            }
        }
        let known = Known { session: Arc::clone(session), is_shelved: false };
        let replaced = self.here.entry(key.to_owned()).and_compute_with(|before| match before {
            Some(_) => Op::Put(known),
            None => Op::Nop,
        });
        !matches!(replaced, moka::ops::compute::CompResult::StillNone(_))
    }

    /// Forgets a session: here at once, and in Redis as soon as that is there.
    pub(super) async fn remove(&self, key: &str) {
        self.here.invalidate(key);
        let Some(shelf) = &self.shelf else { return };
        if shelf.remove(key).await.is_ok() {
            return;
        }
        let (shelf, key) = (shelf.clone(), key.to_owned());
        tokio::spawn(async move {
            for _ in 0..FORGETTING {
                tokio::time::sleep(BETWEEN).await;
                if shelf.remove(&key).await.is_ok() {
                    return;
                }
            }
        });
    }

    /// Takes the lock under which a session is renewed. `false`: another replica has it.
    pub(super) async fn lock(&self, key: &str) -> Result<bool, Away> {
        match &self.shelf {
            Some(shelf) => shelf.lock(key).await,
            None => Ok(true),
        }
    }

    /// Gives the lock back.
    pub(super) async fn unlock(&self, key: &str) {
        if let Some(shelf) = &self.shelf {
            shelf.unlock(key).await;
        }
    }
}
