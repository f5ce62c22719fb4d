//! Flights: of those who ask for the same at the same time one computes, and the others wait for what it finds. One who
//! goes away while it computes leaves that to the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::answer::Kept;
use super::key::Key;

/// What became of a computation. `None`: it is under way; `Some(None)`: its answer is for nobody else.
type Landing = Option<Option<Arc<Kept>>>;

type Flying = Arc<Mutex<HashMap<Arc<Key>, watch::Receiver<Landing>>>>;

/// The computations that are under way.
#[derive(Clone, Default)]
pub(super) struct Flights(Flying);

/// A computation that others may wait for. Dropped without [`Flight::land`], it is given up, and one of them begins anew.
pub(crate) struct Flight {
    flying: Flying,
    key: Arc<Key>,
    sender: watch::Sender<Landing>,
}

/// Whose turn it is to compute.
pub(super) enum Turn {
    /// Of who asked.
    Own(Flight),
    /// Somebody else's, who found this.
    Others(Option<Arc<Kept>>),
}

impl Flights {
    /// Waits for whoever computes the same, or begins.
    pub(super) async fn join(&self, key: &Arc<Key>) -> Turn {
        loop {
            let mut receiver = {
                let mut flying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                match flying.get(key) {
                    Some(receiver) => receiver.clone(),
                    None => {
                        let (sender, receiver) = watch::channel(None);
                        flying.insert(Arc::clone(key), receiver);
                        return Turn::Own(Flight { flying: Arc::clone(&self.0), key: Arc::clone(key), sender });
                    }
                }
            };
            let landed = receiver.wait_for(Option::is_some).await.map(|landed| landed.clone());
            if let Ok(Some(found)) = landed {
                return Turn::Others(found);
            }
            // It was given up: whoever comes first begins anew.
        }
    }
}

impl Flight {
    /// Tells those who wait what was found. `None`: nothing that is for them.
    pub(super) fn land(self, found: Option<Arc<Kept>>) {
        self.sender.send_replace(Some(found));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Before the sender goes, so that who sees it gone does not find it here again.
        self.flying.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
