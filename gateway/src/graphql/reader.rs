//! What one request reads with: the store, who asks, what time it is, and the sources, read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;
use chrono::{DateTime, NaiveDate, Utc};
use entity::vocabulary::RecordType;
use entity::{checkpoint, source};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryOrder, QuerySelect};
use tokio::sync::OnceCell;

use super::health::Freshness;
use super::language::Language;
use super::list::qualified;
use super::types::source::{record_counts, refused_counts};
use super::viewer::Viewer;
use crate::config::MatchingSettings;
use crate::error::{Failure, Result};

/// What one request reads with.
pub(crate) struct Reader {
    pub(crate) db: DatabaseConnection,
    pub(crate) viewer: Viewer,
    /// The request's instant: the same for all of its fields.
    pub(crate) now: DateTime<Utc>,
    /// The longest page of a list.
    pub(crate) longest_page: usize,
    /// The language of texts, where a field's argument does not say.
    pub(crate) language: Language,
    /// What counts for how much when offers are matched with needs.
    pub(crate) matching: Arc<MatchingSettings>,
    sources: OnceCell<Result<Arc<Sources>>>,
    record_counts: OnceCell<Result<Arc<HashMap<String, i64>>>>,
    refused_counts: OnceCell<Result<Arc<HashMap<String, i64>>>>,
    touched: Mutex<Vec<RecordType>>,
}

/// The connected systems, as they stand.
pub(crate) struct Sources {
    /// In the order of their identifiers.
    pub(crate) all: Vec<Arc<Freshness>>,
    by_id: HashMap<String, Arc<Freshness>>,
}

impl Sources {
    /// The source with this identifier.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Freshness>> {
        self.by_id.get(id)
    }
}

impl Reader {
    pub(crate) fn new(
        db: DatabaseConnection,
        viewer: Viewer,
        now: DateTime<Utc>,
        longest_page: usize,
        language: Language,
    ) -> Self {
        Self {
            db,
            viewer,
            now,
            longest_page,
            language,
            matching: Arc::default(),
            sources: OnceCell::new(),
            record_counts: OnceCell::new(),
            refused_counts: OnceCell::new(),
            touched: Mutex::default(),
        }
    }

    /// Matches by these weights.
    pub(crate) fn matching(self, settings: Arc<MatchingSettings>) -> Self {
        Self { matching: settings, ..self }
    }

    /// The request's reader.
    pub(crate) fn of<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Self>> {
        ctx.data::<Arc<Self>>().map_err(|_| Failure::Internal("a request came without its reader"))
    }

    /// The request's day, in UTC.
    pub(crate) fn today(&self) -> NaiveDate {
        self.now.date_naive()
    }

    /// Notes that the answer depends on records of this type.
    pub(crate) fn touch(&self, record_type: Option<RecordType>) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record_type) = record_type.filter(|record_type| !touched.contains(record_type)) {
            touched.push(record_type);
        }
    }

    /// What the answer depends on so far.
    pub(crate) fn touched(&self) -> Vec<RecordType> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sources, read once a request.
    pub(crate) async fn sources(&self) -> Result<Arc<Sources>> {
        self.sources.get_or_init(async || self.read_sources().await).await.clone()
    }

    /// How many records each source tells of, counted once a request.
    pub(crate) async fn record_counts(&self) -> Result<Arc<HashMap<String, i64>>> {
        self.record_counts.get_or_init(async || record_counts(self).await.map(Arc::new)).await.clone()
    }

    /// How many records of each source are set aside, counted once a request.
    pub(crate) async fn refused_counts(&self) -> Result<Arc<HashMap<String, i64>>> {
        self.refused_counts.get_or_init(async || refused_counts(self).await.map(Arc::new)).await.clone()
    }

    async fn read_sources(&self) -> Result<Arc<Sources>> {
        let mut select = source::Entity::find();
        QuerySelect::query(&mut select).left_join(
            checkpoint::Entity,
            qualified(checkpoint::Column::SourceId).equals(source::Column::Id.as_column_ref()),
        );
        let rows = select.select_also(checkpoint::Entity).order_by_asc(source::Column::Id).all(&self.db).await?;
        let mut all: Vec<Freshness> = Vec::new();
        for (source, checkpoint) in rows {
            match all.last_mut().filter(|last| last.source.id == source.id) {
                Some(last) => last.add(checkpoint),
                None => {
                    let mut freshness = Freshness::new(source, self.now);
                    freshness.add(checkpoint);
                    all.push(freshness);
                }
            }
        }
        let all: Vec<_> = all.into_iter().map(Arc::new).collect();
        let by_id = all.iter().map(|freshness| (freshness.source.id.clone(), Arc::clone(freshness))).collect();
        Ok(Arc::new(Sources { all, by_id }))
    }
}
