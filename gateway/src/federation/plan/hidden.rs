//! Asks of what may be of a hidden type which type it is of. An object of an `@inaccessible` type must not be shown, and
//! the planner (2.10.11) does not ask what an object is where its client does not.

use std::collections::HashSet;

use graphql_tools::static_graphql::query::{self, Selection, SelectionSet};
use graphql_tools::static_graphql::schema::{Definition, Directive, Document, TypeDefinition};

use super::conditions::nothing;
use super::cuts::Cutter;

/// The interfaces and unions of which an object may be hidden.
pub(super) struct Hidden(HashSet<String>);

impl Hidden {
    pub(super) fn of(supergraph: &Document) -> Self {
        let is_hidden = |directives: &[Directive]| directives.iter().any(|one| one.name == "inaccessible");
        let types = || {
            supergraph.definitions.iter().filter_map(|definition| match definition {
                Definition::TypeDefinition(definition) => Some(definition),
                _ => None,
            })
        };
        let (mut objects, mut partly) = (HashSet::new(), HashSet::new());
        for definition in types() {
            if let TypeDefinition::Object(object) = definition
                && is_hidden(&object.directives)
            {
                objects.insert(object.name.as_str());
                partly.extend(object.implements_interfaces.iter().cloned());
            }
        }
        for definition in types() {
            if let TypeDefinition::Union(union) = definition
                && union.types.iter().any(|member| objects.contains(member.as_str()))
            {
                partly.insert(union.name.clone());
            }
        }
        Self(partly)
    }

    /// Has an operation, whose fragments are inline, ask `__typename` wherever something hidden may be found.
    pub(super) fn ask(&self, definition: &mut query::Definition, schema: &Cutter) {
        let query::Definition::Operation(operation) = definition else { return };
        if self.0.is_empty() {
            return;
        }
        match operation {
            query::OperationDefinition::SelectionSet(set) => self.walk(set, "Query", schema),
            query::OperationDefinition::Query(query) => self.walk(&mut query.selection_set, "Query", schema),
            query::OperationDefinition::Mutation(mutation) => {
                self.walk(&mut mutation.selection_set, "Mutation", schema);
            }
            query::OperationDefinition::Subscription(subscription) => {
                self.walk(&mut subscription.selection_set, "Subscription", schema);
            }
        }
    }

    fn walk(&self, set: &mut SelectionSet, on: &str, schema: &Cutter) {
        for selection in &mut set.items {
            match selection {
                Selection::Field(field) => {
                    let Some(below) = schema.gives(on, &field.name) else { continue };
                    self.walk(&mut field.selection_set, below, schema);
                    let is_asked = |selection: &Selection| {
                        matches!(selection, Selection::Field(field)
                            if field.name == "__typename" && field.alias.is_none())
                    };
                    if self.0.contains(below) && !field.selection_set.items.iter().any(is_asked) {
                        field.selection_set.items.insert(0, nothing());
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref();
                    let on = condition.map_or(on, |query::TypeCondition::On(condition)| condition.as_str()).to_owned();
                    self.walk(&mut fragment.selection_set, &on, schema);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use graphql_tools::parser::{parse_query, parse_schema};

    use super::*;

    #[test]
    fn what_may_be_hidden_is_asked_what_it_is() {
        let sdl = "type Query { seen: Seen partly: Partly any: Any all: All } interface Seen { x: Int } \
            interface Partly { x: Int next: Any } union Any = A | B union All = A type A implements Seen & Partly { x: Int \
            next: Any } type B implements Partly @inaccessible { x: Int next: Any }";
        let schema = parse_schema::<String>(sdl).unwrap().into_static();
        let mut document = parse_query::<String>(
            "{ seen { x } partly { ... on A { next { __typename } } } any { ... on A { next { ... on A { x } } } } all { ... on A { x } } }",
        )
        .unwrap()
        .into_static();
        let (hidden, cutter) = (Hidden::of(&schema), Cutter::of(&schema));
        document.definitions.iter_mut().for_each(|definition| hidden.ask(definition, &cutter));
        let expected = "{ seen { x } partly { __typename ... on A { next { __typename } } } \
            any { __typename ... on A { next { __typename ... on A { x } } } } all { ... on A { x } } }";
        assert_eq!(document.to_string(), parse_query::<String>(expected).unwrap().to_string());
    }
}
