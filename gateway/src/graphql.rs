//! The alliance's GraphQL schema, and what executes it.
//!
//! # To add a field
//! Its method on the type in `types/`, with a description. What it needs beside its own row it asks of its level
//! (`connection::below`, `connection::named`, `Member::once`): never a statement for each row. Then
//! `hub schema > gateway/schema.graphql`. Its line in `policy/table.rs` says who may read it.

mod caller;
mod conditions;
mod connection;
mod health;
mod language;
mod level;
mod list;
mod page;
mod policy;
mod query;
mod reader;
mod rows;
mod scalars;
mod search;
mod shape;
mod suggest;
mod types;
mod viewer;
mod vocabulary;

use std::sync::Arc;

use async_graphql::{
    EmptyMutation, EmptySubscription, Executor, Pos, Request, Response, Schema, SchemaBuilder, Value, value,
};
use chrono::SecondsFormat;
use entity::Clock;
use futures::stream::{self, BoxStream, StreamExt};
use sea_orm::DatabaseConnection;

pub use self::caller::Caller;
use self::health::SourceHealth;
pub use self::language::Language;
use self::query::Query;
use self::reader::Reader;
use self::shape::{Asked, Shapes};
use self::types::node::Sourced;
use self::viewer::{Stakes, Viewer};
use crate::config::{LimitSettings, MatchingSettings};
use crate::error::Failure;

type AllianceSchema = Schema<Query, EmptyMutation, EmptySubscription>;

fn schema(limits: &LimitSettings) -> SchemaBuilder<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query, EmptyMutation, EmptySubscription)
        .register_output_type::<Sourced>()
        .limit_depth(limits.depth)
        .limit_complexity(limits.cost)
}

/// The schema in GraphQL's schema definition language.
#[must_use]
pub fn sdl() -> String {
    schema(&LimitSettings::default()).finish().sdl()
}

/// Executes requests on the alliance's graph.
#[derive(Clone)]
pub struct Graph {
    schema: AllianceSchema,
    shapes: Arc<Shapes>,
    db: DatabaseConnection,
    stakes: Stakes,
    clock: Clock,
    longest_page: usize,
    matching: Arc<MatchingSettings>,
}

impl Graph {
    /// The graph of what is in this store.
    #[must_use]
    pub fn new(db: DatabaseConnection, clock: Clock, limits: &LimitSettings) -> Self {
        let schema = schema(limits).extension(policy::Policy).finish();
        let shapes = Arc::new(Shapes::of(&schema.sdl()));
        let stakes = Stakes::new(db.clone(), clock.clone());
        Self { schema, shapes, db, stakes, clock, longest_page: limits.page_size, matching: Arc::default() }
    }

    /// The graph that matches offers with needs by these weights.
    #[must_use]
    pub fn matching(self, settings: &MatchingSettings) -> Self {
        Self { matching: Arc::new(settings.clone()), ..self }
    }
}

impl Graph {
    fn reader(&self, viewer: Viewer, language: Language) -> Reader {
        let reader = Reader::new(self.db.clone(), viewer, self.clock.now(), self.longest_page, language);
        reader.matching(Arc::clone(&self.matching))
    }
}

impl Executor for Graph {
    async fn execute(&self, mut request: Request) -> Response {
        let caller = Caller::of(&request);
        let viewer = match self.stakes.viewer(caller.identity).await {
            Ok(viewer) => viewer,
            Err(failure) => return refused(failure),
        };
        // Parsed once: the schema finds the document in the request.
        let document = request.parsed_query().ok().cloned();
        let operation = request.operation_name.as_deref();
        if let Some(refusal) = document.as_ref().and_then(|all| policy::refuse_whole(all, operation, &viewer)) {
            return refusal;
        }
        let reader = Arc::new(self.reader(viewer, caller.language));
        let asked =
            document.map(|document| Asked::new(document, request.operation_name.clone(), request.variables.clone()));
        let mut response = self.schema.execute(request.data(Arc::clone(&reader))).await;
        if let Some(asked) = asked {
            self.shapes.apply(&asked, &mut response);
        }
        match freshness(&reader).await {
            Some(freshness) => response.extension("freshness", freshness),
            None => response,
        }
    }

    fn execute_stream(&self, request: Request, _: Option<Arc<async_graphql::Data>>) -> BoxStream<'static, Response> {
        let graph = self.clone();
        stream::once(async move { graph.execute(request).await }).boxed()
    }
}

/// The answer to a request that cannot be executed.
fn refused(failure: Failure) -> Response {
    let mut error = async_graphql::Error::from(failure).into_server_error(Pos::default());
    error.locations.clear();
    Response::from_errors(vec![error])
}

/// The sources that the answer depends on and that are late or failing, so that a reader knows whether a count is whole.
/// `None` where the answer depends on no source.
async fn freshness(reader: &Reader) -> Option<Value> {
    let touched = reader.touched();
    if touched.is_empty() {
        return None;
    }
    let sources = reader.sources().await.ok()?;
    let behind: Vec<Value> = sources
        .all
        .iter()
        .filter(|source| touched.iter().any(|record_type| source.gives(*record_type)))
        .filter(|source| !matches!(source.health, SourceHealth::Healthy | SourceHealth::Disabled))
        .map(|source| {
            let succeeded = source.source.last_succeeded_at;
            value!({
                "id": source.source.id.clone(),
                "health": async_graphql::resolver_utils::enum_value(source.health),
                "lastSucceededAt": succeeded.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            })
        })
        .collect();
    Some(value!({ "complete": behind.is_empty(), "sources": behind }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_what_the_code_serves() {
        let committed = include_str!("../schema.graphql");
        assert!(committed.trim_end() == super::sdl().trim_end(), "run `hub schema > gateway/schema.graphql`");
    }
}
