//! Records that change faster than their source is read: what an answer shows of them is asked for again where it was not
//! confirmed for too long, before the answer goes out.
//!
//! An answer is computed first, and tells which of them it shows. What turns out to be another is written as a sync writes
//! it, so everything that depends on it hears of it; then the answer is computed again. So what is asked for is bounded by
//! what is shown, an answer is all of one moment, and where nothing changed, which is the most, nothing is done twice.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use connectors::settings::{SourceSettings, VolatileSettings};
use connectors::sync::{Engine, Rechecked, breaker_is_open};
use connectors::systems;
use entity::Clock;
use entity::vocabulary::RecordType;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use moka::sync::Cache as Known;
use sea_orm::prelude::Uuid;
use tokio::time::timeout;

use super::reader::Reader;

/// So many records are asked for at most for one answer.
const MOST: usize = 20;
/// A source that failed is not asked for so long: else everybody who reads would wait for it.
const REST: TimeDelta = TimeDelta::seconds(10);
/// So many records' last confirmations are known.
const MOST_KNOWN: u64 = 100_000;

/// A record that an answer shows.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) record_type: RecordType,
    pub(crate) id: Uuid,
    pub(crate) source_id: String,
    pub(crate) external_id: String,
}

/// What came of looking after what an answer shows.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Whether anything turned out to be another, so that the answer is to be computed again.
    pub(super) changed: bool,
    /// How many records could not be confirmed, by their source.
    pub(super) unconfirmed: BTreeMap<String, usize>,
    /// Until when all else counts as confirmed. `None`: there is nothing else.
    pub(super) until: Option<DateTime<Utc>>,
}

/// Checks records with their sources. Cheap to clone.
#[derive(Clone)]
pub struct Rechecks(Arc<Inner>);

struct Inner {
    engine: Arc<Engine>,
    clock: Clock,
    /// What changes fast, by source and type.
    watched: HashMap<String, HashMap<RecordType, Watched>>,
    /// When records were last confirmed by themselves.
    confirmed: Known<Uuid, DateTime<Utc>>,
    /// Records that are being asked for: whoever wants one of them waits for the same answer.
    flights: Mutex<HashMap<Uuid, Flight>>,
    /// Sources that failed, and until when they are not asked.
    resting: Mutex<HashMap<String, DateTime<Utc>>>,
}

#[derive(Clone)]
struct Watched {
    source: Arc<SourceSettings>,
    stream: &'static str,
    settings: VolatileSettings,
}

/// Asking for a record. It ends by itself, whoever waits. `None`: it could not be confirmed.
type Flight = Shared<BoxFuture<'static, Option<Rechecked>>>;

impl Rechecks {
    /// Checks what these sources have marked, through this engine. `None` where they have marked nothing.
    #[must_use]
    pub fn new(engine: &Arc<Engine>, sources: &[SourceSettings], clock: Clock) -> Option<Self> {
        let mut watched: HashMap<String, HashMap<RecordType, Watched>> = HashMap::new();
        for source in sources.iter().filter(|source| !source.volatile.is_empty()) {
            let Ok(manifest) = systems::manifest(&source.connector) else { continue };
            let shared = Arc::new(source.clone());
            for spec in manifest.streams.iter() {
                let Some(settings) = source.volatile.get(spec.name) else { continue };
                let watching = Watched { source: Arc::clone(&shared), stream: spec.name, settings: *settings };
                let types = spec.records.iter().map(|record_type| (*record_type, watching.clone()));
                watched.entry(source.id.clone()).or_default().extend(types);
            }
        }
        (!watched.is_empty()).then(|| {
            Self(Arc::new(Inner {
                engine: Arc::clone(engine),
                clock,
                watched,
                confirmed: Known::new(MOST_KNOWN),
                flights: Mutex::default(),
                resting: Mutex::default(),
            }))
        })
    }

    /// Whether records of this type change faster than the source is read.
    pub(crate) fn watches(&self, source_id: &str, record_type: RecordType) -> bool {
        self.watching(source_id, record_type).is_some()
    }

    fn watching(&self, source_id: &str, record_type: RecordType) -> Option<&Watched> {
        self.0.watched.get(source_id)?.get(&record_type)
    }

