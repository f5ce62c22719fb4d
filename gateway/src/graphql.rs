//! The alliance's GraphQL schema, and what executes it.
//!
//! # To add a field
//! Its method on the type in `types/`, with a description. What it needs beside its own row it asks of its level
//! (`connection::below`, `connection::named`, `Member::once`): never a statement for each row. Then
//! `hub schema > gateway/schema.graphql`. Its line in `policy/table.rs` says who may read it.

pub(crate) mod beside;
mod caller;
mod conditions;
mod connection;
mod contacts;
pub(crate) mod definition;
mod documents;
mod gate;
pub(crate) mod health;
mod items;
mod kept;
mod language;
mod level;
mod limits;
pub(crate) mod list;
mod mutation;
mod page;
pub(crate) mod policy;
mod query;
pub(crate) mod rate;
mod reader;
mod recheck;
mod rows;
mod scalars;
mod search;
pub(crate) mod shape;
pub(crate) mod sources;
mod stand_in;
mod subgraph;
mod subscription;
mod suggest;
mod types;
mod validating;
mod variables;
pub(crate) mod viewer;
mod vocabulary;
pub(crate) mod webhooks;
mod wire;

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{
    Executor, Name, ObjectType, Pos, Request, Response, Schema, SchemaBuilder, ValidationMode, Value, value,
};
use chrono::SecondsFormat;
use entity::Clock;
use futures::stream::{self, BoxStream, StreamExt};
use sea_orm::DatabaseConnection;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, timeout};

pub use self::caller::Caller;
use self::definition::Definition;
pub(crate) use self::documents::Document;
pub(crate) use self::documents::{DOCUMENT_ID, Hash};
pub use self::documents::{NotTrusted, TrustedDocuments};
pub(crate) use self::gate::{Admitted, Gate};
pub use self::kept::{Answered, Answering};
pub use self::language::Language;
pub(crate) use self::limits::cost::Price;
use self::mutation::{Line, Mutation};
pub use self::mutation::{Syncs, Writes};
use self::rate::{RateLimiter, Standing};
use self::reader::Reader;
pub use self::recheck::Rechecks;
use self::shape::{Asked, Shapes};
use self::stand_in::Origin;
pub use self::stand_in::StandIn;
pub use self::subgraph::federation_sdl;
use self::subgraph::{Public, Root};
pub use self::subscription::operation_type;
use self::subscription::{Subscription, Told};
use self::types::node::Sourced;
use self::validating::Validating;
use self::viewer::Stakes;
use self::viewer::Viewer;
pub(crate) use self::viewer::Visibility;
use self::webhooks::Trials;
pub(crate) use self::wire::{Answer, was_not_executed};
use crate::audit::Trail;
use crate::cache::{Cache, Figures, Notes, SETTLE};
use crate::config::{CacheSettings, LimitSettings, MatchingSettings};
use crate::database::{Listener, Replica};
use crate::error::{Code, Failure, Refused, TOOK_TOO_LONG, left_nothing, seal, store_failed};
use crate::federation::roster::Roster;
use crate::feed::Feed;
use crate::shared::Shared;

type AllianceSchema = Schema<Root, Mutation, Subscription>;

fn schema<Q: ObjectType + 'static>(query: Q, limits: &LimitSettings) -> SchemaBuilder<Q, Mutation, Subscription> {
    let mut builder = Schema::build(query, Mutation, Subscription)
        .register_output_type::<Sourced>()
        // The gate has seen to it; the library's own measure of depth follows fragments without end.
        .limit_recursive_depth(limits::nesting(limits));
    if !limits.suggestions {
        builder = builder.disable_suggestions();
    }
    builder
}

/// The schema in GraphQL's schema definition language, as clients read it.
#[must_use]
pub fn sdl() -> String {
    schema(Public::new(), &LimitSettings::default()).finish().sdl()
}

