//! Federation: partners' graphs joined with the hub's own at one address. A document that is about the hub's own fields
//! alone is answered as if there were no others; any other is planned, asked for piece by piece, and put together.
//!
//! What clients are promised holds for the whole graph: limits, validation, variables, introspection, null. What a partner
//! fails to tell is null where it may be, with an error that names it.

mod asks;
mod compose;
mod entities;
mod execute;
mod guards;
mod introspect;
mod joining;
mod live;
mod memory;
mod partner;
mod plan;
mod prepare;
mod project;
mod roots;
pub(crate) mod roster;
mod subscription;
mod supergraph;
mod trial;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, Request, Response, Value, value};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::timeout;

use self::asks::{Asks, joined, named};
use self::entities::Entities;
use self::live::Live;
use self::prepare::Prepared;
pub use self::supergraph::NotTaken;
use crate::config::FederationSettings;
use crate::error::{Code, Refused, TOOK_TOO_LONG, seal};
use crate::graphql::{Answered, Answering, Caller, Graph, operation_type};
use crate::telemetry::{Metrics, executing};

/// Answers requests over the hub's graph and its partners'. Cheap to clone.
#[derive(Clone)]
pub struct Federation(Arc<Inner>);

struct Inner {
    graph: Graph,
    settings: FederationSettings,
    metrics: Metrics,
    /// What partners have told of entities, whatever supergraph is live.
    entities: Entities,
    live: RwLock<Option<Arc<Live>>>,
}

impl Federation {
    /// The hub's own graph, joined with nobody's yet. What partners are asked is counted there.
    #[must_use]
    pub fn of(graph: Graph, settings: &FederationSettings, metrics: &Metrics) -> Self {
        let (settings, metrics) = (settings.clone(), metrics.clone());
        let entities = Entities::new(settings.entity_cache_bytes);
        Self(Arc::new(Inner { graph, settings, metrics, entities, live: RwLock::default() }))
    }

    fn live(&self) -> Option<Arc<Live>> {
        self.0.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The supergraph that a request needs. `None`: the hub's own graph is enough.
    async fn needed(&self, request: &Request) -> Option<Arc<Live>> {
        let live = self.live()?;
        let supergraph = &live.supergraph;
        if supergraph.has_hub() {
            let known = self.0.graph.own_gate().known(request);
            let is_own = match known.and_then(|hash| supergraph.is_known_as_own(&hash)) {
                Some(is_own) => is_own,
                None => match supergraph.gate.find(request).await {
                    Ok(document) => supergraph.is_own(document.hash(), &document.parsed),
                    // What cannot be found here is refused there, in the same words.
                    Err(_) => true,
                },
            };
            if is_own {
                return None;
            }
        }
        Some(live)
    }

    /// Answers a request that needs more than the hub's own graph.
    async fn whole(&self, live: &Live, request: Request) -> Response {
        let caller = Caller::of(&request);
        let standing = self.0.graph.standing(&caller).await;
        let mut response = match standing.filter(|standing| !standing.is_granted) {
            Some(standing) => standing.refused().into(),
            None => match self.executed(live, &caller, request).await {
                Ok(response) | Err(response) => response,
            },
        };
        if let Some(standing) = standing {
            standing.tell(&mut response.http_headers);
        }
        seal(&mut response, caller.request_id.as_deref());
        response
    }

    /// Executes a request. What keeps it from being executed is an error.
    async fn executed(&self, live: &Live, caller: &Caller, request: Request) -> Result<Response, Response> {
        let graph = &self.0.graph;
        let prepared = self.prepare(live, caller, request).await?;
        if prepared.operation_type == OperationType::Subscription {
            let message = "A subscription is answered with a stream: by WebSocket, or as server-sent events.";
            return Err(Refused::new(Code::BadRequest, message).into());
        }
        // Who changes something asks for what is there then.
        let kept = (prepared.operation_type == OperationType::Query).then_some(&self.0.entities);
        let asks = Asks { live, caller, graph, kept, freshness: Mutex::default() };
        let nothing = (Value::Object(IndexMap::new()), Vec::new());
        let definition = &live.supergraph.definition;
        let executing = execute::execute(&prepared.plan.0, nothing, definition, &prepared.variables, &asks);
        let executed = if prepared.operation_type == OperationType::Mutation {
            // Nobody should have to guess whether something was written. Each subgraph has its own time.
            executing.await
        } else {
            timeout(graph.limits().execution(), executing).await.map_err(|_| took_too_long(graph))?
        };
        let (data, errors) = prepared.projected(live, executed);
        let cost = value!({
            "estimated": prepared.price.estimate,
            "actual": prepared.price.actual(&data),
            "maximum": graph.limits().cost,
        });
        let mut response = Response::new(data).extension("cost", cost);
        response.errors = errors;
        if prepared.shows_plan {
            response = response.extension("queryPlan", plan::shown(&prepared.plan.0));
        }
        let freshness = asks.freshness.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(match joined(freshness) {
            Some(freshness) => response.extension("freshness", freshness),
            None => response,
        })
    }
}

impl Executor for Federation {
    async fn execute(&self, request: Request) -> Response {
        match self.needed(&request).await {
            Some(live) => self.whole(&live, request).await,
            None => self.0.graph.execute(request).await,
        }
    }

    fn execute_stream(&self, mut request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let federation = self.clone();
        let responses = async move {
            match federation.needed(&request).await {
                Some(live) if operation_type(&mut request) == Some(OperationType::Subscription) => {
                    federation.events(live, request).await
                }
                Some(live) => stream::iter([federation.whole(&live, request).await]).boxed(),
                None => federation.0.graph.execute_stream(request, session),
            }
        };
        stream::once(responses).flatten().boxed()
    }
}

impl Answering for Federation {
    async fn answer(&self, request: Request) -> Answered {
        match self.needed(&request).await {
            Some(live) => Answered::Response(executing(self.whole(&live, request)).await),
            None => self.0.graph.answer(request).await,
        }
    }
}

fn took_too_long(graph: &Graph) -> Response {
    let refused = Refused::new(Code::Timeout, TOOK_TOO_LONG).with("limit", "execution_ms");
    refused.with("maximum", graph.limits().execution_ms).into()
}
