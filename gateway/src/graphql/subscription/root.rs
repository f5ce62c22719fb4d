//! A subscription's root, as async-graphql 7.2.1 can execute it: one field, standing there itself.
//!
//! It passes over fragments there (`collect_subscription_streams`), ends at once where there is nothing else, and
//! streams each of several fields, though the specification allows one
//! (<https://spec.graphql.org/draft/#sec-Single-Root-Field>).

use std::collections::HashSet;
use std::sync::LazyLock;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Request, ServerError};

use crate::config::LimitSettings;
use crate::error::{Code, set_code};
use crate::graphql::limits::tokens;

/// What is parsed to tell its kind, whatever the limits are: no more than a thread's stack and little memory bear.
static PARSED_HERE: LazyLock<LimitSettings> =
    LazyLock::new(|| LimitSettings { tokens: 20_000, depth: LimitSettings::DEEPEST, ..LimitSettings::default() });
/// The root's type.
const ROOT: &str = "Subscription";

/// Puts the one field of a subscription's root where it can be executed. Leaves alone what is not valid anyway: the
/// schema says what is wrong with it.
///
/// # Errors
/// Where the root has more than one field, or one that may be left out.
pub(in crate::graphql) fn with_one_field(mut request: Request) -> Result<Request, ServerError> {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return Ok(request) };
    let mut document = document.clone();
    let Some(operation) = selected(&mut document.operations, name.as_deref()) else { return Ok(request) };
    if operation.ty != OperationType::Subscription {
        return Ok(request);
    }
    let root = operation.selection_set.node.clone();
    let mut found = Found { document: &document, fields: Vec::new(), spread: HashSet::new() };
    if !found.collect(&root)? {
        return Ok(request);
    }
    let Found { fields, spread, .. } = found;
    let Some(field) = merged(fields)? else { return Ok(request) };
    if let Some(operation) = selected(&mut document.operations, name.as_deref()) {
        let position = field.pos;
        operation.selection_set.node.items = vec![Positioned::new(Selection::Field(field), position)];
    }
    // A fragment of the root can be spread nowhere else; left over, it would count as unused.
    document.fragments.retain(|name, _| !spread.contains(name));
    request.set_parsed_query(document);
    Ok(request)
}

/// What kind of operation a request executes, told from its text before anything else is known of it. `None` where it
/// names none that there is, is asked for by its name, or should not be parsed at all.
pub fn operation_type(request: &mut Request) -> Option<OperationType> {
    tokens::check(&request.query, &PARSED_HERE).ok()?;
    let name = request.operation_name.clone();
    match (&request.parsed_query().ok()?.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation.node.ty),
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name.as_str()).map(|operation| operation.node.ty),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
            all.values().next().map(|operation| operation.node.ty)
        }
        _ => None,
    }
}

fn selected<'a>(operations: &'a mut DocumentOperations, name: Option<&str>) -> Option<&'a mut OperationDefinition> {
    match (operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&mut operation.node),
        (DocumentOperations::Multiple(all), Some(name)) => all.get_mut(name).map(|operation| &mut operation.node),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
            all.values_mut().next().map(|operation| &mut operation.node)
        }
        _ => None,
    }
}

/// The fields of the root, wherever they stand.
struct Found<'a> {
    document: &'a ExecutableDocument,
    fields: Vec<Positioned<Field>>,
    spread: HashSet<Name>,
}

impl Found<'_> {
    /// Whether everything was understood. A fragment that is not there, is of another type, or holds itself is left to
    /// validation.
    fn collect(&mut self, set: &SelectionSet) -> Result<bool, ServerError> {
        for selection in &set.items {
            let left_out = selection.node.directives().iter().find(|directive| {
                let name = directive.node.name.node.as_str();
                name == "skip" || name == "include"
            });
            if let Some(directive) = left_out {
                let message = "`@skip` and `@include` do not go at the root of a subscription.";
                return Err(refused(message, directive.pos));
            }
            let understood = match &selection.node {
                Selection::Field(field) => {
                    self.fields.push(field.clone());
                    true
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    condition.is_none_or(|condition| condition.node.on.node == ROOT)
                        && self.collect(&fragment.node.selection_set.node)?
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    match self.document.fragments.get(name) {
                        Some(fragment) if fragment.node.type_condition.node.on.node == ROOT => {
                            self.spread.insert(name.clone()) && self.collect(&fragment.node.selection_set.node)?
                        }
                        _ => false,
                    }
                }
            };
            if !understood {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The one field, with everything that is asked below it.
fn merged(fields: Vec<Positioned<Field>>) -> Result<Option<Positioned<Field>>, ServerError> {
    let mut fields = fields.into_iter();
    let Some(mut one) = fields.next() else { return Ok(None) };
    for other in fields {
        let same = one.node.response_key().node == other.node.response_key().node
            && one.node.name.node == other.node.name.node
            && one.node.arguments == other.node.arguments;
        if !same {
            return Err(refused("A subscription has one field at its root. Subscribe to each on its own.", other.pos));
        }
        one.node.selection_set.node.items.extend(other.node.selection_set.node.items);
    }
    Ok(Some(one))
}

fn refused(message: &str, position: async_graphql::Pos) -> ServerError {
    let mut error = ServerError::new(message, Some(position));
    set_code(&mut error, Code::BadUserInput);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root's field with what is asked below it; what refuses it; or nothing, where it stays as it was.
    fn rewritten(query: &str) -> Result<Option<String>, String> {
        let mut request = with_one_field(Request::new(query)).map_err(|error| error.message)?;
        let document = request.parsed_query().unwrap().clone();
        let mut operations = document.operations;
        let items = &selected(&mut operations, None).unwrap().selection_set.node.items;
        let [Positioned { node: Selection::Field(field), .. }] = items.as_slice() else { return Ok(None) };
        let below = field.node.selection_set.node.items.len();
        Ok(Some(format!("{} {below} {}", field.node.response_key().node, document.fragments.len())))
    }

    #[test]
    fn the_one_field_is_found_wherever_it_stands() {
        for (query, expected) in [
            ("subscription { changes { cursor } }", "changes 1 0"),
            ("subscription A { a: changes { ...B } } fragment B on Change { cursor }", "a 1 1"),
            ("subscription { ...A } fragment A on Subscription { changes { cursor } }", "changes 1 0"),
            ("subscription { ... { ... on Subscription { changes { cursor } } } changes { at } }", "changes 2 0"),
        ] {
            assert_eq!(rewritten(query), Ok(Some(expected.to_owned())), "{query}");
        }
    }

    #[test]
    fn more_than_one_field_or_one_that_may_be_missing_is_refused() {
        for query in [
            "subscription { a: changes { cursor } b: changes { cursor } }",
            "subscription { changes { cursor } __typename }",
            "subscription { changes { cursor } changes(after: \"x\") { cursor } }",
            "subscription { ...A schoolChanged(brin: \"99AA00\") { id } } fragment A on Subscription { changes { at } }",
            "subscription { changes @skip(if: true) { cursor } }",
            "subscription { ... @include(if: false) { changes { cursor } } }",
        ] {
            assert!(rewritten(query).is_err(), "{query}");
        }
    }

    #[test]
    fn what_is_not_valid_is_left_to_validation() {
        for query in [
            "subscription { ...A } fragment A on Subscription { ...A }",
            "subscription { ...A } fragment A on Query { school(brin: \"99AA00\") { id } }",
            "subscription { ...Missing }",
        ] {
            assert_eq!(rewritten(query), Ok(None), "{query}");
        }
    }
}
