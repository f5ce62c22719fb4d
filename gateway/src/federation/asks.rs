//! Whom the steps of a plan ask: partners, and the hub's own graph in this process.

use std::sync::{Mutex, PoisonError};

use async_graphql::{ServerError, Value, Variables, value};
use futures::future::{BoxFuture, FutureExt};

use super::entities::Entities;
use super::execute::{Asking, Told};
use super::live::Live;
use super::plan::{self, Fetch};
use crate::graphql::{Caller, Graph};

/// Asks the subgraphs of one request.
pub(super) struct Asks<'a> {
    pub(super) live: &'a Live,
    pub(super) caller: &'a Caller,
    pub(super) graph: &'a Graph,
    /// Entities that are kept. `None`: all are asked for.
    pub(super) kept: Option<&'a Entities>,
    /// What the hub says of its sources, at each time that it is asked.
    pub(super) freshness: Mutex<Vec<Value>>,
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
pub(super) fn named(error: &mut ServerError, subgraph: &str) {
    error.locations.clear();
    error.extensions.get_or_insert_default().set("serviceName", subgraph);
}

/// What was said of sources at several times, as one: each source that is behind, once.
pub(super) fn joined(freshness: Vec<Value>) -> Option<Value> {
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
