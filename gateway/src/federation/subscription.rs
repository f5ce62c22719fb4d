//! Subscriptions to what the hub tells, with what partners know of it: the hub's own graph gives the events, and each is
//! completed as the answer to a query would be.

use std::sync::{Arc, Mutex};

use async_graphql::{Request, Response, Value, Variables};
use futures::stream::{self, BoxStream, StreamExt};

use super::execute::execute;
use super::plan::{Fetch, Step};
use super::supergraph::HUB;
use super::{Asks, Federation, Live, Prepared, named};
use crate::error::{Code, Refused, seal};
use crate::graphql::{Caller, Graph};

/// A subscription that is being told.
struct Told {
    graph: Graph,
    live: Arc<Live>,
    caller: Caller,
    prepared: Prepared,
}

impl Federation {
    /// The events of a subscription that needs more than the hub's own graph.
    pub(super) async fn events(&self, live: Arc<Live>, request: Request) -> BoxStream<'static, Response> {
        let caller = Caller::of(&request);
        let prepared = match self.prepare(&live, &caller, request).await {
            Ok(prepared) => prepared,
            Err(refusal) => return told(refusal, &caller),
        };
        let begun = match prepared.plan.0.first() {
            Some(Step::Fetch(fetch)) if live.supergraph.has_hub() && fetch.subgraph == HUB => Some(fetch),
            _ => None,
        };
        let Some(fetch) = begun else {
            let message = "Subscriptions begin at the hub's own fields.";
            return told(Refused::new(Code::BadRequest, message).into(), &caller);
        };
        // The hub's graph counts the request, and holds it to its own limits as well.
        let request = own(fetch, &prepared.variables, &caller);
        let graph = self.0.graph.clone();
        let events = async_graphql::Executor::execute_stream(&graph, request, None);
        let told = Arc::new(Told { graph, live, caller, prepared });
        events.then(move |event| complete(Arc::clone(&told), event)).boxed()
    }
}

fn told(mut response: Response, caller: &Caller) -> BoxStream<'static, Response> {
    seal(&mut response, caller.request_id.as_deref());
    stream::iter([response]).boxed()
}

fn own(fetch: &Fetch, variables: &Variables, caller: &Caller) -> Request {
    let mut used = Variables::default();
    for name in &fetch.variables {
        if let Some(value) = variables.get(name) {
            used.insert(name.clone(), value.clone());
        }
    }
    Request::new(&*fetch.document).variables(used).data(caller.clone())
}

/// An event with what partners know of it. Of one that tells of nothing nobody is asked.
async fn complete(told: Arc<Told>, mut event: Response) -> Response {
    let Told { graph, live, caller, prepared } = &*told;
    let asks = Asks { live, caller, graph, freshness: Mutex::default() };
    let mut errors = std::mem::take(&mut event.errors);
    errors.iter_mut().for_each(|error| named(error, HUB));
    let is_told = matches!(event.data, Value::Object(_));
    let told = (std::mem::take(&mut event.data), errors);
    let rest = prepared.plan.0.get(1..).filter(|_| is_told).unwrap_or_default();
    let executed = execute(rest, told, &live.supergraph.definition, &prepared.variables, &asks).await;
    (event.data, event.errors) = prepared.projected(live, executed);
    seal(&mut event, caller.request_id.as_deref());
    event
}
