//! Federation: partners' graphs joined with the hub's own at one address. A document that is about the hub's own fields
//! alone is answered as if there were no others; any other is planned, asked for piece by piece, and put together.
//!
//! What clients are promised holds for the whole graph: limits, validation, variables, introspection, null. What a partner
//! fails to tell is null where it may be, with an error that names it.

mod compose;
mod entities;
mod execute;
mod guards;
mod introspect;
mod joining;
mod memory;
mod partner;
mod plan;
mod project;
pub(crate) mod roster;
mod subscription;
mod supergraph;
mod trial;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{OperationDefinition, OperationType};
use async_graphql::{Data, Executor, Request, Response, ServerError, Value, Variables, value};
use connectors::api::{self, Subgraph};
use connectors::settings::SubgraphSettings;
use entity::Clock;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::timeout;
use tracing::{error, info, warn};

use self::entities::Entities;
use self::execute::{Asking, Told};
use self::guards::Refusals;
use self::partner::Partner;
use self::plan::{Chosen, Fetch, Plan, PlanFailed};
pub use self::supergraph::NotTaken;
use self::supergraph::{HUB, Supergraph};
use crate::auth::Organisation;
use crate::config::FederationSettings;
use crate::error::{Code, Refused, TOOK_TOO_LONG, seal};
use crate::graphql::{Admitted, Answered, Answering, Caller, Document, Graph, Price, operation_type};
use crate::telemetry::{Metrics, executing};

/// A hundred per cent, as shares of requests are counted.
const WHOLE: u64 = 100 * 100_000_000;

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

/// A supergraph, and whom to ask.
struct Live {
    supergraph: Supergraph,
    partners: HashMap<String, Arc<Partner>>,
}

/// A request that has been let through and planned.
struct Prepared {
    document: Arc<Document>,
    operation_name: Option<String>,
    operation_type: OperationType,
    variables: Variables,
    /// The fields that the viewer may not read. `None`: they may read all.
    refusals: Option<Refusals>,
    plan: Arc<Plan>,
    price: Price,
    /// Whether the plan is told with the answer.
    shows_plan: bool,
}

impl Prepared {
    /// The answer that what was told makes.
    fn projected(&self, live: &Live, executed: (Value, Vec<ServerError>)) -> (Value, Vec<ServerError>) {
        let Live { supergraph, .. } = live;
        let Self { document, variables, refusals, .. } = self;
        // It was there when the request was let through.
        let Ok(operation) = document.operation(self.operation_name.as_deref()) else { return executed };
        let introspected =
            |field: &_, below: &[&_]| supergraph.introspection.answer(&document.parsed, variables, field, below);
        let definition = &supergraph.definition;
        let shown =
            project::Shown { introspected: &introspected, refusals: refusals.as_ref(), hidden: &supergraph.hidden };
        project::project(definition, &document.parsed, &operation.node, variables, shown, executed)
    }
}

impl Federation {
    /// The hub's own graph, joined with nobody's yet. What partners are asked is counted there.
    #[must_use]
    pub fn of(graph: Graph, settings: &FederationSettings, metrics: &Metrics) -> Self {
        let (settings, metrics) = (settings.clone(), metrics.clone());
        let entities = Entities::new(settings.entity_cache_bytes);
        Self(Arc::new(Inner { graph, settings, metrics, entities, live: RwLock::default() }))
    }

    async fn join_file(&self, file: &Path, subgraphs: &[SubgraphSettings]) -> anyhow::Result<()> {
        use anyhow::Context;
        let text = tokio::fs::read_to_string(file).await;
        let text = text.with_context(|| format!("federation.supergraph: {} cannot be read", file.display()))?;
        self.join(text, subgraphs).await.with_context(|| format!("federation.supergraph: {}", file.display()))
    }

