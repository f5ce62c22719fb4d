//! The alliance's GraphQL schema, and what executes it.
//!
//! # To add a field
//! Its method on the type in `types/`, with a description. What it needs beside its own row it asks of its level
//! (`connection::below`, `connection::named`, `Member::once`): never a statement for each row. Then
//! `hub schema > gateway/schema.graphql`. Its line in `policy/table.rs` says who may read it.

mod caller;
mod conditions;
mod connection;
mod contacts;
pub(crate) mod health;
mod language;
mod level;
mod list;
mod mutation;
mod page;
mod policy;
mod query;
mod reader;
mod rows;
mod scalars;
mod search;
mod shape;
mod subscription;
mod suggest;
mod types;
mod viewer;
mod vocabulary;

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Pos, Request, Response, Schema, SchemaBuilder, Value, value};
use chrono::SecondsFormat;
use entity::Clock;
use futures::stream::{self, BoxStream, StreamExt};
use sea_orm::DatabaseConnection;

pub use self::caller::Caller;
use self::health::SourceHealth;
pub use self::language::Language;
use self::mutation::{Line, Mutation};
pub use self::mutation::{Syncs, Writes};
use self::query::Query;
use self::reader::Reader;
use self::shape::{Asked, Shapes};
pub use self::subscription::operation_type;
use self::subscription::{Subscription, Told};
use self::types::node::Sourced;
use self::viewer::Stakes;
use crate::audit::Trail;
use crate::config::{LimitSettings, MatchingSettings};
use crate::error::Failure;
use crate::feed::Feed;

type AllianceSchema = Schema<Query, Mutation, Subscription>;

fn schema(limits: &LimitSettings) -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation, Subscription)
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
    feed: Feed,
    longest_page: usize,
    matching: Arc<MatchingSettings>,
    writes: Arc<Writes>,
    line: Line,
    trail: Trail,
}

impl Graph {
    /// The graph of what is in this store. Its subscriptions follow `feed`.
    #[must_use]
    pub fn new(db: DatabaseConnection, clock: Clock, feed: Feed, limits: &LimitSettings) -> Self {
        let schema = schema(limits).extension(policy::Policy).finish();
        let shapes = Arc::new(Shapes::of(&schema.sdl()));
        let stakes = Stakes::new(db.clone(), clock.clone());
        let (matching, writes, line, trail) = (Arc::default(), Arc::default(), Line::default(), Trail::new(db.clone()));
        let longest_page = limits.page_size;
        Self { schema, shapes, db, stakes, clock, feed, longest_page, matching, writes, line, trail }
    }

    /// The graph that matches offers with needs by these weights.
    #[must_use]
    pub fn matching(self, settings: &MatchingSettings) -> Self {
        Self { matching: Arc::new(settings.clone()), ..self }
    }

    /// Writes in this way.
    #[must_use]
    pub fn writing(self, writes: Writes) -> Self {
        Self { writes: Arc::new(writes), ..self }
    }

    /// Waits for what is still being told to the audit trail. Call it when nothing more will be asked.
    pub async fn close(&self) {
        self.trail.finish().await;
    }

    /// What the request reads with, and what it asks for; or why nothing of it is answered.
    async fn begin(&self, request: &mut Request) -> std::result::Result<(Arc<Reader>, Option<Asked>), Response> {
        let caller = Caller::of(request);
        let actor = caller.actor();
        let viewer = self.stakes.viewer(caller.identity).await.map_err(refused)?;
        // Parsed once: the schema finds the document in the request.
        let document = request.parsed_query().ok().cloned();
        let operation = request.operation_name.as_deref();
        if let Some(refusal) = document.as_ref().and_then(|all| policy::refuse_whole(all, operation, &viewer)) {
            return Err(refusal);
        }
        let reader = Reader::new(self.db.clone(), viewer, self.clock.clone(), self.longest_page, caller.language)
            .matching(Arc::clone(&self.matching));
        let asked =
            document.map(|document| Asked::new(document, request.operation_name.clone(), request.variables.clone()));
        Ok((Arc::new(reader.acting(actor)), asked))
    }

    /// Tells of the contacts that an answer shows, puts it in shape and says how fresh it is.
    async fn finish(&self, reader: &Reader, asked: Option<&Asked>, mut response: Response) -> Response {
        contacts::tell(&self.trail, &self.writes.register, reader).await;
        if let Some(asked) = asked {
            self.shapes.apply(asked, &mut response);
        }
        if let Some(cursor) = reader.cursor() {
            response = response.extension("cursor", cursor.into());
        }
        match freshness(reader).await {
            Some(freshness) => response.extension("freshness", freshness),
            None => response,
        }
    }
}

impl Executor for Graph {
    async fn execute(&self, mut request: Request) -> Response {
        match self.begin(&mut request).await {
            Ok((reader, asked)) => {
                let request = request.data(Arc::clone(&reader)).data(Arc::clone(&self.writes)).data(self.line.clone());
                let response = self.schema.execute(request).await;
                self.finish(&reader, asked.as_ref(), response).await
            }
            Err(refusal) => refusal,
        }
    }

    fn execute_stream(
        &self,
        mut request: Request,
        _: Option<Arc<async_graphql::Data>>,
    ) -> BoxStream<'static, Response> {
        let graph = self.clone();
        match operation_type(&mut request) {
            Some(OperationType::Subscription) => Told::by(graph, request),
            _ => stream::once(async move { graph.execute(request).await }).boxed(),
        }
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
