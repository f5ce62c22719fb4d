//! Subscriptions that need more than the hub's own graph: whoever has the root field tells the events, the hub's own graph
//! or a partner, and each event is completed as the answer to a query would be.

use std::sync::{Arc, Mutex};

use async_graphql::{Request, Response, Value};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::execute::{Told, execute, of_root, variables_of};
use super::plan::Step;
use super::supergraph::HUB;
use super::{Asks, Federation, Live, Prepared, named};
use crate::error::{Code, Failure, Refused, seal};
use crate::graphql::{Caller, Graph, refused};

/// A subscription that is being told.
struct Telling {
    graph: Graph,
    live: Arc<Live>,
    caller: Caller,
    prepared: Prepared,
}

impl Federation {
    /// The events of a subscription that needs more than the hub's own graph.
    pub(super) async fn events(&self, live: Arc<Live>, request: Request) -> BoxStream<'static, Response> {
        let caller = Caller::of(&request);
        let graph = self.0.graph.clone();
        let prepared = match self.prepare(&live, &caller, request).await {
            Ok(prepared) => prepared,
            Err(refusal) => return once(refusal, &caller),
        };
        let telling = Arc::new(Telling { graph, live, caller, prepared });
        let Telling { graph, live, caller, prepared } = &*telling;
        let fetch = match prepared.plan.0.first() {
            Some(Step::Fetch(fetch)) => fetch,
            // Nothing is left that the viewer may read, and why is told.
            None => return stream::iter([telling.answer(Response::default(), Told::default(), &[]).await]).boxed(),
            Some(_) => {
                let message = "A subscription begins at one field of one graph.";
                return once(Refused::new(Code::BadRequest, message).into(), caller);
            }
        };
        let variables = variables_of(fetch, &prepared.variables);
        let ends = caller.identity.as_ref().map(|identity| identity.ends);
        let events = match live.partners.get(&fetch.subgraph) {
            Some(partner) => {
                // The hub's graph counts its own.
                if let Some(standing) = graph.standing(caller).await.filter(|standing| !standing.is_granted) {
                    return once(standing.refused().into(), caller);
                }
                let told = match partner.subscribe(&fetch.document, &variables, caller).await {
                    Ok(told) => told,
                    Err(refused) => return once(refused.into(), caller),
                };
                told.map(|Told { data, errors, .. }| {
                    let mut event = Response::new(data);
                    event.errors = errors;
                    event
                })
                .boxed()
            }
            None => {
                // The hub's graph holds the request to its own limits as well.
                let request = Request::new(&*fetch.document).variables(variables).data(caller.clone());
                async_graphql::Executor::execute_stream(graph, request, None)
            }
        };
        let is_partners = live.partners.contains_key(&fetch.subgraph);
        let completing = Arc::clone(&telling);
        let events = events.then(move |event| {
            let telling = Arc::clone(&completing);
            async move { telling.complete(event).await }
        });
        match ends {
            Some(ends) if is_partners => until(events.boxed(), ends, telling),
            _ => events.boxed(),
        }
    }
}

impl Telling {
    /// An event with what others know of it. Of one that tells of nothing nobody is asked.
    async fn complete(&self, mut event: Response) -> Response {
        let steps = &self.prepared.plan.0;
        let Some(Step::Fetch(fetch)) = steps.first() else { return Response::default() };
        let (data, errors) = (std::mem::take(&mut event.data), std::mem::take(&mut event.errors));
        let mut told = Told { data, errors, ..Told::default() };
        let is_told = matches!(told.data, Value::Object(_));
        for error in &mut told.errors {
            named(error, &fetch.subgraph);
        }
        // The hub's own says already where its errors stand.
        if fetch.subgraph != HUB || !self.live.supergraph.has_hub() {
            told = of_root(fetch, told, &self.live.supergraph.definition);
        }
        self.answer(event, told, steps.get(1..).filter(|_| is_told).unwrap_or_default()).await
    }

    /// The event with what was told and what these steps bring.
    async fn answer(&self, mut event: Response, Told { data, errors, .. }: Told, steps: &[Step]) -> Response {
        let Self { graph, live, caller, prepared } = self;
        // An event is about what has just changed.
        let asks = Asks { live, caller, graph, kept: None, freshness: Mutex::default() };
        let definition = &live.supergraph.definition;
        let executed = execute(steps, (data, errors), definition, &prepared.variables, &asks).await;
        (event.data, event.errors) = prepared.projected(live, executed);
        seal(&mut event, caller.request_id.as_deref());
        event
    }
}

/// The events until the token ends that they are told to, which is then told.
fn until(events: BoxStream<'static, Response>, ends: Instant, telling: Arc<Telling>) -> BoxStream<'static, Response> {
    let end = stream::once(async move {
        let mut response = refused(Failure::TokenEnded);
        seal(&mut response, telling.caller.request_id.as_deref());
        (Instant::now() >= ends).then_some(response)
    });
    events.take_until(sleep_until(ends)).chain(end.filter_map(std::future::ready)).boxed()
}

/// One answer, and no more.
fn once(mut response: Response, caller: &Caller) -> BoxStream<'static, Response> {
    seal(&mut response, caller.request_id.as_deref());
    stream::iter([response]).boxed()
}
