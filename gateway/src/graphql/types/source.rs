//! Sources, their runs, and what they could not deliver.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use chrono::{DateTime, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{SourceKind, SyncMode, SyncStatus};
use entity::{claim, refusal, sync_run};
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};

use crate::auth::scope;
use crate::error::{Failure, Result};
use crate::graphql::connection::{connection, root};
use crate::graphql::health::{Freshness, SourceHealth};
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::policy::{authenticated, one, requires_scopes};
use crate::graphql::reader::Reader;
use crate::graphql::vocabulary::Term;

/// A connected system.
#[derive(Clone)]
pub(crate) struct Source(pub(crate) Arc<Freshness>);

/// A connected system.
#[Object]
impl Source {
    /// Its identifier in the hub's configuration.
    async fn id(&self) -> &str {
        &self.0.source.id
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.source.name
    }

    /// The connector that speaks to it.
    async fn connector(&self) -> &str {
        &self.0.source.connector
    }

    /// What kind of system it is.
    async fn kind(&self) -> Term<SourceKind> {
        Term(self.0.source.kind)
    }

    /// How it is.
    async fn health(&self) -> SourceHealth {
        self.0.health
    }

    /// When all it has to say was last read; null: never.
    async fn last_succeeded_at(&self) -> Option<DateTime<Utc>> {
        self.0.source.last_succeeded_at
    }

    /// When it is read next; null: at once, or not by itself.
    async fn next_run_at(&self) -> Option<DateTime<Utc>> {
        self.0.source.next_run_at
    }

    /// How many records it tells of.
    async fn record_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let counts = Reader::of(ctx)?.record_counts().await?;
        Ok(counts.get(&self.0.source.id).copied().unwrap_or(0))
    }

    /// How many of its records could not be taken.
    async fn refused_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let counts = Reader::of(ctx)?.refused_counts().await?;
        Ok(counts.get(&self.0.source.id).copied().unwrap_or(0))
    }

    /// When it was read and what came of it, the latest first. Scope sync:read; null without it.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::SYNC_READ)))]
    async fn runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> Result<Option<SyncRunConnection>> {
        let reader = Reader::of(ctx)?;
        let sort = Sort::by("STARTED_AT", sync_run::Column::StartedAt, SortKind::Instant, true);
        let window = PageArguments::forward(first, after).window(&sort.label(), reader.longest_page)?;
        let of_source = Condition::all().add(qualified(sync_run::Column::SourceId).eq(self.0.source.id.as_str()));
        let list = List::new(String::new(), of_source, sort, window);
        root(ctx, list).await.map(|runs| Some(SyncRunConnection(runs)))
    }

    /// Records that could not be taken, with why, the latest first. Scope sync:read; null without it.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::SYNC_READ)))]
    async fn refusals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> Result<Option<RefusalConnection>> {
        let reader = Reader::of(ctx)?;
        let sort = Sort::by("LAST_SEEN_AT", refusal::Column::LastSeenAt, SortKind::Instant, true);
        let window = PageArguments::forward(first, after).window(&sort.label(), reader.longest_page)?;
        let of_source = Condition::all().add(qualified(refusal::Column::SourceId).eq(self.0.source.id.as_str()));
        let list = List::new(String::new(), of_source, sort, window);
        root(ctx, list).await.map(|refusals| Some(RefusalConnection(refusals)))
    }
}

/// How many live claims each source makes.
pub(crate) async fn record_counts(reader: &Reader) -> Result<HashMap<String, i64>> {
    let rows: Vec<(String, i64)> = claim::Entity::find()
        .select_only()
        .column(claim::Column::SourceId)
        .column_as(qualified(claim::Column::Id).count(), "count")
        .filter(qualified(claim::Column::DeletedAt).is_null())
        .group_by(claim::Column::SourceId)
        .into_tuple()
        .all(&reader.db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// How many records of each source are set aside.
pub(crate) async fn refused_counts(reader: &Reader) -> Result<HashMap<String, i64>> {
    let rows: Vec<(String, i64)> = refusal::Entity::find()
        .select_only()
        .column(refusal::Column::SourceId)
        .column_as(qualified(refusal::Column::Id).count(), "count")
        .group_by(refusal::Column::SourceId)
        .into_tuple()
        .all(&reader.db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// One reading of a source.
#[derive(Clone)]
pub(crate) struct SyncRun(pub(crate) Member<sync_run::Model>);

/// One reading of a source.
#[Object(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::SYNC_READ)))]
impl SyncRun {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::SyncRun, self.0.id).to_string().into()
    }

    /// The source.
    async fn source(&self, ctx: &Context<'_>) -> Result<Source> {
        let sources = Reader::of(ctx)?.sources().await?;
        let source = sources.get(&self.0.source_id).cloned();
        source.map(Source).ok_or(Failure::Internal("a run is without its source"))
    }

    /// How it ended, or that it runs.
    async fn status(&self) -> Term<SyncStatus> {
        Term(self.0.status)
    }

    /// Whether all was read, or only what had changed.
    async fn mode(&self) -> Term<SyncMode> {
        Term(self.0.mode)
    }

    /// When it began.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// When it ended; null: it runs.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// Records read.
    async fn read(&self) -> i32 {
        self.0.read
    }

    /// Records that were new.
    async fn created(&self) -> i32 {
        self.0.created
    }

    /// Records that had changed.
    async fn updated(&self) -> i32 {
        self.0.updated
    }

    /// Records that were as they had been.
    async fn unchanged(&self) -> i32 {
        self.0.unchanged
    }

    /// Records that were gone.
    async fn deleted(&self) -> i32 {
        self.0.deleted
    }

    /// Records that could not be taken.
    async fn refused(&self) -> i32 {
        self.0.refused
    }

    /// Why it did not succeed, in a sentence for the operator; null where it did.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
}

connection! {
    /// A page of runs.
    SyncRunConnection, SyncRunEdge, SyncRun, sync_run::Model
}

/// A record that could not be taken.
#[derive(Clone)]
pub(crate) struct Refusal(pub(crate) Member<refusal::Model>);

/// A record that could not be taken.
#[Object(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::SYNC_READ)))]
impl Refusal {
    /// Identifies the refusal among the source's.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The stream it came in.
    async fn stream(&self) -> &str {
        &self.0.stream
    }

    /// The record's identifier in the source, where it has one.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// What is wrong with it, a sentence each.
    async fn reasons(&self) -> &[String] {
        &self.0.reasons.0
    }

    /// When it was first refused; where it came to wait for another record since, when it did.
    async fn first_seen_at(&self) -> DateTime<Utc> {
        self.0.first_seen_at
    }

    /// When it was last refused.
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.0.last_seen_at
    }

    /// The record as the source gave it, without contact details; null where it was too large to keep.
    async fn payload(&self) -> Option<&str> {
        self.0.payload.as_deref()
    }
}

connection! {
    /// A page of records that could not be taken.
    RefusalConnection, RefusalEdge, Refusal, refusal::Model
}
