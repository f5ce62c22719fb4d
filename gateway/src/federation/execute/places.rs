//! Places in an answer: where entities lie that another subgraph knows more of.

use async_graphql::{Name, PathSegment, Value};

use super::type_name;
use crate::federation::plan::PathStep;
use crate::graphql::definition::Definition;

/// A step down an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Key(Name),
    Index(usize),
}

/// Where an object lies.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place(Vec<Step>);

impl Place {
    /// As errors have it.
    pub(super) fn path(&self) -> impl Iterator<Item = PathSegment> {
        self.0.iter().map(|step| match step {
            Step::Key(key) => PathSegment::Field(key.to_string()),
            Step::Index(index) => PathSegment::Index(*index),
        })
    }
}

/// Calls `found` with each object that the path leads to.
pub(super) fn find<'v>(
    value: &'v Value,
    path: &[PathStep],
    definition: &Definition,
    at: &mut Place,
    found: &mut dyn FnMut(&Place, &'v Value),
) {
    match (value, path) {
        (Value::List(values), _) => {
            let rest = match path {
                [PathStep::List, rest @ ..] => rest,
                path => path,
            };
            for (index, value) in values.iter().enumerate() {
                at.0.push(Step::Index(index));
                find(value, rest, definition, at, found);
                at.0.pop();
            }
        }
        (Value::Object(_), []) => found(at, value),
        (Value::Object(object), [PathStep::Field(key), rest @ ..]) => {
            if let Some(value) = object.get(key) {
                at.0.push(Step::Key(key.clone()));
                find(value, rest, definition, at, found);
                at.0.pop();
            }
        }
        (Value::Object(object), [PathStep::Types(types), rest @ ..]) => {
            let is_of = |name: &str| types.iter().any(|known| definition.is_of(name, known));
            if type_name(object).is_none_or(is_of) {
                find(value, rest, definition, at, found);
            }
        }
        _ => {}
    }
}

/// What lies at a place. `None`: something else has come there.
pub(super) fn at<'v>(value: &'v mut Value, place: &Place) -> Option<&'v mut Value> {
    place.0.iter().try_fold(value, |value, step| match (value, step) {
        (Value::Object(object), Step::Key(key)) => object.get_mut(key),
        (Value::List(values), Step::Index(index)) => values.get_mut(*index),
        _ => None,
    })
}

/// The path that all places begin with.
pub(super) fn common<'p>(places: impl IntoIterator<Item = &'p Place>) -> Vec<PathSegment> {
    let mut places = places.into_iter();
    let Some(first) = places.next() else { return Vec::new() };
    let mut length = first.0.len();
    for place in places {
        length = first.0.iter().zip(&place.0).take(length).take_while(|(one, other)| one == other).count();
    }
    Place(first.0[..length].to_vec()).path().collect()
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn field(key: &str) -> PathStep {
        PathStep::Field(Name::new(key))
    }

    fn found(value: &Value, path: &[PathStep]) -> Vec<String> {
        let definition = Definition::of("type A implements I { x: Int } type B { x: Int } interface I { x: Int }");
        let mut places = Vec::new();
        find(value, path, &definition, &mut Place::default(), &mut |place, _| {
            let path = place.path().map(|step| match step {
                PathSegment::Field(key) => key,
                PathSegment::Index(index) => index.to_string(),
            });
            places.push(path.collect::<Vec<_>>().join("."));
        });
        places
    }

    #[test]
    fn a_path_leads_to_objects_through_lists_and_types() {
        let answer = value!({ "list": [
            [{ "__typename": "A", "to": { "x": 1 } }, null, { "__typename": "B", "to": { "x": 2 } }],
            [{ "__typename": "A", "to": null }, { "to": [{ "x": 3 }] }],
        ] });
        let lists = || vec![field("list"), PathStep::List, PathStep::List];
        assert_eq!(found(&answer, &lists()), ["list.0.0", "list.0.2", "list.1.0", "list.1.1"]);
        let mut path = lists();
        path.extend([PathStep::Types(vec![Name::new("I")]), field("to")]);
        assert_eq!(found(&answer, &path), ["list.0.0.to", "list.1.1.to.0"]);
        assert_eq!(found(&answer, &[field("nothing"), field("to")]), [""; 0]);
    }

    #[test]
    fn places_have_a_beginning_in_common() {
        let place = |steps: &[usize]| Place(steps.iter().map(|index| Step::Index(*index)).collect());
        let path = common(&[place(&[1, 2, 3]), place(&[1, 2, 4]), place(&[1, 2])]);
        assert_eq!(path, vec![PathSegment::Index(1), PathSegment::Index(2)]);
        assert_eq!(common(&[]), vec![]);
    }
}
