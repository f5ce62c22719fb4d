//! What one request reads with: the store, who asks, what time it is, and the sources, read once.
//!
//! A subscription is one request with many answers: [`Reader::renew`] begins the next of them, which sees the present.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::Context;
use chrono::{DateTime, NaiveDate, Utc};
use entity::Clock;
use entity::vocabulary::RecordType;
use sea_orm::DatabaseConnection;
use sea_orm::prelude::Uuid;
use tokio::sync::OnceCell;

use super::health::Freshness;
use super::language::Language;
use super::rate::Standing;
use super::recheck::{Rechecks, Shown};
use super::sources::{Named, Sources};
use super::types::source::{record_counts, refused_counts};
use super::viewer::Viewer;
use crate::audit::Actor;
use crate::cache::{Notes, Scope};
use crate::config::MatchingSettings;
use crate::error::{Failure, Result};

/// What one request reads with.
pub(crate) struct Reader {
    pub(crate) db: DatabaseConnection,
    pub(crate) viewer: Viewer,
    /// The longest page of a list.
    pub(crate) longest_page: usize,
    /// The language of texts, where a field's argument does not say.
    pub(crate) language: Language,
    /// What counts for how much when offers are matched with needs.
    pub(crate) matching: Arc<MatchingSettings>,
    /// Who asks, as the audit trail has it.
    pub(crate) actor: Actor,
    /// How often the client may ask. `None`: as often as it likes.
    pub(crate) standing: Option<Standing>,
    /// What the request costs at most.
    pub(crate) estimate: usize,
    /// Connections whose statements are not noted.
    unwatched: DatabaseConnection,
    /// What changes faster than it is read. `None`: nothing does.
    rechecks: Option<Rechecks>,
    /// Where what the answer depends on is noted. `None`: it is not kept.
    notes: Option<Arc<Notes>>,
    clock: Clock,
    moment: Mutex<Arc<Moment>>,
}

/// What holds for one answer: a request has one, a subscription one for each of its events.
struct Moment {
    now: DateTime<Utc>,
    sources: OnceCell<Result<Arc<Named>>>,
    record_counts: OnceCell<Result<Arc<HashMap<String, i64>>>>,
    refused_counts: OnceCell<Result<Arc<HashMap<String, i64>>>>,
    touched: Mutex<Vec<RecordType>>,
    cursor: OnceLock<String>,
    contacts: Mutex<Vec<(RecordType, Uuid)>>,
    shown: Mutex<Vec<Shown>>,
    unconfirmed: OnceLock<BTreeMap<String, usize>>,
}

impl Moment {
    fn at(now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self {
            now,
            sources: OnceCell::new(),
            record_counts: OnceCell::new(),
            refused_counts: OnceCell::new(),
            touched: Mutex::default(),
            cursor: OnceLock::new(),
            contacts: Mutex::default(),
            shown: Mutex::default(),
            unconfirmed: OnceLock::new(),
        })
    }
}

impl Reader {
    pub(crate) fn new(
        db: DatabaseConnection,
        viewer: Viewer,
        clock: Clock,
        longest_page: usize,
        language: Language,
    ) -> Self {
        let moment = Mutex::new(Moment::at(clock.now()));
        let (matching, actor, unwatched) = (Arc::default(), Actor::default(), db.clone());
        Self {
            db,
            viewer,
            longest_page,
            language,
            matching,
            actor,
            standing: None,
            estimate: 0,
            unwatched,
            rechecks: None,
            notes: None,
            clock,
            moment,
        }
    }

    /// Notes what the answer depends on, so that it can be kept.
    pub(crate) fn noting(self, notes: Option<&Arc<Notes>>) -> Self {
        let Some(notes) = notes else { return self };
        Self { db: notes.watch(&self.unwatched, Scope::All), notes: Some(Arc::clone(notes)), ..self }
    }

    /// Connections for a load that concerns no rows but these, so that the answer depends on no others.
    pub(crate) fn within(&self, scope: impl FnOnce() -> Scope) -> DatabaseConnection {
        self.notes.as_ref().map_or_else(|| self.db.clone(), |notes| notes.watch(&self.unwatched, scope()))
    }

    /// Notes that the answer depends on the one record that was looked for by its key. `None`: there is none yet.
    pub(crate) fn found(&self, record_type: RecordType, id: Option<Uuid>) {
        if let Some(notes) = &self.notes {
            notes.record(record_type, id);
        }
    }

    /// Notes that the answer is for this request alone, or depends on what nobody tells the changes of.
    pub(crate) fn keep_out(&self) {
        if let Some(notes) = &self.notes {
            notes.unkeepable();
        }
    }

    /// Notes what the request is charged.
    pub(crate) fn charged(self, standing: Option<Standing>, estimate: usize) -> Self {
        Self { standing, estimate, ..self }
    }

