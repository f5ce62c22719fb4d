//! Selections: the queries that endpoints register, tried out before they are, and asked for each message.

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationType, VariableDefinition,
};
use async_graphql::{Executor, Name, Request, Response, Variables};
use entity::global_id::{GlobalId, Kind};
use entity::webhook_endpoint::WebhookEvent;
use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::auth::Identity;
use crate::config::LimitSettings;
use crate::error::{Code, Failure, Result, code_of};
use crate::graphql::Graph;
use crate::graphql::caller::Caller;
use crate::graphql::limits::tokens;

/// The variable that holds the record's id.
const ID: &str = "id";
/// The variable that holds the ids of the offers that fit.
const OFFERS: &str = "offers";
/// No selection is longer, in bytes.
const LONGEST: usize = 20_000;

/// What a selection is asked about.
pub(super) struct Subject {
    pub(super) id: String,
    pub(super) offers: Vec<String>,
}

/// Asks a selection about a record.
pub(super) async fn ask(graph: &Graph, identity: Identity, query: &str, subject: &Subject) -> Response {
    let mut variables = Variables::default();
    variables.insert(Name::new(ID), subject.id.as_str().into());
    if declares_offers(query, &graph.limits) {
        variables.insert(Name::new(OFFERS), subject.offers.clone().into());
    }
    let caller = Caller { identity: Some(Arc::new(identity)), only_reads: true, ..Caller::default() };
    // What was just written is what it is about.
    graph.on_primary().execute(Request::new(query).variables(variables).data(caller)).await
}

/// The selection, where it may be parsed: the parser follows nesting down the stack. What is wrong with any other is told
/// by whoever executes it, with the place.
fn parsed(query: &str, limits: &LimitSettings) -> Option<ExecutableDocument> {
    tokens::check(query, limits).ok()?;
    parse_query(query).ok()
}

fn declares_offers(query: &str, limits: &LimitSettings) -> bool {
    parsed(query, limits).is_some_and(|document| {
        let mut operations = document.operations.iter();
        operations.any(|(_, operation)| {
            operation.node.variable_definitions.iter().any(|variable| variable.node.name.node == OFFERS)
        })
    })
}

/// Why nothing of a selection was answered.
pub(super) enum Fault {
    /// The hub failed.
    Ours,
    /// It cannot be answered, now or later.
    Theirs(String),
}

impl Fault {
    pub(super) fn of(response: &Response) -> Option<Self> {
        let is_ours = |code: Option<Code>| matches!(code, Some(Code::Internal | Code::Timeout | Code::Unavailable));
        if response.errors.iter().any(|error| is_ours(code_of(error))) {
            return Some(Self::Ours);
        }
        let is_whole = response.data == async_graphql::Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.is_empty());
        let messages = response.errors.iter().take(3).map(|error| error.message.as_str());
        is_whole.then(|| Self::Theirs(messages.collect::<Vec<_>>().join(" ")))
    }
}

/// What selections are tried out with, among a request's data.
pub(in crate::graphql) struct Trials(pub(in crate::graphql) Graph);

impl Trials {
    /// What is wrong with a selection of this event; it is asked about a record that is not there, with the rights of
    /// whoever registers it.
    ///
    /// # Errors
    /// Where the hub itself failed to answer.
    pub(in crate::graphql) fn fault<'a>(
        &'a self,
        caller: &'a Caller,
        event: WebhookEvent,
        query: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>>> {
        self.try_out(caller, event, query).boxed()
    }

    async fn try_out(&self, caller: &Caller, event: WebhookEvent, query: &str) -> Result<Option<String>> {
        if let Some(fault) = form_fault(event, query, &self.0.limits) {
            return Ok(Some(fault));
        }
        let Some(identity) = caller.identity.as_deref() else { return Err(Failure::Unauthenticated) };
        let identity = Identity { client: None, ..identity.clone() };
        let record = match event {
            WebhookEvent::NeedFits => Kind::Need,
            WebhookEvent::CommitmentChanged => Kind::Commitment,
        };
        let subject = Subject { id: GlobalId::new(record, Uuid::now_v7()).to_string(), offers: Vec::new() };
        match Fault::of(&ask(&self.0, identity, query, &subject).await) {
            Some(Fault::Ours) => Err(Failure::Internal("a webhook's selection could not be tried out")),
            Some(Fault::Theirs(why)) => Ok(Some(why)),
            None => Ok(None),
        }
    }
}

