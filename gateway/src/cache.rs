//! Kept answers: as bytes, in the process and, where there is one, in Redis. What is kept is never wrong, only absent.
//!
//! An answer is kept under everything that decides what it says (`key`), with what it depends on (`notes`, `tag`)
//! and the place in the journal from which it was computed. It is given again only if the journal, looked at just before,
//! tells of no change behind that place that touches it (`present`, `history`). So there is nothing to be dropped in
//! time and no message that could be lost: an answer that was computed from what had changed in between, was stored late,
//! or comes out of Redis, passes the same test as any other.

mod answer;
mod flight;
mod history;
pub(crate) mod key;
mod notes;
mod present;
mod shared;
mod tag;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::HeaderValue;
use entity::Clock;
use entity::vocabulary::RecordType;
use moka::sync::Cache as Own;
use sea_orm::DatabaseConnection;

pub(crate) use self::answer::Grounds;
pub use self::answer::Kept;
use self::flight::{Flight, Flights, Turn};
use self::key::Key;
use self::notes::Depends;
pub(crate) use self::notes::{Notes, Scope};
use self::present::{Position, Present};
pub(crate) use self::present::{SETTLE, SOURCES_HOLD};
use self::shared::{Place, Shelf};
pub(crate) use self::tag::Owner;
use crate::config::CacheSettings;
use crate::database::{Listener, WalPosition};
use crate::graphql::sources::{Named, Sources};
use crate::shared::Shared;

/// Kept answers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cache(Arc<Inner>);

struct Inner {
    own: Own<Arc<Key>, Arc<Kept>>,
    present: Present,
    flights: Flights,
    shelf: Option<Shelf>,
    /// What else decides what answers say, and is the same as long as the process runs.
    fingerprint: String,
    longest: usize,
    time_to_live: Duration,
    /// How long after the last look answers are given while the store is away.
    stale: Duration,
    /// Who else hears of the statements of answers that are computed to be kept.
    listener: Option<Listener>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    shared_hits: AtomicU64,
    waited: AtomicU64,
    misses: AtomicU64,
    dropped: AtomicU64,
    kept: AtomicU64,
    not_kept: AtomicU64,
    unknown: AtomicU64,
    stale: AtomicU64,
}

/// How the cache is doing, since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Answers that were given from the process.
    pub hits: u64,
    /// Answers that were given from Redis.
    pub shared_hits: u64,
    /// Answers that somebody else was computing.
    pub waited: u64,
    /// Answers that had to be computed.
    pub misses: u64,
    /// Answers that were found not to hold any more.
    pub dropped: u64,
    /// Answers that were kept.
    pub kept: u64,
    /// Answers that may not be kept: with errors, contacts, or what nobody tells the changes of.
    pub not_kept: u64,
    /// Answers that were there and not given, because the store could not be looked at.
    pub unknown: u64,
    /// Answers that were given as they were last known, because the store was away.
    pub stale: u64,
    /// How often the store was looked at.
    pub looks: u64,
    /// Answers in the process.
    pub entries: u64,
    /// What they take up, in bytes.
    pub bytes: u64,
}

/// How old a kept answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// It says what is so.
    Current,
    /// It says what was so when the store could last be looked at.
    Unknown {
        /// So long ago, in seconds.
        for_secs: u64,
    },
}

/// What came of asking for an answer.
pub(crate) enum Found {
    /// It is there.
    Kept(Arc<Kept>),
    /// Whoever asks computes it, and tells what it found.
    Ours(Box<Computing>),
    /// Whoever asks computes it for itself alone.
    Alone,
}

/// An answer that is being computed.
pub(crate) struct Computing {
    cache: Cache,
    key: Arc<Key>,
    flight: Flight,
    place: Option<Place>,
    from: Option<Position>,
    notes: Arc<Notes>,
}

