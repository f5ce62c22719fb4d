//! Rewrites: what a subgraph calls otherwise than the supergraph does.

use async_graphql::Value;

use super::type_name;
use crate::federation::plan::{Change, PathStep, Rewrite};
use crate::graphql::definition::Definition;

/// Makes a change wherever its path leads.
pub(super) fn apply(rewrite: &Rewrite, definition: &Definition, value: &mut Value) {
    follow(&rewrite.path, &rewrite.change, definition, value);
}

fn follow(path: &[PathStep], change: &Change, definition: &Definition, value: &mut Value) {
    if let Value::List(values) = value {
        let rest = match path {
            [PathStep::List, rest @ ..] => rest,
            path => path,
        };
        values.iter_mut().for_each(|value| follow(rest, change, definition, value));
        return;
    }
    match (path, change) {
        ([], Change::Set(text)) => *value = Value::String(text.to_string()),
        ([PathStep::Field(last)], Change::Rename(name)) => {
            if let Value::Object(object) = value
                && let Some(renamed) = object.swap_remove(last)
            {
                object.insert(name.clone(), renamed);
            }
        }
        ([PathStep::Field(key), rest @ ..], _) => {
            if let Value::Object(object) = value
                && let Some(value) = object.get_mut(key)
            {
                follow(rest, change, definition, value);
            }
        }
        ([PathStep::Types(types), rest @ ..], _) => {
            let Value::Object(object) = &*value else { return };
            let is_of = |name: &str| types.iter().any(|known| definition.is_of(name, known));
            if type_name(object).is_none_or(is_of) {
                follow(rest, change, definition, value);
            }
        }
        ([PathStep::List, ..] | [], _) => {}
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, value};

    use super::*;

    #[test]
    fn a_change_is_made_wherever_its_path_leads() {
        let definition = Definition::of("type A implements I { x: Int } type B { x: Int } interface I { x: Int }");
        let path = |last: &str| {
            vec![
                PathStep::Field(Name::new("list")),
                PathStep::Types(vec![Name::new("I")]),
                PathStep::Field(Name::new(last)),
            ]
        };
        let mut value = value!({ "list": [{ "__typename": "A", "a": 1 }, null, { "__typename": "B", "a": 2 }] });
        apply(&Rewrite { path: path("a"), change: Change::Rename(Name::new("b")) }, &definition, &mut value);
        apply(&Rewrite { path: path("__typename"), change: Change::Set(Name::new("I")) }, &definition, &mut value);
        let expected = value!({ "list": [{ "__typename": "I", "b": 1 }, null, { "__typename": "B", "a": 2 }] });
        assert_eq!(value, expected);
    }
}