    /// Answers over this supergraph from now on; requests that are under way end with the one before. A subgraph is asked
    /// where it is set to be, and else where the supergraph says.
    ///
    /// # Errors
    /// What is wrong with it: then everything stays as it was.
    pub async fn join(&self, supergraph: String, subgraphs: &[SubgraphSettings]) -> anyhow::Result<()> {
        let inner = Arc::clone(&self.0);
        // Reading it takes a while, and the planner may panic.
        let read = tokio::task::spawn_blocking(move || Supergraph::read(&supergraph, &inner.graph, &inner.settings));
        let supergraph = read.await.unwrap_or_else(|_| Err(NotTaken("it cannot be read".to_owned())))?;
        let before = self.live();
        for (field, error) in &supergraph.unplanned {
            let what = format!("`Query.{field}` cannot be planned: {error}");
            let fields = |before: &Arc<Live>| before.supergraph.definition.fields("Query")?.get(field).map(|_| ());
            let was_planned = |before: &Arc<Live>| !before.supergraph.unplanned.contains_key(field);
            if before.as_ref().is_some_and(|before| fields(before).is_some() && was_planned(before)) {
                return Err(NotTaken(format!("{what}; it could be before")).into());
            }
            warn!(field.name = field.as_str(), "a field of a new supergraph will not be answered: {what}");
        }
        let mut partners = HashMap::new();
        let client = api::client()?;
        for (name, url) in &supergraph.subgraphs {
            if supergraph.has_hub() && name == HUB {
                continue;
            }
            let set = subgraphs.iter().find(|settings| settings.name == *name);
            let settings = match set {
                Some(settings) => settings.clone(),
                None => serde_json::from_value(serde_json::json!({ "name": name, "url": url })).map_err(|_| {
                    NotTaken(format!(
                        "the subgraph `{name}` has no address: give it one in a [[subgraph]] of that name"
                    ))
                })?,
            };
            // What is known of a partner, its token and how it does, is known of it still.
            let known = before.as_ref().and_then(|before| before.partners.get(name));
            let known = known.filter(|known| set.is_some() || known.subgraph().settings().url == settings.url);
            let partner = match known {
                Some(known) => Arc::clone(known),
                None => {
                    let subgraph = Subgraph::new(&client, &settings, Clock::system())?;
                    Arc::new(Partner::new(subgraph, self.0.metrics.clone()))
                }
            };
            partners.insert(name.clone(), partner);
        }
        let live = Arc::new(Live { supergraph, partners });
        self.try_out(&live).await?;
        self.0.graph.roster().ask(&live.partners);
        info!(subgraphs.count = live.supergraph.subgraphs.len(), "a supergraph is live");
        *self.0.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live);
        Ok(())
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

    /// Lets a request through and plans it, or says why not.
    async fn prepare(&self, live: &Live, caller: &Caller, request: Request) -> Result<Prepared, Response> {
        let Live { supergraph, .. } = live;
        let admitted = supergraph.gate.admit(caller, request).await.map_err(Response::from)?;
        let Admitted { request, document, price, operation_type } = admitted;
        if !document.is_valid() {
            supergraph.planner.validate(&document.text).map_err(misfit)?;
            document.is_found_valid();
            supergraph.gate.keep(&document);
        }
        let viewer = self.0.graph.viewer(caller).await?;
        let refusals = Some(supergraph.guards.refusals(&viewer)).filter(|refusals| !refusals.is_empty());
        let is_operator =
            viewer.identity().is_some_and(|identity| identity.organisation == Some(Organisation::Operator));
        let shows_plan = is_operator && request.extensions.get("queryPlan") == Some(&Value::Boolean(true));
        let operation_name = request.operation_name.clone();
        let operation = &document.operation(operation_name.as_deref()).map_err(Response::from)?.node;
        let variables = with_defaults(request.variables, operation);
        let chosen = Chosen {
            conditions: conditions(operation, &variables),
            refused: refusals.clone(),
            labels: self.labels(),
            place: place(&supergraph.planner.shares()),
        };
        let plan = supergraph.plan(Arc::clone(&document), operation_name.clone(), chosen).await;
        let plan = plan.map_err(not_planned)?;
        Ok(Prepared { document, operation_name, operation_type, variables, refusals, plan, price, shows_plan })
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

    fn labels(&self) -> HashSet<String> {
        self.0.settings.override_labels.iter().cloned().collect()
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

/// Asks the subgraphs of one request.
struct Asks<'a> {
    live: &'a Live,
    caller: &'a Caller,
    graph: &'a Graph,
    /// Entities that are kept. `None`: all are asked for.
    kept: Option<&'a Entities>,
    /// What the hub says of its sources, at each time that it is asked.
    freshness: Mutex<Vec<Value>>,
}

impl Asking for Asks<'_> {
    fn ask<'a>(&'a self, fetch: &'a Fetch, variables: Variables) -> BoxFuture<'a, Told> {
        async move {
            let name = fetch.subgraph.as_str();
            let mut told = match (self.live.partners.get(name), self.kept, &fetch.asks) {
                (Some(partner), Some(kept), plan::Asks::Entities(batches)) => {
                    partner.ask_for(kept, (fetch, batches), variables, self.caller).await
                }
                (Some(partner), ..) => partner.ask(&fetch.document, &variables, self.caller, fetch.is_mutation).await,
                (None, ..) => self.hub(&fetch.document, variables).await,
            };
            for error in &mut told.errors {
                named(error, name);
            }
            told
        }
        .boxed()
    }
}

impl Asks<'_> {
    /// The hub's own graph, in this process.
    async fn hub(&self, document: &str, variables: Variables) -> Told {
        let mut response = self.graph.within(self.caller, document, variables).await;
        if let Some(freshness) = response.extensions.remove("freshness") {
            self.freshness.lock().unwrap_or_else(PoisonError::into_inner).push(freshness);
        }
        Told { data: response.data, errors: response.errors, kept_for: None }
    }
}

