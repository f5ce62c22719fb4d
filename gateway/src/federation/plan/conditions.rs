//! Decides `@skip` and `@include` before an operation is planned: what a client has left out needs no plan, and the
//! planner (2.10.11) finds none where conditions lie in each other.

use std::collections::BTreeMap;

use graphql_tools::static_graphql::query::{
    Definition, Directive, Document, Field, OperationDefinition, Selection, SelectionSet, Value,
};

/// What a document comes to with these values of its variables. A selection of which nothing is left asks for
/// `__typename`.
pub(super) fn decide(document: &mut Document, values: &BTreeMap<String, bool>) {
    for definition in &mut document.definitions {
        let set = match definition {
            Definition::Operation(OperationDefinition::SelectionSet(set)) => set,
            Definition::Operation(OperationDefinition::Query(query)) => &mut query.selection_set,
            Definition::Operation(OperationDefinition::Mutation(mutation)) => &mut mutation.selection_set,
            Definition::Operation(OperationDefinition::Subscription(subscription)) => &mut subscription.selection_set,
            Definition::Fragment(fragment) => &mut fragment.selection_set,
        };
        walk(set, values);
    }
}

fn walk(set: &mut SelectionSet, values: &BTreeMap<String, bool>) {
    let had_any = !set.items.is_empty();
    set.items.retain_mut(|selection| {
        let directives = match selection {
            Selection::Field(field) => &mut field.directives,
            Selection::InlineFragment(fragment) => &mut fragment.directives,
            Selection::FragmentSpread(spread) => &mut spread.directives,
        };
        if directives.iter().any(|directive| leaves_out(directive, values)) {
            return false;
        }
        directives.retain(|directive| !matches!(directive.name.as_str(), "skip" | "include"));
        match selection {
            Selection::Field(field) => walk(&mut field.selection_set, values),
            Selection::InlineFragment(fragment) => walk(&mut fragment.selection_set, values),
            Selection::FragmentSpread(_) => {}
        }
        true
    });
    if had_any && set.items.is_empty() {
        set.items.push(nothing());
    }
}

/// What is asked for where nothing is.
pub(super) fn nothing() -> Selection {
    Selection::Field(Field {
        position: Default::default(),
        alias: None,
        name: "__typename".to_owned(),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: SelectionSet { span: Default::default(), items: Vec::new() },
    })
}

fn leaves_out(directive: &Directive, values: &BTreeMap<String, bool>) -> bool {
    let skips = match directive.name.as_str() {
        "skip" => true,
        "include" => false,
        _ => return false,
    };
    let condition = directive.arguments.iter().find(|(name, _)| name == "if");
    let holds = match condition.map(|(_, value)| value) {
        Some(Value::Boolean(holds)) => Some(*holds),
        Some(Value::Variable(name)) => values.get(name).copied(),
        _ => None,
    };
    holds == Some(skips)
}

#[cfg(test)]
mod tests {
    use graphql_tools::parser::parse_query;

    use super::*;

    #[test]
    fn what_is_left_out_is_gone_and_what_is_left_has_no_condition() {
        let text = "query ($y: Boolean!, $n: Boolean!) { a @skip(if: $n) b @include(if: $n) c { d @skip(if: true) } \
                    ...F @include(if: $y) ... @skip(if: $y) { e } ... @include(if: $y) @skip(if: $n) { f } } \
                    fragment F on Q { g @include(if: $y) @other h @include(if: $n) }";
        let mut document = parse_query::<String>(text).unwrap().into_static();
        decide(&mut document, &BTreeMap::from([("y".to_owned(), true), ("n".to_owned(), false)]));
        let expected = "query ($y: Boolean!, $n: Boolean!) { a c { __typename } ...F ... { f } } \
                        fragment F on Q { g @other }";
        let expected = parse_query::<String>(expected).unwrap().into_static();
        assert_eq!(document.to_string(), expected.to_string());
    }
}
