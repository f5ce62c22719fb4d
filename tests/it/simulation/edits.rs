//! Random changes of a source's records.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::StdRng;
use tests::partner::{Entry, Standard};

/// How often each record has been changed: the hub may tell of it no oftener.
pub(super) type Edits = Arc<Mutex<HashMap<String, u32>>>;

/// One change, drawn before it happens: it may have to happen in the middle of a run.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    kind: u32,
    place: usize,
    name: u32,
    /// How long ago, by its own word, the source made the change that it shows only now.
    late: TimeDelta,
}

impl Edit {
    pub(super) fn draw(rng: &mut StdRng) -> Self {
        Self {
            kind: rng.random_range(0..10),
            place: rng.random_range(0..1000),
            name: rng.random_range(0..1_000_000),
            late: TimeDelta::seconds(if rng.random_bool(0.2) { rng.random_range(0..200) } else { 0 }),
        }
    }

    /// Makes the change, at `now` by the partner's clock.
    pub(super) fn apply(&self, standard: Standard, entries: &mut Vec<Entry>, edits: &Edits, now: DateTime<Utc>) {
        let modified = now - self.late;
        let title = format!("title {}", self.name);
        let place = self.place % entries.len().max(1);
        let id = match self.kind {
            // A new record, at a random place of the list.
            0..=2 => {
                let id = format!("r{:03}", self.place);
                match entries.iter_mut().find(|entry| entry.id == id) {
                    Some(entry) => *entry = Entry { title, modified, gone: false, invalid: false, ..entry.clone() },
                    None => entries.push(Entry { id: id.clone(), title, modified, gone: false, invalid: false }),
                }
                id
            }
            3..=5 => {
                let Some(entry) = entries.get_mut(place) else { return };
                *entry = Entry { title, modified, gone: false, ..entry.clone() };
                entry.id.clone()
            }
            // A record goes; where the standard has a word for it, with that word.
            6..=7 => {
                let Some(entry) = entries.get_mut(place) else { return };
                if standard == Standard::OneRoster {
                    *entry = Entry { modified, gone: true, invalid: false, ..entry.clone() };
                    entry.id.clone()
                } else {
                    entries.remove(place).id
                }
            }
            // One that cannot be taken, or one that can again.
            _ => {
                let Some(entry) = entries.get_mut(place).filter(|entry| !entry.gone) else { return };
                *entry = Entry { title, modified, invalid: !entry.invalid, ..entry.clone() };
                entry.id.clone()
            }
        };
        *edits.lock().expect("nobody panicked").entry(id).or_default() += 1;
    }
}
