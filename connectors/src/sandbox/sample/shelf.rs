//! A shelf: the records of one kind, in the order of their keys.

use chrono::{DateTime, TimeDelta, Utc};

use super::Overlay;
use super::records::{Board, Commitment, Home, Need, Offer, Partner, Scheme, School};

/// What a shelf must know of its records.
pub trait Entry {
    /// Its key: unique on its shelf.
    fn key(&self) -> u32;
    /// Gives it a key.
    fn set_key(&mut self, key: u32);
    /// Notes when it changed, where the kind keeps that.
    fn touch(&mut self, at: DateTime<Utc>) {
        let _ = at;
    }
    /// Marks it as deleted; false where the kind keeps no tombstones and the record must simply go.
    fn bury(&mut self) -> bool {
        false
    }
    /// Whether it is marked as deleted.
    fn buried(&self) -> bool {
        false
    }
    /// What it serves instead of its own keys.
    fn overlay(&mut self) -> &mut Overlay;
}

/// The records of one kind. Whatever changes one moves its date of change, as the real systems do.
#[derive(Clone, Debug)]
pub struct Shelf<T> {
    entries: Vec<T>,
    last: DateTime<Utc>,
}

impl<T: Entry> Shelf<T> {
    /// A shelf of these records.
    pub(crate) fn new(mut entries: Vec<T>, at: DateTime<Utc>) -> Self {
        entries.sort_unstable_by_key(Entry::key);
        Self { entries, last: at }
    }

    /// How many records there are, tombstones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The records, by key.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.entries.iter()
    }

    /// The records that are not deleted, by key.
    pub fn live(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter(|entry| !entry.buried())
    }

    /// The record with this key.
    #[must_use]
    pub fn get(&self, key: u32) -> Option<&T> {
        self.entries.binary_search_by_key(&key, Entry::key).ok().and_then(|at| self.entries.get(at))
    }

    /// Adds a record under the first free key past the last, and says which.
    pub fn add(&mut self, mut entry: T) -> u32 {
        let key = self.entries.last().map_or(1, |last| last.key() + 1);
        entry.set_key(key);
        entry.touch(self.stamp());
        self.entries.push(entry);
        key
    }

    /// Puts a record under its own key, in the place of one that has it.
    pub fn put(&mut self, mut entry: T) {
        entry.touch(self.stamp());
        match self.entries.binary_search_by_key(&entry.key(), Entry::key) {
            Ok(at) => {
                if let Some(place) = self.entries.get_mut(at) {
                    *place = entry;
                }
            }
            Err(at) => self.entries.insert(at, entry),
        }
    }

    /// Changes a record and moves its date of change; false where there is none.
    pub fn change(&mut self, key: u32, edit: impl FnOnce(&mut T)) -> bool {
        let at = self.stamp();
        let found = self.entries.binary_search_by_key(&key, Entry::key).ok();
        let Some(entry) = found.and_then(|place| self.entries.get_mut(place)) else { return false };
        edit(entry);
        entry.set_key(key);
        entry.touch(at);
        true
    }

    /// Changes every record and moves their dates of change.
    pub fn change_all(&mut self, mut edit: impl FnMut(&mut T)) {
        let keys: Vec<u32> = self.entries.iter().map(Entry::key).collect();
        for key in keys {
            self.change(key, &mut edit);
        }
    }

    /// Deletes a record in the way of its system: a tombstone where the standard has one, and simply gone where not.
    /// False where there is none.
    pub fn remove(&mut self, key: u32) -> bool {
        let at = self.stamp();
        let found = self.entries.binary_search_by_key(&key, Entry::key).ok();
        let Some(entry) = found.and_then(|place| self.entries.get_mut(place)) else { return false };
        if entry.bury() {
            entry.touch(at);
            true
        } else {
            self.purge(key)
        }
    }

    /// Takes a record away without a trace; false where there is none.
    pub fn purge(&mut self, key: u32) -> bool {
        self.stamp();
        match self.entries.binary_search_by_key(&key, Entry::key) {
            Ok(at) => {
                self.entries.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    /// When something here last changed.
    pub(crate) const fn last_changed(&self) -> DateTime<Utc> {
        self.last
    }

    /// The time of a change: now, and always later than the change before it, so that a filter on it is exact.
    #[expect(clippy::disallowed_methods, reason = "the partner systems have a clock of their own, as real ones do")]
    fn stamp(&mut self) -> DateTime<Utc> {
        let now = Utc::now();
        let next = self.last.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(now);
        self.last = now.max(next);
        self.last
    }
}

impl Entry for Board {
    fn key(&self) -> u32 {
        self.number
    }
    fn set_key(&mut self, key: u32) {
        self.number = key;
    }
    fn touch(&mut self, at: DateTime<Utc>) {
        self.modified = at;
    }
    fn bury(&mut self) -> bool {
        self.deleted = true;
        true
    }
    fn buried(&self) -> bool {
        self.deleted
    }
    fn overlay(&mut self) -> &mut Overlay {
        &mut self.overlay
    }
}

impl Entry for School {
    fn key(&self) -> u32 {
        self.code
    }
    fn set_key(&mut self, key: u32) {
        self.code = key;
    }
    fn touch(&mut self, at: DateTime<Utc>) {
        self.modified = at;
    }
    fn bury(&mut self) -> bool {
        self.deleted = true;
        true
    }
    fn buried(&self) -> bool {
        self.deleted
    }
    fn overlay(&mut self) -> &mut Overlay {
        &mut self.overlay
    }
}

impl Entry for Need {
    fn key(&self) -> u32 {
        self.number
    }
    fn set_key(&mut self, key: u32) {
        self.number = key;
    }
    fn touch(&mut self, at: DateTime<Utc>) {
        self.modified = at;
    }
    fn bury(&mut self) -> bool {
        self.deleted = true;
        true
    }
    fn buried(&self) -> bool {
        self.deleted
    }
    fn overlay(&mut self) -> &mut Overlay {
        &mut self.overlay
    }
}

impl Entry for Partner {
    fn key(&self) -> u32 {
        self.number
    }
    fn set_key(&mut self, key: u32) {
        self.number = key;
    }
    fn overlay(&mut self) -> &mut Overlay {
        &mut self.overlay
    }
}

impl Entry for Offer {
    fn key(&self) -> u32 {
        self.number
    }
    fn set_key(&mut self, key: u32) {
        self.number = key;
    }
    fn touch(&mut self, at: DateTime<Utc>) {
        self.modified = at;
    }
    fn overlay(&mut self) -> &mut Overlay {
        &mut self.overlay
    }
}

impl Entry for Commitment {
    fn key(&self) -> u32 {
        self.number
    }
    fn set_key(&mut self, key: u32) {
        self.number = key;
    }
    fn touch(&mut self, at: DateTime<Utc>) {
        self.modified = at;
    }
    fn overlay(&mut self) -> &mut Overlay {
        &mut self.overlay
    }
}

impl Entry for Home {
    fn key(&self) -> u32 {
        self.number
    }
    fn set_key(&mut self, key: u32) {
        self.number = key;
    }
    fn overlay(&mut self) -> &mut Overlay {
        &mut self.overlay
    }
}

impl Entry for Scheme {
    fn key(&self) -> u32 {
        u32::from(self.number)
    }
    fn set_key(&mut self, key: u32) {
        self.number = u16::try_from(key).unwrap_or(u16::MAX);
    }
    fn overlay(&mut self) -> &mut Overlay {
        &mut self.overlay
    }
}
