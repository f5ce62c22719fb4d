//! The connected systems as they stand, read in one statement, and what answers say of them, as a number: an answer that
//! was made of the same facts has the same.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use entity::vocabulary::RecordType;
use entity::{Code, checkpoint, source};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryOrder, QuerySelect};

use super::health::{Freshness, SourceHealth};
use super::list::qualified;

/// The connected systems, as they stand at an instant.
pub(crate) struct Sources {
    /// In the order of their identifiers.
    pub(crate) all: Vec<Arc<Freshness>>,
    by_id: HashMap<String, Arc<Freshness>>,
}

/// The sources that one answer is made with.
pub(crate) struct Named {
    sources: Arc<Sources>,
    /// Those that it named, each with its mark.
    marks: Mutex<BTreeMap<String, u64>>,
}

impl Sources {
    /// Reads them, as they are at `now`.
    pub(crate) async fn read(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<Self, DbErr> {
        let mut select = source::Entity::find();
        QuerySelect::query(&mut select).left_join(
            checkpoint::Entity,
            qualified(checkpoint::Column::SourceId).equals(source::Column::Id.as_column_ref()),
        );
        let rows = select.select_also(checkpoint::Entity).order_by_asc(source::Column::Id);
        let rows = rows.order_by_asc(qualified(checkpoint::Column::Stream)).all(db).await?;
        let mut all: Vec<Freshness> = Vec::new();
        for (source, checkpoint) in rows {
            match all.last_mut().filter(|last| last.source.id == source.id) {
                Some(last) => last.add(checkpoint),
                None => {
                    let mut freshness = Freshness::new(source, now);
                    freshness.add(checkpoint);
                    all.push(freshness);
                }
            }
        }
        let all: Vec<_> = all.into_iter().map(Arc::new).collect();
        let by_id = all.iter().map(|freshness| (freshness.source.id.clone(), Arc::clone(freshness))).collect();
        Ok(Self { all, by_id })
    }

    /// The source with this identifier.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Freshness>> {
        self.by_id.get(id)
    }

    /// The mark of what an answer may say of a source. `None`: there is none of this identifier.
    pub(crate) fn mark(&self, id: &str) -> Option<u64> {
        self.by_id.get(id).map(|freshness| freshness.mark())
    }

    /// The sources that give records of these types and are late or failing.
    pub(crate) fn behind(&self, types: &[RecordType]) -> impl Iterator<Item = &Arc<Freshness>> {
        let gives = |freshness: &Freshness| types.iter().any(|record_type| freshness.gives(*record_type));
        self.all.iter().filter(move |freshness| {
            !matches!(freshness.health, SourceHealth::Healthy | SourceHealth::Disabled) && gives(freshness)
        })
    }

    /// The mark of what an answer says of those sources.
    pub(crate) fn mark_behind(&self, types: &[RecordType]) -> u64 {
        let mut hasher = DefaultHasher::new();
        for freshness in self.behind(types) {
            let source = &freshness.source;
            (&source.id, freshness.health.word(), source.last_succeeded_at).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The mark of what an answer says that depends on no source.
    pub(crate) fn mark_of_none() -> u64 {
        DefaultHasher::new().finish()
    }

    /// The mark of all that is known of all sources.
    pub(crate) fn mark_all(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.all.iter().for_each(|freshness| (&freshness.source.id, freshness.mark()).hash(&mut hasher));
        hasher.finish()
    }
}

impl Named {
    /// Nothing is named yet.
    pub(crate) fn of(sources: Arc<Sources>) -> Self {
        Self { sources, marks: Mutex::default() }
    }

    /// The source with this identifier. Notes that the answer names it.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Freshness>> {
        let freshness = self.sources.by_id.get(id)?;
        self.note(freshness);
        Some(freshness)
    }

    /// Notes that the answer names this source.
    pub(crate) fn note(&self, freshness: &Freshness) {
        let id = &freshness.source.id;
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if !marks.contains_key(id) {
            marks.insert(id.clone(), freshness.mark());
        }
    }

    /// The sources that the answer named, each with its mark.
    pub(crate) fn marks(&self) -> BTreeMap<String, u64> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Deref for Named {
    type Target = Sources;

    fn deref(&self) -> &Sources {
        &self.sources
    }
}

impl Freshness {
    /// The mark of all that an answer may say of the source, but for what is counted.
    fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let source = &self.source;
        (&source.name, &source.connector, source.kind.code(), source.enabled).hash(&mut hasher);
        (source.last_succeeded_at, source.next_run_at).hash(&mut hasher);
        (source.last_status.map(Code::code), self.health.word(), self.is_stale).hash(&mut hasher);
        self.streams.hash(&mut hasher);
        hasher.finish()
    }
}
