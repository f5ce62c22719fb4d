//! A query that a new supergraph must answer before it is live: from its text to its answer, over the schema and over what
//! of the hub's own is resolved in this process. No partner is asked: one that is down is joined as it was.

use std::sync::Mutex;

use async_graphql::parser::types::OperationType;
use async_graphql::{ServerError, Value, Variables, value};
use tokio::time::timeout;

use super::plan::Chosen;
use super::supergraph::{HUB, NotTaken};
use super::{Asks, Federation, Live, Prepared, execute};
use crate::error::Code;
use crate::graphql::{Caller, Price};

/// A field of the hub's own that asks little of the store.
const OWN: &str = "sources";

impl Federation {
    /// Tries a supergraph out.
    ///
    /// # Errors
    /// What came instead of an answer, and whether that is the hub's own fault. That the store cannot be reached says nothing
    /// of the supergraph.
    pub(super) async fn try_out(&self, live: &Live) -> Result<(), NotTaken> {
        let graph = &self.0.graph;
        let supergraph = &live.supergraph;
        let own = if supergraph.is_own_field("Query", OWN) { " sources { __typename }" } else { "" };
        let text = format!("{{ __typename __schema {{ queryType {{ name }} }}{own} }}");
        let what = |what: &str| format!("a first query over it fails: {what}");
        let failed = |reason: String| NotTaken::Unfit(what(&reason));
        if let Err(mistakes) = supergraph.planner.validate(&text) {
            let what: Vec<String> = mistakes.into_iter().map(|mistake| mistake.message).collect();
            return Err(failed(what.join("; ")));
        }
        let document = supergraph.gate.own(&text).map_err(|_| failed("it cannot be read".to_owned()))?;
        let plan = supergraph.plan(document.clone(), None, Chosen::default()).await;
        let plan = plan.map_err(|error| error.as_reason(what(&error.to_string())))?;
        let prepared = Prepared {
            document,
            operation_name: None,
            operation_type: OperationType::Query,
            variables: Variables::default(),
            refusals: None,
            plan,
            price: Price::default(),
            shows_plan: false,
        };
        let nobody = Caller::default();
        let asks = Asks { live, caller: &nobody, graph, kept: None, freshness: Mutex::default() };
        let nothing = (value!({}), Vec::new());
        let executing = execute::execute(&prepared.plan.0, nothing, &supergraph.definition, &prepared.variables, &asks);
        let Ok(executed) = timeout(graph.limits().execution(), executing).await else { return Ok(()) };
        let (data, errors) = prepared.projected(live, executed);
        if let Some(error) = errors.iter().find(|error| !says_nothing(error)) {
            let reason = what(&error.message);
            return Err(if is_own(error) { NotTaken::Untried(reason) } else { NotTaken::Unfit(reason) });
        }
        let is_right = matches!(&data, Value::Object(data)
            if data.get("__typename") == Some(&value!("Query"))
                && data.get("__schema") == Some(&value!({ "queryType": { "name": "Query" } })));
        if errors.is_empty() && !is_right {
            return Err(failed("it has another answer than it must".to_owned()));
        }
        Ok(())
    }
}

/// Whether an error is the store's, or that of time.
fn says_nothing(error: &ServerError) -> bool {
    [Code::Unavailable, Code::Timeout].iter().any(|code| says(error, "code", code.text()))
}

/// Whether something broke in the hub's own graph.
fn is_own(error: &ServerError) -> bool {
    says(error, "serviceName", HUB) && says(error, "code", Code::Internal.text())
}

fn says(error: &ServerError, key: &str, text: &str) -> bool {
    let said = error.extensions.as_ref().and_then(|extensions| extensions.get(key));
    said == Some(&Value::from(text))
}
