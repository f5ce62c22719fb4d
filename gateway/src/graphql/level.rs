//! Levels: rows that were loaded together stay together, so that what a field below one of them needs is loaded for all
//! of them in one statement. No timer, no batch that falls apart: the first row that asks loads for its level, the
//! others wait for it.

use std::any::Any;
use std::collections::HashMap;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::error::{Failure, Result};

/// What has been loaded for a level, of whatever type.
type Loaded = Result<Arc<dyn Any + Send + Sync>>;

type Slot = Arc<OnceCell<Loaded>>;

/// Rows that were loaded together, and what has been loaded for them since.
pub(crate) struct Level<R> {
    rows: Vec<R>,
    slots: Mutex<HashMap<String, Slot>>,
}

/// One row of a level. Cheap to clone.
pub(crate) struct Member<R> {
    level: Arc<Level<R>>,
    index: usize,
}

impl<R> Level<R> {
    /// The rows as members of one level, in their order.
    pub(crate) fn members(rows: Vec<R>) -> Vec<Member<R>> {
        let count = rows.len();
        let level = Arc::new(Self { rows, slots: Mutex::default() });
        (0..count).map(|index| Member { level: Arc::clone(&level), index }).collect()
    }

    fn slot(&self, key: String) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }
}

impl<R> Member<R> {
    /// The row as a level of its own.
    pub(crate) fn alone(row: R) -> Self {
        Self { level: Arc::new(Level { rows: vec![row], slots: Mutex::default() }), index: 0 }
    }

    /// Every row of the level.
    pub(crate) fn siblings(&self) -> &[R] {
        &self.level.rows
    }

    /// Leaves with the level what [`Member::once`] would load for this key. Where it is being loaded already, that stands.
    pub(crate) fn leave<V: Send + Sync + 'static>(&self, key: String, value: V) {
        self.level.slot(key).set(Ok(Arc::new(value) as Arc<dyn Any + Send + Sync>)).ok();
    }

    /// What `load` gives for the whole level, loaded once for each `key`, however many rows ask.
    pub(crate) async fn once<V, F>(&self, key: String, load: F) -> Result<Arc<V>>
    where
        V: Send + Sync + 'static,
        F: Future<Output = Result<V>> + Send,
    {
        let load = pin!(async { load.await.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>) });
        let loaded = fill(self.level.slot(key), load).await?;
        loaded.downcast().map_err(|_| Failure::Internal("two fields of a level share a key"))
    }
}

/// Waits for what is loaded, or loads it. Of one type for all, for it is compiled once for each.
async fn fill(slot: Slot, load: Pin<&mut (dyn Future<Output = Loaded> + Send)>) -> Loaded {
    slot.get_or_init(|| load).await.clone()
}

impl<R> Clone for Member<R> {
    fn clone(&self) -> Self {
        Self { level: Arc::clone(&self.level), index: self.index }
    }
}

impl<R> Deref for Member<R> {
    type Target = R;

    fn deref(&self) -> &R {
        // An index is only ever made from its level's length.
        &self.level.rows[self.index]
    }
}