    /// Looks after what the answer shows: within the time of each source, and no more than may be asked for at once.
    pub(super) async fn look(&self, reader: &Reader) -> Looked {
        let mut looked = Looked::default();
        let shown = reader.shown();
        if shown.is_empty() {
            return looked;
        }
        let Ok(sources) = reader.sources().await else { return looked };
        let now = self.0.clock.now();
        let (mut met, mut asking) = (HashSet::new(), Vec::new());
        for record in shown {
            let Some(watched) = self.watching(&record.source_id, record.record_type) else { continue };
            if !met.insert(record.id) {
                continue;
            }
            let source = sources.get(&record.source_id);
            let after = TimeDelta::from_std(watched.settings.after).unwrap_or(TimeDelta::MAX);
            let read = source.as_ref().and_then(|source| source.confirmed_at(record.record_type));
            let confirmed = read.max(self.0.confirmed.get(&record.id));
            if let Some(until) = confirmed.and_then(|at| at.checked_add_signed(after)).filter(|until| *until > now) {
                looked.lasts(until);
                continue;
            }
            let fails =
                source.is_some_and(|source| breaker_is_open(u32::try_from(source.source.failures).unwrap_or(u32::MAX)));
            if fails || asking.len() == MOST || self.rests(&record.source_id, now) {
                looked.miss(&record.source_id);
                continue;
            }
            asking.push((record, watched, after));
        }
        let asked = asking.into_iter().map(|(record, watched, after)| async move {
            let outcome = timeout(watched.settings.timeout, self.flight(&record, watched)).await.ok().flatten();
            if !matches!(outcome, Some(Rechecked::Unchanged | Rechecked::Changed)) {
                let until = self.0.clock.now() + REST;
                // One that does not know a record is well.
                if outcome.is_none() {
                    lock(&self.0.resting).insert(record.source_id.clone(), until);
                }
            }
            (record.source_id, outcome, after)
        });
        for (source_id, outcome, after) in join_all(asked).await {
            match outcome {
                Some(Rechecked::Unchanged) => looked.lasts(now.checked_add_signed(after).unwrap_or(now)),
                Some(Rechecked::Changed) => {
                    looked.changed = true;
                    looked.lasts(now.checked_add_signed(after).unwrap_or(now));
                }
                Some(Rechecked::Unknown) | None => looked.miss(&source_id),
            }
        }
        looked
    }

    fn rests(&self, source_id: &str, now: DateTime<Utc>) -> bool {
        lock(&self.0.resting).get(source_id).is_some_and(|until| *until > now)
    }

    /// The one asking for this record that is under way, or begins now.
    fn flight(&self, record: &Shown, watched: &Watched) -> Flight {
        let mut flights = lock(&self.0.flights);
        // One that has ended and is still there was broken off: it makes room for the next.
        if let Some(flight) = flights.get(&record.id).filter(|flight| flight.peek().is_none()) {
            return flight.clone();
        }
        let (rechecks, id) = (self.clone(), record.id);
        let (source, stream, external_id) = (Arc::clone(&watched.source), watched.stream, record.external_id.clone());
        let asking = tokio::spawn(async move {
            let inner = &rechecks.0;
            let outcome = inner.engine.recheck(&source, stream, &external_id).await;
            if matches!(outcome, Ok(Rechecked::Unchanged | Rechecked::Changed)) {
                inner.confirmed.insert(id, inner.clock.now());
            }
            lock(&inner.flights).remove(&id);
            outcome.inspect_err(|error| {
                let error = error as &dyn std::error::Error;
                tracing::warn!(source.id = source.id, stream, error, "a record could not be checked with its source");
            })
        });
        let flight = asking.map(|ended| ended.ok()?.ok()).boxed().shared();
        flights.insert(id, flight.clone());
        flight
    }
}

impl Looked {
    fn lasts(&mut self, until: DateTime<Utc>) {
        self.until = Some(self.until.map_or(until, |before| before.min(until)));
    }

    fn miss(&mut self, source_id: &str) {
        *self.unconfirmed.entry(source_id.to_owned()).or_default() += 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
