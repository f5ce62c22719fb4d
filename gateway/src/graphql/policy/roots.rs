//! Requests of which nothing may be answered: refused whole, so that HTTP can say so with a status (RFC 6750).

use std::collections::HashSet;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Response};

use super::{RULES, Rule, Rules};
use crate::error::Failure;
use crate::graphql::viewer::Viewer;

/// The refusal of an operation all of whose root fields the viewer may not read. `None` where there is anything to
/// answer, or anything wrong that the schema tells better.
pub(in crate::graphql) fn refuse_whole(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    viewer: &Viewer,
) -> Option<Response> {
    refusal(&RULES, document, operation_name, viewer).map(crate::graphql::refused)
}

fn refusal(
    rules: &Rules,
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    viewer: &Viewer,
) -> Option<Failure> {
    let operation = operation(document, operation_name)?;
    let root = type_of(operation.ty);
    let mut fields = Vec::new();
    collect(document, &operation.selection_set.node, &mut HashSet::new(), &mut fields);
    let mut failures = Vec::new();
    for field in fields {
        failures.push(rules.get(root, field).and_then(|rule| rule.refuses(viewer).map(|failure| (rule, failure)))?);
    }
    let first = failures.first()?;
    // A token with all of the scopes would have been answered in all fields.
    let mut scopes: Vec<String> = Vec::new();
    for scope in failures.iter().flat_map(|(rule, _)| Rule::wanted(rule)) {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    if viewer.is_authenticated() || scopes.is_empty() {
        return Some(if scopes.is_empty() { first.1.clone() } else { Failure::Forbidden(scopes.join(" ")) });
    }
    Some(Failure::UnauthenticatedFor(scopes.join(" ")))
}

/// The type at the root of such operations.
pub(super) fn type_of(operation_type: OperationType) -> &'static str {
    match operation_type {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

fn operation<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|operation| &operation.node),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next().map(|operation| &operation.node)
        }
        _ => None,
    }
}

/// The fields at the root. Those that `@skip` may leave out count: the answer is then the schema's to give.
fn collect<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    seen: &mut HashSet<&'a Name>,
    fields: &mut Vec<&'a str>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => fields.push(field.node.name.node.as_str()),
            Selection::InlineFragment(fragment) => {
                collect(document, &fragment.node.selection_set.node, seen, fields);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let fragment = document.fragments.get(name).filter(|_| seen.insert(name));
                match fragment {
                    Some(fragment) => collect(document, &fragment.node.selection_set.node, seen, fields),
                    // Unknown, or spread again: a field that no rule knows, so that the schema answers.
                    None if !document.fragments.contains_key(name) => fields.push(""),
                    None => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    const SDL: &str = "type Query { open: Int a: Int @requiresScopes(scopes: [[\"a\"]]) \
                       b: Int @requiresScopes(scopes: [[\"b\"]]) own: Int @authenticated } \
                       type Mutation { m: Int @requiresScopes(scopes: [[\"m\"]]) }";

    fn refused(query: &str, viewer: &Viewer) -> Option<String> {
        let document = parse_query(query).unwrap();
        let failure = refusal(&Rules::of(SDL), &document, None, viewer)?;
        Some(format!("{failure:?}"))
    }

    #[test]
    fn a_request_is_refused_whole_where_nothing_of_it_may_be_answered() {
        let nobody = Viewer::anonymous();
        let somebody = Viewer::with_scopes(&["b"]);
        for (query, by_nobody, by_somebody) in [
            ("{ open }", None, None),
            ("{ open a }", None, None),
            ("{ __typename a }", None, None),
            ("{ a }", Some("UnauthenticatedFor(\"a\")"), Some("Forbidden(\"a\")")),
            ("{ x: a b }", Some("UnauthenticatedFor(\"a b\")"), None),
            ("{ own }", Some("Unauthenticated"), None),
            (
                "{ ...F ...F } fragment F on Query { a ... { a } }",
                Some("UnauthenticatedFor(\"a\")"),
                Some("Forbidden(\"a\")"),
            ),
            ("{ a ...F } fragment F on Query { open }", None, None),
            ("{ a ...G } fragment F on Query { a }", None, None),
            ("{ ...F } fragment F on Query { a ...F }", Some("UnauthenticatedFor(\"a\")"), Some("Forbidden(\"a\")")),
            ("mutation { m }", Some("UnauthenticatedFor(\"m\")"), Some("Forbidden(\"m\")")),
            ("query A { a } query B { a }", None, None),
        ] {
            assert_eq!(refused(query, &nobody).as_deref(), by_nobody, "{query}");
            assert_eq!(refused(query, &somebody).as_deref(), by_somebody, "{query}");
        }
    }
}