    /// Notes who asks, for the audit trail.
    pub(crate) fn acting(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// Begins the next answer of a subscription: it has an instant of its own, and reads the sources anew. The one
    /// before must be whole: a subscription's events are answered one after another.
    pub(crate) fn renew(&self) {
        *self.moment.lock().unwrap_or_else(PoisonError::into_inner) = Moment::at(self.clock.now());
    }

    /// Notes behind which cursor the feed goes on after this answer.
    pub(crate) fn note_cursor(&self, cursor: String) {
        // The first stands: an answer tells of one change.
        self.moment().cursor.set(cursor).ok();
    }

    /// Behind which cursor the feed goes on after this answer. `None` where it tells of no change.
    pub(crate) fn cursor(&self) -> Option<String> {
        self.moment().cursor.get().cloned()
    }

    fn moment(&self) -> Arc<Moment> {
        Arc::clone(&self.moment.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Matches by these weights.
    pub(crate) fn matching(self, settings: Arc<MatchingSettings>) -> Self {
        Self { matching: settings, ..self }
    }

    /// The request's reader.
    pub(crate) fn of<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Self>> {
        ctx.data::<Arc<Self>>().map_err(|_| Failure::Internal("a request came without its reader"))
    }

    /// The answer's instant: the same for all of its fields. An answer that is made of it is true for no longer, and
    /// is not kept.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.keep_out();
        self.instant()
    }

    /// The answer's instant, for what is no part of the answer.
    pub(crate) fn instant(&self) -> DateTime<Utc> {
        self.moment().now
    }

    /// The answer's day, in UTC.
    pub(crate) fn today(&self) -> NaiveDate {
        if let Some(notes) = &self.notes {
            notes.day();
        }
        self.instant().date_naive()
    }

    /// Notes that the answer depends on records of this type.
    pub(crate) fn touch(&self, record_type: Option<RecordType>) {
        let moment = self.moment();
        let mut touched = moment.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record_type) = record_type.filter(|record_type| !touched.contains(record_type)) {
            touched.push(record_type);
        }
    }

    /// What the answer depends on so far.
    pub(crate) fn touched(&self) -> Vec<RecordType> {
        self.moment().touched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks after records that change faster than they are read.
    pub(crate) fn rechecking(self, rechecks: Option<Rechecks>) -> Self {
        Self { rechecks, ..self }
    }

    /// Notes that the answer shows a record as its source tells it, which may be another by now.
    pub(crate) fn shows(&self, record_type: RecordType, id: Uuid, source_id: &str, external_id: Option<&str>) {
        let watches = self.rechecks.as_ref().is_some_and(|rechecks| rechecks.watches(source_id, record_type));
        let Some(external_id) = external_id.filter(|_| watches) else { return };
        let moment = self.moment();
        let mut shown = moment.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // Each field of a record notes it, one behind the other.
        if shown.last().is_none_or(|last| last.id != id) {
            let (source_id, external_id) = (source_id.to_owned(), external_id.to_owned());
            shown.push(Shown { record_type, id, source_id, external_id });
        }
    }

    /// The records that change faster than they are read, as far as the answer shows them.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        self.moment().shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes until when what the answer shows counts as confirmed, and how many records of each source do not at all:
    /// then it is given to nobody else.
    pub(crate) fn confirmed(&self, until: Option<DateTime<Utc>>, unconfirmed: BTreeMap<String, usize>) {
        if let (Some(notes), Some(until)) = (&self.notes, until) {
            notes.until(until);
        }
        if !unconfirmed.is_empty() {
            self.keep_out();
            self.moment().unconfirmed.set(unconfirmed).ok();
        }
    }

    /// How many records of each source could not be confirmed, though they should have been.
    pub(crate) fn unconfirmed(&self) -> BTreeMap<String, usize> {
        self.moment().unconfirmed.get().cloned().unwrap_or_default()
    }

    /// Notes that the answer shows the contact of this record.
    pub(crate) fn shows_contact(&self, record_type: RecordType, id: Uuid) {
        let moment = self.moment();
        let mut contacts = moment.contacts.lock().unwrap_or_else(PoisonError::into_inner);
        if !contacts.contains(&(record_type, id)) {
            contacts.push((record_type, id));
        }
    }

    /// The records whose contacts the answer shows.
    pub(crate) fn contacts(&self) -> Vec<(RecordType, Uuid)> {
        self.moment().contacts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sources, read once an answer.
    pub(crate) async fn sources(&self) -> Result<Arc<Named>> {
        let read = async || {
            // What is said of sources in an answer that is kept has a bound of its own, and is read for many at once.
            let known = self.notes.as_ref().and_then(|notes| notes.sources());
            let sources = if let Some(known) = known { known } else { self.read_sources().await? };
            Ok(Arc::new(Named::of(sources)))
        };
        self.moment().sources.get_or_init(read).await.clone()
    }

    /// The source that a record comes from.
    pub(crate) async fn source(&self, id: &str) -> Result<Arc<Freshness>> {
        let sources = self.sources().await?;
        if let Some(freshness) = sources.get(id) {
            return Ok(Arc::clone(freshness));
        }
        // It was entered after the others were read.
        let anew = self.read_sources().await?;
        let freshness = anew.get(id).ok_or(Failure::Internal("a record is without its source"))?;
        sources.note(freshness);
        Ok(Arc::clone(freshness))
    }

    /// How many records each source tells of, counted once an answer.
    pub(crate) async fn record_counts(&self) -> Result<Arc<HashMap<String, i64>>> {
        self.moment().record_counts.get_or_init(async || record_counts(self).await.map(Arc::new)).await.clone()
    }

    /// How many records of each source are set aside, counted once an answer.
    pub(crate) async fn refused_counts(&self) -> Result<Arc<HashMap<String, i64>>> {
        self.moment().refused_counts.get_or_init(async || refused_counts(self).await.map(Arc::new)).await.clone()
    }

    /// The sources, where the answer has read them.
    pub(crate) fn sources_read(&self) -> Option<Arc<Named>> {
        self.moment().sources.get()?.clone().ok()
    }

    async fn read_sources(&self) -> Result<Arc<Sources>> {
        // Not noted as a load of these tables: what an answer says of sources has marks of its own.
        Ok(Arc::new(Sources::read(&self.unwatched, self.instant()).await?))
    }
}
