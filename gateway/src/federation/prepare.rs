//! From a request to its plan: let through, validated, held to what its viewer may read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_graphql::parser::types::{OperationDefinition, OperationType};
use async_graphql::{Request, Response, ServerError, Value, Variables};
use tracing::error;

use super::guards::Refusals;
use super::live::Live;
use super::plan::{self, Chosen, Plan, PlanFailed};
use super::{Federation, project};
use crate::auth::Organisation;
use crate::error::{Code, Refused, TOOK_TOO_LONG};
use crate::graphql::{Admitted, Caller, Document, Price};

/// A hundred per cent, as shares of requests are counted.
const WHOLE: u64 = 100 * 100_000_000;

/// A request that has been let through and planned.
pub(super) struct Prepared {
    pub(super) document: Arc<Document>,
    pub(super) operation_name: Option<String>,
    pub(super) operation_type: OperationType,
    pub(super) variables: Variables,
    /// The fields that the viewer may not read. `None`: they may read all.
    pub(super) refusals: Option<Refusals>,
    pub(super) plan: Arc<Plan>,
    pub(super) price: Price,
    /// Whether the plan is told with the answer.
    pub(super) shows_plan: bool,
}

impl Prepared {
    /// The answer that what was told makes.
    pub(super) fn projected(&self, live: &Live, executed: (Value, Vec<ServerError>)) -> (Value, Vec<ServerError>) {
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
    /// Lets a request through and plans it, or says why not.
    pub(super) async fn prepare(&self, live: &Live, caller: &Caller, request: Request) -> Result<Prepared, Response> {
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

    fn labels(&self) -> HashSet<String> {
        self.0.settings.override_labels.iter().cloned().collect()
    }
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