impl Cache {
    /// Nothing is kept yet. `fingerprint` tells hubs apart that answer differently: release, schema, settings.
    pub(crate) fn new(
        settings: &CacheSettings,
        db: &DatabaseConnection,
        clock: Clock,
        shared: Option<Shared>,
        fingerprint: String,
        listener: Option<Listener>,
    ) -> Self {
        let time_to_live = Duration::from_secs(settings.keep_secs);
        let own = Own::builder()
            .weigher(|key: &Arc<Key>, kept: &Arc<Kept>| {
                kept.weight().saturating_add(u32::try_from(key.variables.len() + 200).unwrap_or(u32::MAX))
            })
            .max_capacity(settings.memory_bytes)
            .time_to_live(time_to_live)
            .build();
        Self(Arc::new(Inner {
            own,
            present: Present::new(db, clock),
            flights: Flights::default(),
            shelf: shared.filter(|_| settings.shared).map(|shared| Shelf::new(shared, settings.keep_secs)),
            fingerprint,
            longest: settings.longest_bytes,
            time_to_live,
            stale: Duration::from_secs(settings.stale_secs),
            listener,
            counts: Counts::default(),
        }))
    }

    /// The answer, where it is kept and holds; while the store is away, where it held when that could last be told.
    pub(crate) async fn get(&self, key: &Key) -> Option<(Arc<Kept>, Age)> {
        let kept = self.0.own.get(key)?;
        if !self.0.present.is_known().await {
            let blind = self.0.present.is_away().then(|| self.0.present.blind_for()).flatten();
            if let Some(blind) = blind.filter(|blind| *blind <= self.0.stale)
                && self.0.present.holds(&kept.grounds)
            {
                self.count(|counts| &counts.stale);
                return Some((kept, Age::Unknown { for_secs: Ord::max(blind.as_secs(), 1) }));
            }
            self.count(|counts| &counts.unknown);
            return None;
        }
        if !self.0.present.holds(&kept.grounds) {
            self.count(|counts| &counts.dropped);
            self.0.own.invalidate(key);
            return None;
        }
        if kept.is_to_be_renewed(self.0.time_to_live) {
            return None;
        }
        self.count(|counts| &counts.hits);
        Some((kept, Age::Current))
    }

    /// Whether the store is away, as far as is known: it was when it was last looked at.
    pub(crate) fn is_away(&self) -> bool {
        self.0.present.is_away()
    }

    /// Whether it makes sense to ask the store anything. While it is away one request at a time finds out whether it is
    /// back, and the others are told at once.
    pub(crate) async fn can_ask_store(&self) -> bool {
        !self.0.present.is_away() || self.0.present.is_known().await
    }

    /// Sees to it that what is known of the store is known of this moment. `false`: it cannot be looked at.
    pub(crate) async fn is_known(&self) -> bool {
        self.0.present.is_known().await
    }

    /// How long ago the store was last looked at, where that is no longer ago than what was last known is given for.
    pub(crate) fn away_for(&self) -> Option<Duration> {
        self.0.present.blind_for().filter(|blind| *blind <= self.0.stale)
    }

    /// Has it known how far replicas must have come.
    pub(crate) fn follow_wal(&self) {
        self.0.present.follow_wal();
    }

    /// Which store it is, and where its write-ahead log ended when it was last looked at. `None`: it never was.
    pub(crate) fn wal(&self) -> Option<(&str, WalPosition)> {
        self.0.present.identity().zip(self.0.present.wal())
    }

    /// Whose turn it is to compute the answer, once [`Cache::get`] has found none. Waits for others who do already.
    pub(crate) async fn join(&self, key: Key) -> Found {
        let key = Arc::new(key);
        let flight = match self.0.flights.join(&key).await {
            Turn::Own(flight) => flight,
            Turn::Others(Some(kept)) => {
                // It may have been computed from what was there before whoever waits asked.
                if self.0.present.is_known().await && self.0.present.holds(&kept.grounds) {
                    self.count(|counts| &counts.waited);
                    return Found::Kept(kept);
                }
                return self.alone();
            }
            Turn::Others(None) => return self.alone(),
        };
        // Also so that what is computed now begins at the present, and holds for as long as it may.
        let is_known = self.0.present.is_known().await;
        let mut place = None;
        if let (true, Some(shelf), Some(identity)) = (is_known, &self.0.shelf, self.0.present.identity()) {
            let found = place.insert(Place::of(&key.digest(&[identity, &self.0.fingerprint])));
            if let Some(kept) = shelf.get(found, |kept| self.0.present.holds(&kept.grounds)).await {
                // It may have been waited for.
                if self.0.present.is_known().await && self.0.present.holds(&kept.grounds) {
                    let kept = Arc::new(kept);
                    self.0.own.insert(key, Arc::clone(&kept));
                    flight.land(Some(Arc::clone(&kept)));
                    self.count(|counts| &counts.shared_hits);
                    return Found::Kept(kept);
                }
            }
        }
        self.count(|counts| &counts.misses);
        let from = self.0.present.position().filter(|_| is_known);
        let sources = from.and_then(|_| self.0.present.sources());
        let (cache, notes) = (self.clone(), Arc::new(Notes::new(self.0.listener.clone(), sources)));
        Found::Ours(Box::new(Computing { cache, key, flight, place, from, notes }))
    }

