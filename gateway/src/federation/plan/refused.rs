//! Takes out of a document what its viewer may not read, so that nobody is asked for it.

use graphql_tools::static_graphql::query::{
    Definition, Document, Field, InlineFragment, OperationDefinition, Selection, SelectionSet, TypeCondition,
};

use super::conditions::nothing;
use crate::federation::guards::Refusals;
use crate::graphql::definition::named;

/// What of a document may be read. Of what may be of several types, those that may be read are asked for.
pub(super) fn prune(document: &mut Document, refusals: &Refusals) {
    for definition in &mut document.definitions {
        match definition {
            Definition::Operation(OperationDefinition::SelectionSet(set)) => walk(set, "Query", refusals),
            Definition::Operation(OperationDefinition::Query(query)) => {
                walk(&mut query.selection_set, "Query", refusals);
            }
            Definition::Operation(OperationDefinition::Mutation(mutation)) => {
                walk(&mut mutation.selection_set, "Mutation", refusals);
            }
            Definition::Operation(OperationDefinition::Subscription(subscription)) => {
                walk(&mut subscription.selection_set, "Subscription", refusals);
            }
            Definition::Fragment(fragment) => {
                let TypeCondition::On(on) = fragment.type_condition.clone();
                walk(&mut fragment.selection_set, &on, refusals);
            }
        }
    }
}

fn walk(set: &mut SelectionSet, on: &str, refusals: &Refusals) {
    let definition = refusals.definition();
    let mut items = Vec::with_capacity(set.items.len());
    for mut selection in std::mem::take(&mut set.items) {
        match &mut selection {
            Selection::Field(field) => {
                let ty = definition.fields(on).and_then(|fields| fields.get(field.name.as_str()));
                if let Some(ty) = ty {
                    walk(&mut field.selection_set, named(ty).as_str(), refusals);
                }
                items.extend(allowed(field, on, refusals));
                continue;
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.type_condition.clone().map(|TypeCondition::On(condition)| condition);
                walk(&mut fragment.selection_set, condition.as_deref().unwrap_or(on), refusals);
            }
            Selection::FragmentSpread(_) => {}
        }
        items.push(selection);
    }
    if items.is_empty() && definition.fields(on).is_some() {
        items.push(nothing());
    }
    set.items = items;
}

/// The field as it stands, for the types that may be asked for it, or not at all.
fn allowed(field: &Field, on: &str, refusals: &Refusals) -> Vec<Selection> {
    let possible = refusals.definition().possible.get(on);
    let is_refused = |object: &str| refusals.of(object, &field.name).is_some();
    let Some(possible) = possible.filter(|objects| objects.iter().any(|object| is_refused(object))) else {
        return if is_refused(on) { Vec::new() } else { vec![Selection::Field(field.clone())] };
    };
    let mut objects: Vec<&str> =
        possible.iter().map(|object| object.as_str()).filter(|object| !is_refused(object)).collect();
    objects.sort_unstable();
    let only = |object: &str| {
        Selection::InlineFragment(InlineFragment {
            position: Default::default(),
            type_condition: Some(TypeCondition::On(object.to_owned())),
            directives: Vec::new(),
            selection_set: SelectionSet { span: Default::default(), items: vec![Selection::Field(field.clone())] },
        })
    };
    objects.into_iter().map(only).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_graphql::parser::parse_schema;
    use graphql_tools::parser::parse_query;

    use super::*;
    use crate::federation::guards::Guards;
    use crate::graphql::definition::Definition;
    use crate::graphql::viewer::Viewer;

    #[test]
    fn what_may_not_be_read_is_not_asked_for() {
        let sdl = "type Query { a: A own: Int @authenticated node: Node } interface Node { x: Int } \
                   type A implements Node { x: Int @authenticated y: Int } type B implements Node { x: Int }";
        let document = parse_schema(sdl).unwrap();
        let guards = Guards::of(&document.definitions, Arc::new(Definition::of(sdl)), None, &Default::default());
        let mut query =
            parse_query::<String>("{ own a { x y } n: node { x } ...F } fragment F on A { x }").unwrap().into_static();
        prune(&mut query, &guards.refusals(&Viewer::anonymous()));
        let expected = "{ a { y } n: node { ... on B { x } } ...F } fragment F on A { __typename }";
        assert_eq!(query.to_string(), parse_query::<String>(expected).unwrap().to_string());
    }
}