/// Executes requests on the alliance's graph.
#[derive(Clone)]
pub struct Graph {
    /// Validates a document, and holds each of its fields to its rule.
    guarded: AllianceSchema,
    /// Executes a document that is known to be valid and to name no field that has a rule: most are, and an extension that
    /// looks at every field costs more than the fields do.
    plain: AllianceSchema,
    shapes: Arc<Shapes>,
    gate: Gate,
    rate: RateLimiter,
    db: DatabaseConnection,
    stakes: Stakes,
    clock: Clock,
    feed: Feed,
    limits: Arc<LimitSettings>,
    matching: Arc<MatchingSettings>,
    writes: Arc<Writes>,
    rechecks: Option<Rechecks>,
    line: Line,
    trail: Trail,
    cache: Option<Cache>,
    replica: Option<Replica>,
    listener: Option<Listener>,
    roster: Roster,
}

impl Graph {
    /// The partners' graphs that are set to be joined with it.
    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The store.
    pub(crate) fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// The graph of what is in this store. Its subscriptions follow `feed`.
    #[must_use]
    pub fn new(db: DatabaseConnection, clock: Clock, feed: Feed, limits: &LimitSettings) -> Self {
        let roster = Roster::default();
        let schema = |limits| schema(Root::new(), limits).data(roster.clone());
        let guarded = schema(limits).extension(policy::Policy).extension(Validating).finish();
        let plain = schema(limits).validation_mode(ValidationMode::Fast).finish();
        let definition = Arc::new(Definition::of(&guarded.sdl()));
        let limits = Arc::new(limits.clone());
        Self {
            guarded,
            plain,
            shapes: Arc::new(Shapes::of(Arc::clone(&definition))),
            gate: Gate::new(definition, Arc::clone(&limits)),
            rate: RateLimiter::new(limits.rate_per_minute, clock.clone()),
            stakes: Stakes::new(db.clone(), clock.clone()),
            trail: Trail::new(db.clone()),
            line: Line::before(&db),
            db,
            clock,
            feed,
            limits,
            matching: Arc::default(),
            writes: Arc::default(),
            rechecks: None,
            cache: None,
            replica: None,
            listener: None,
            roster,
        }
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

    /// Looks after records that change faster than their sources are read.
    #[must_use]
    pub fn rechecking(self, rechecks: Option<Rechecks>) -> Self {
        Self { rechecks, ..self }
    }

    /// Waits for what is still being told to the audit trail. Call it when nothing more will be asked.
    pub async fn close(&self) {
        self.trail.finish().await;
    }

    /// Shares persisted documents and clients' rates with the other replicas.
    #[must_use]
    pub fn sharing(self, shared: Option<Shared>) -> Self {
        Self { gate: self.gate.sharing(shared.clone()), rate: self.rate.sharing(shared), ..self }
    }

    /// Tells this listener of the statements that noting what kept answers depend on would take from it.
    #[must_use]
    pub fn telling(self, listener: Listener) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// Keeps answers, and shares them with the other replicas. The last thing to be said of a graph: what it is told
    /// after that does not keep answers of another graph from it.
    #[must_use]
    pub fn caching(self, settings: &CacheSettings, shared: Option<Shared>) -> Self {
        if !settings.answers {
            return self;
        }
        let release = env!("CARGO_PKG_VERSION");
        let sdl = self.plain.sdl();
        let digest = Sha256::digest(format!("{release} {:?} {:?} {sdl}", self.limits, self.matching));
        let fingerprint = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let listener = self.listener.clone();
        let cache = Cache::new(settings, &self.db, self.clock.clone(), shared, fingerprint, listener);
        Self { cache: Some(cache), ..self }
    }

    /// Reads queries from these, where they have come far enough. What is kept must be known: say
    /// [`caching`](Self::caching) first.
    #[must_use]
    pub(crate) fn replicated(self, replica: Option<Replica>) -> Self {
        if let (Some(cache), Some(_)) = (&self.cache, &replica) {
            cache.follow_wal();
        }
        Self { replica, ..self }
    }

    /// The same graph, which reads nothing from replicas.
    pub(crate) fn on_primary(&self) -> Self {
        Self { replica: None, ..self.clone() }
    }

    /// How the cache of answers is doing. `None`: there is none.
    #[must_use]
    pub fn figures(&self) -> Option<Figures> {
        self.cache.as_ref().map(Cache::figures)
    }

    /// Knows these documents by their names.
    #[must_use]
    pub fn trusting(self, trusted: TrustedDocuments) -> Self {
        Self { gate: self.gate.trusting(trusted), ..self }
    }

    /// Lets a request through, whatever way it came in, or answers it with why not; and how its client stands.
    async fn admit(
        &self,
        caller: &Caller,
        request: Request,
    ) -> (Option<Standing>, std::result::Result<Admitted, Response>) {
        let standing = self.rate.take(caller).await;
        if let Some(standing) = standing.filter(|standing| !standing.is_granted) {
            return (Some(standing), Err(standing.refused().into()));
        }
        (standing, self.gate.admit(caller, request).await.map_err(Response::from))
    }

    /// What an admitted request reads with, and what it asks for; or why nothing of it is answered.
    async fn begin(
        &self,
        caller: &Caller,
        standing: Option<Standing>,
        admitted: &Admitted,
        notes: Option<&Arc<Notes>>,
        origin: &Origin,
    ) -> std::result::Result<(Arc<Reader>, Asked), Response> {
        let Admitted { request, document, price, .. } = admitted;
        let viewer =
            self.stakes.viewer_from(origin.identities(&self.db), caller.identity.clone()).await.map_err(refused)?;
        let operation = request.operation_name.as_deref();
        if let Some(refusal) = policy::refuse_whole(&document.parsed, operation, &viewer) {
            return Err(refusal);
        }
        let reader = self.reader(origin.db(&self.db), viewer, caller, standing, price);
        let asked = Asked::new(Arc::clone(document), request.operation_name.clone(), request.variables.clone());
        Ok((Arc::new(reader.noting(notes)), asked))
    }

    fn reader(
        &self,
        db: &DatabaseConnection,
        viewer: Viewer,
        caller: &Caller,
        standing: Option<Standing>,
        price: &Price,
    ) -> Reader {
        Reader::new(db.clone(), viewer, self.clock.clone(), self.limits.page_size, caller.language)
            .matching(Arc::clone(&self.matching))
            .acting(caller.actor())
            .charged(standing, price.estimate)
            .rechecking(self.rechecks.clone())
    }

    /// Executes what was admitted. Also gives what it was read with, where it was executed to its end; `notes` are then
    /// what the answer depends on.
    async fn compute(
        &self,
        caller: &Caller,
        standing: Option<Standing>,
        admitted: Admitted,
        notes: Option<&Arc<Notes>>,
    ) -> (Response, Option<Arc<Reader>>) {
        let mut origin = match self.origin(admitted.operation_type).await {
            Ok(origin) => origin,
            Err(refusal) => return (refusal, None),
        };
        self.listen(notes, &origin);
        let (mut reader, asked) = match self.begin(caller, standing, &admitted, notes, &origin).await {
            Ok(begun) => begun,
            Err(refusal) => return (refusal, None),
        };
        let Admitted { request, document, price, operation_type } = admitted;
        let schema = if document.is_valid() && !document.is_guarded { &self.plain } else { &self.guarded };
        let executed = |reader: &Arc<Reader>, request: Request| {
            let request = request.data(Arc::clone(reader)).data(Arc::clone(&document));
            schema.execute(request.data(Arc::clone(&self.writes)).data(self.line.clone()).data(Trials(self.clone())))
        };
        let from_store = |before: &Reader| {
            self.listen(notes, &Origin::Store);
            Arc::new(self.reader(&self.db, before.viewer.clone(), caller, standing, &price).noting(notes))
        };
        let response = if operation_type == OperationType::Mutation {
            // Nobody should have to guess whether something was written. The database bounds each of its statements.
            let response = executed(&reader, request).await;
            // Until no replica gives what it kept from before.
            sleep(SETTLE).await;
            response
        } else {
            // What is given up here ends in the database by its own bound: see `database::connect_for_queries`.
            let (began, longest) = (Instant::now(), self.limits.execution());
            let mut response = timeout(origin.patience(longest), executed(&reader, request)).await.ok();
            if let (Origin::Replica { .. }, true) = (&origin, response.as_ref().is_none_or(store_failed)) {
                if !self.give_up(std::mem::replace(&mut origin, Origin::Store)) {
                    return (refused(Failure::Unavailable), None);
                }
                // All of it anew, in what is left of the time.
                reader = from_store(&reader);
                let left = longest.saturating_sub(began.elapsed());
                response = timeout(left, executed(&reader, asked.request())).await.ok();
            }
            let Some(response) = response else {
                let refused = Refused::new(Code::Timeout, TOOK_TOO_LONG).with("limit", "execution_ms");
                return (refused.with("maximum", self.limits.execution_ms).into(), None);
            };
            response
        };
        if let Some(refused) = left_nothing(&response) {
            return (refused.into(), None);
        }
        if !document.is_valid() {
            return (response, None);
        }
        let away_for = origin.away_for();
        if away_for.is_some() && !reader.contacts().is_empty() {
            // Who reads a contact is written down first.
            return (refused(Failure::Unavailable), None);
        }
        let response = match &self.rechecks {
            Some(rechecks) if operation_type == OperationType::Query && away_for.is_none() => {
                let looked = rechecks.look(&reader).await;
                let mut response = response;
                if looked.changed {
                    // All of it as it is now: half of an answer from before would not fit the other.
                    reader = from_store(&reader);
                    if let Ok(now) = timeout(self.limits.execution(), executed(&reader, asked.request())).await {
                        response = now;
                    }
                }
                reader.confirmed(looked.until, looked.unconfirmed);
                response
            }
            _ => response,
        };
        self.gate.keep(&document);
        let mut response = self.finish(&reader, &asked, response).await;
        if let Some(away_for) = away_for {
            stand_in::tell(&mut response.http_headers, "fwd=miss", away_for);
        }
        origin.end();
        let cost = value!({
            "estimated": price.estimate, "actual": price.actual(&response.data), "maximum": self.limits.cost,
        });
        (response.extension("cost", cost), Some(reader))
    }

    /// Tells of the contacts that an answer shows, puts it in shape and says how fresh it is.
    async fn finish(&self, reader: &Reader, asked: &Asked, mut response: Response) -> Response {
        contacts::tell(&self.trail, &self.writes.register, reader).await;
        self.shapes.apply(asked, &mut response);
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
    async fn execute(&self, request: Request) -> Response {
        let caller = Caller::of(&request);
        let (standing, admitted) = self.admit(&caller, request).await;
        let mut response = match admitted {
            Ok(admitted) => self.compute(&caller, standing, admitted, None).await.0,
            Err(refusal) => refusal,
        };
        if let Some(standing) = standing {
            standing.tell(&mut response.http_headers);
        }
        seal(&mut response, caller.request_id.as_deref());
        response
    }

    fn execute_stream(&self, request: Request, _: Option<Arc<async_graphql::Data>>) -> BoxStream<'static, Response> {
        let graph = self.clone();
        let caller = Caller::of(&request);
        let request_id = caller.request_id.clone();
        let responses = async move {
            let (standing, admitted) = graph.admit(&caller, request).await;
            match admitted {
                Ok(admitted) if admitted.operation_type == OperationType::Subscription => {
                    Told::by(graph, caller, standing, admitted).await
                }
                Ok(admitted) => stream::iter([graph.compute(&caller, standing, admitted, None).await.0]).boxed(),
                Err(refusal) => stream::iter([refusal]).boxed(),
            }
        };
        let sealed = stream::once(responses).flatten().map(move |mut response| {
            seal(&mut response, request_id.as_deref());
            response
        });
        sealed.boxed()
    }
}

/// The answer to a request that cannot be executed.
pub(crate) fn refused(failure: Failure) -> Response {
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
        .behind(&touched)
        .map(|source| {
            let succeeded = source.source.last_succeeded_at;
            value!({
                "id": source.source.id.clone(),
                "health": async_graphql::resolver_utils::enum_value(source.health),
                "lastSucceededAt": succeeded.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            })
        })
        .collect();
    let unconfirmed = reader.unconfirmed();
    let complete = behind.is_empty() && unconfirmed.is_empty();
    let mut freshness = value!({ "complete": complete, "sources": behind });
    if let (Value::Object(fields), false) = (&mut freshness, unconfirmed.is_empty()) {
        let unconfirmed = unconfirmed.into_iter().map(|(id, records)| value!({ "id": id, "records": records }));
        fields.insert(Name::new("unconfirmed"), Value::List(unconfirmed.collect()));
    }
    Some(freshness)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_what_the_code_serves() {
        let committed = include_str!("../schema.graphql");
        assert!(committed.trim_end() == super::sdl().trim_end(), "run `hub schema > gateway/schema.graphql`");
    }
}
