//! Keeps clients' names for fields apart from fields' own names while an operation is planned and executed. What is known
//! of an object lies under its fields' keys, and the planner (2.10.11) takes keys of entities from there: in
//! `{ id: name total }` a name would be sent as an id, and another entity's total come back.

use std::borrow::Cow;

use async_graphql::{Name, PathSegment, ServerError, parser::types::Field};
use graphql_tools::static_graphql::query::{Definition, Document, OperationDefinition, Selection, SelectionSet};

/// What the keys of renamed fields begin with. No schema's fields do.
const PREFIX: &str = "_as_";

/// Gives every field that a client has renamed a key that is no field's name.
pub(super) fn set_apart(document: &mut Document) {
    for definition in &mut document.definitions {
        walk(match definition {
            Definition::Operation(OperationDefinition::SelectionSet(set)) => set,
            Definition::Operation(OperationDefinition::Query(query)) => &mut query.selection_set,
            Definition::Operation(OperationDefinition::Mutation(mutation)) => &mut mutation.selection_set,
            Definition::Operation(OperationDefinition::Subscription(subscription)) => &mut subscription.selection_set,
            Definition::Fragment(fragment) => &mut fragment.selection_set,
        });
    }
}

fn walk(set: &mut SelectionSet) {
    for selection in &mut set.items {
        match selection {
            Selection::Field(field) => {
                field.alias = field.alias.take().filter(|alias| *alias != field.name);
                field.alias = field.alias.take().map(|alias| format!("{PREFIX}{alias}"));
                walk(&mut field.selection_set);
            }
            Selection::InlineFragment(fragment) => walk(&mut fragment.selection_set),
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// Under which key the executor has what a client's field was told.
pub(in crate::federation) fn key(field: &Field) -> Cow<'_, Name> {
    match &field.alias {
        Some(alias) if alias.node != field.name.node => Cow::Owned(Name::new(format!("{PREFIX}{}", alias.node))),
        _ => Cow::Borrowed(&field.name.node),
    }
}

/// An error's path, in the client's names.
pub(in crate::federation) fn restore(error: &mut ServerError) {
    for segment in &mut error.path {
        if let PathSegment::Field(name) = segment
            && let Some(alias) = name.strip_prefix(PREFIX)
        {
            *name = alias.to_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use graphql_tools::parser::parse_query;

    use super::*;

    #[test]
    fn what_is_renamed_has_a_key_that_is_no_field_and_what_is_not_keeps_its_name() {
        let text = "{ id: name x: pad { __typename: a ...F } id2: id2 ... { y: b } } fragment F on T { _as_x: c c }";
        let mut document = parse_query::<String>(text).unwrap().into_static();
        set_apart(&mut document);
        let expected = "{ _as_id: name _as_x: pad { _as___typename: a ...F } id2 ... { _as_y: b } } \
                        fragment F on T { _as__as_x: c c }";
        assert_eq!(document.to_string(), parse_query::<String>(expected).unwrap().into_static().to_string());
    }

    #[test]
    fn an_error_is_where_its_client_sees_it() {
        let field = |name: &str| PathSegment::Field(name.to_owned());
        let mut error = ServerError::new("", None);
        error.path = vec![field("_as_id"), PathSegment::Index(1), field("name"), field("_as__as_x")];
        restore(&mut error);
        assert_eq!(error.path, [field("id"), PathSegment::Index(1), field("name"), field("_as_x")]);
    }
}