/// What is wrong with a selection that the schema does not tell: it is one query, about one record.
fn form_fault(event: WebhookEvent, query: &str, limits: &LimitSettings) -> Option<String> {
    if query.len() > LONGEST {
        return Some(format!("This has {} bytes; it may have {LONGEST}.", query.len()));
    }
    let document = parsed(query, limits)?;
    let operation = match &document.operations {
        DocumentOperations::Single(operation) => Some(operation),
        DocumentOperations::Multiple(all) if all.len() == 1 => all.values().next(),
        DocumentOperations::Multiple(_) => None,
    };
    let Some(operation) = operation.filter(|operation| operation.node.ty == OperationType::Query) else {
        return Some("This must hold one operation, which is a query.".to_owned());
    };
    let mut has_id = false;
    for variable in &operation.node.variable_definitions {
        match variable.node.name.node.as_str() {
            ID if is_id(&variable.node) => has_id = true,
            OFFERS if event == WebhookEvent::NeedFits && is_ids(&variable.node) => {}
            name => return Some(format!("The hub gives no variable `${name}` of this type. {}", given(event))),
        }
    }
    (!has_id).then(|| format!("This is not about the record that the message is about. {}", given(event)))
}

fn given(event: WebhookEvent) -> &'static str {
    match event {
        WebhookEvent::NeedFits => {
            "It gives `$id: ID!`, the need's global id, and `$offers: [ID!]!`, the ids of the offers that fit."
        }
        WebhookEvent::CommitmentChanged => "It gives `$id: ID!`, the commitment's global id.",
    }
}

fn is_id(variable: &VariableDefinition) -> bool {
    variable.default_value.is_none() && matches!(&variable.var_type.node.base, BaseType::Named(name) if name == "ID")
}

fn is_ids(variable: &VariableDefinition) -> bool {
    let is_id = |base: &BaseType| matches!(base, BaseType::Named(name) if name == "ID");
    variable.default_value.is_none()
        && matches!(&variable.var_type.node.base, BaseType::List(item) if is_id(&item.base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_one_query_about_one_record() {
        let limits = LimitSettings::default();
        let fault = |query| form_fault(WebhookEvent::NeedFits, query, &limits);
        for query in [
            "query ($id: ID!) { node(id: $id) { id } }",
            "query A($id: ID!, $offers: [ID!]!) { node(id: $id) { ...F } nodes(ids: $offers) { id } } fragment F on Need { id }",
            "this is for the parser",
        ] {
            assert_eq!(fault(query), None, "{query}");
        }
        for query in [
            "{ needs { totalCount } }",
            "query ($offers: [ID!]!) { nodes(ids: $offers) { id } }",
            "query ($id: String!) { school(brin: $id) { id } }",
            "query ($id: ID!, $first: Int) { node(id: $id) { id } }",
            "query ($id: ID = \"x\") { node(id: $id) { id } }",
            "mutation ($id: ID!) { setNeedStatus(input: { id: $id, status: OPEN }) { userErrors { code } } }",
            "query A($id: ID!) { node(id: $id) { id } } query B($id: ID!) { node(id: $id) { id } }",
            &"x".repeat(20_001),
        ] {
            assert!(fault(query).is_some(), "{query}");
        }
        let offers = "query ($id: ID!, $offers: [ID!]!) { node(id: $id) { id } nodes(ids: $offers) { id } }";
        assert!(form_fault(WebhookEvent::CommitmentChanged, offers, &limits).is_some());
    }

    #[test]
    fn a_selection_that_goes_too_deep_is_left_to_the_gate() {
        let limits = LimitSettings::default();
        let deep = "{a".repeat(LONGEST / 2);
        assert_eq!(form_fault(WebhookEvent::NeedFits, &deep, &limits), None);
        assert!(!declares_offers(&deep, &limits));
    }
}