/// Says whose error it is. Where in the document it was is another document's matter.
fn named(error: &mut ServerError, subgraph: &str) {
    error.locations.clear();
    error.extensions.get_or_insert_default().set("serviceName", subgraph);
}

/// What was said of sources at several times, as one: each source that is behind, once.
fn joined(freshness: Vec<Value>) -> Option<Value> {
    let mut behind: Vec<Value> = Vec::new();
    let is_told = !freshness.is_empty();
    for said in freshness {
        let Value::Object(mut said) = said else { continue };
        let Some(Value::List(sources)) = said.swap_remove("sources") else { continue };
        for source in sources {
            if !behind.contains(&source) {
                behind.push(source);
            }
        }
    }
    is_told.then(|| value!({ "complete": behind.is_empty(), "sources": behind }))
}

/// The variables, with the operation's defaults for those that were not given.
fn with_defaults(mut variables: Variables, operation: &OperationDefinition) -> Variables {
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value {
            variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.node.clone());
        }
    }
    variables
}

/// The variables that `@skip` and `@include` may depend on.
fn conditions(operation: &OperationDefinition, variables: &Variables) -> BTreeMap<String, bool> {
    let names = operation.variable_definitions.iter().map(|definition| &definition.node.name.node);
    let condition = |name: &async_graphql::Name| match variables.get(name) {
        Some(Value::Boolean(holds)) => Some((name.to_string(), *holds)),
        _ => None,
    };
    names.filter_map(condition).collect()
}

/// Where a request stands among all, for fields that move from one subgraph to another share by share.
fn place(shares: &[u64]) -> u64 {
    if shares.is_empty() { 0 } else { uuid::Uuid::now_v7().as_u64_pair().1 % WHOLE }
}

fn misfit(mistakes: Vec<plan::Mistake>) -> Response {
    let error = |mistake: plan::Mistake| -> ServerError {
        let refused = Refused::new(Code::ValidationFailed, mistake.message).at(mistake.at);
        Response::from(refused).errors.remove(0)
    };
    Response::from_errors(mistakes.into_iter().map(error).collect())
}

fn not_planned(failed: PlanFailed) -> Response {
    error!(error = &failed as &dyn std::error::Error, "an operation could not be planned");
    let message = "The request fits the schema, and no way was found to answer it.";
    match failed {
        PlanFailed::TookTooLong => Refused::new(Code::Timeout, TOOK_TOO_LONG).into(),
        PlanFailed::Refused(_) | PlanFailed::Panicked => Refused::new(Code::Internal, message).into(),
    }
}

fn took_too_long(graph: &Graph) -> Response {
    let refused = Refused::new(Code::Timeout, TOOK_TOO_LONG).with("limit", "execution_ms");
    refused.with("maximum", graph.limits().execution_ms).into()
}