    /// How the cache is doing.
    pub(crate) fn figures(&self) -> Figures {
        let Counts { hits, shared_hits, waited, misses, dropped, kept, not_kept, unknown, stale } = &self.0.counts;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Figures {
            hits: of(hits),
            shared_hits: of(shared_hits),
            waited: of(waited),
            misses: of(misses),
            dropped: of(dropped),
            kept: of(kept),
            not_kept: of(not_kept),
            unknown: of(unknown),
            stale: of(stale),
            looks: self.0.present.looks(),
            entries: self.0.own.entry_count(),
            bytes: self.0.own.weighted_size(),
        }
    }

    fn alone(&self) -> Found {
        self.count(|counts| &counts.misses);
        Found::Alone
    }

    fn count(&self, count: impl Fn(&Counts) -> &AtomicU64) {
        count(&self.0.counts).fetch_add(1, Ordering::Relaxed);
    }
}

impl Computing {
    /// Where to note what the answer depends on.
    pub(crate) fn notes(&self) -> &Arc<Notes> {
        &self.notes
    }

    /// What the answer was made of. `sources` are those that it was made with, `types` those of its records. `None`: it
    /// must not be kept.
    pub(crate) fn made_of(&self, sources: Option<&Named>, types: Vec<RecordType>) -> Option<Grounds> {
        let Depends { tags, on_reference, on_the_day, until } = self.notes.depends()?;
        if sources.is_none() && !types.is_empty() {
            return None;
        }
        Some(Grounds {
            position: self.from?,
            tags,
            on_reference,
            on_the_day,
            until,
            sources: sources.map(|sources| sources.marks().into_iter().collect()).unwrap_or_default(),
            behind: sources.map_or_else(Sources::mark_of_none, |sources| sources.mark_behind(&types)),
            types,
            held_at: AtomicU64::new(0),
        })
    }

    /// Keeps the answer, and gives it to those who wait. `None`: it is too long.
    pub(crate) fn keep(self, body: Vec<u8>, cache_control: HeaderValue, grounds: Grounds) -> Option<Arc<Kept>> {
        if body.len() > self.cache.0.longest {
            self.give_up();
            return None;
        }
        let Self { cache, key, flight, place, .. } = self;
        let kept = Arc::new(Kept::new(body, cache_control, grounds));
        // Before the flight lands: who comes now finds the one or the other.
        cache.0.own.insert(key, Arc::clone(&kept));
        flight.land(Some(Arc::clone(&kept)));
        cache.count(|counts| &counts.kept);
        if let (Some(place), Some(shelf)) = (place, &cache.0.shelf) {
            let (shelf, kept) = (shelf.clone(), Arc::clone(&kept));
            // Nobody here waits for it.
            tokio::spawn(async move { shelf.put(&place, &kept).await });
        }
        Some(kept)
    }

    /// Says that the answer is for nobody else.
    pub(crate) fn give_up(self) {
        let Self { cache, flight, place, .. } = self;
        cache.count(|counts| &counts.not_kept);
        flight.land(None);
        if let (Some(place), Some(shelf)) = (place, &cache.0.shelf) {
            let shelf = shelf.clone();
            tokio::spawn(async move { shelf.unlock(&place).await });
        }
    }
}
