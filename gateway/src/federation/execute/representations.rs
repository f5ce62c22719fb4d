//! Representations: what a subgraph is told of entities, so that it tells more. Each that is told the same is sent once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};

use super::places::{self, Place};
use super::{TYPE_NAME, rewrites, type_name};
use crate::federation::plan::{Batch, Change, Requirement};
use crate::graphql::definition::Definition;

/// Representations, and where each of the entities lies.
#[derive(Default)]
pub(super) struct Representations {
    values: Vec<Value>,
    /// By the representation's number.
    places: Vec<Vec<Place>>,
}

impl Representations {
    /// Of the entities in `data` that the batch asks for. What an entity lacks is left out; one that lacks everything is
    /// not asked for.
    pub(super) fn of(batch: &Batch, definition: &Definition, data: &Value) -> Self {
        let mut representations = Self::default();
        let mut known: HashMap<String, usize> = HashMap::new();
        // What a subgraph has as one object, an interface elsewhere, it may be asked of all that are that: of two types'
        // parts the planner (2.10.11) keeps one.
        let one_object = batch.before.iter().filter_map(|rewrite| match &rewrite.change {
            Change::Set(name) if definition.interfaces.contains_key(name) => Some(name),
            _ => None,
        });
        let asked = Wanted { definition, one_object: one_object.collect() };
        for path in &batch.paths {
            places::find(data, path, definition, &mut Place::default(), &mut |place, entity| {
                let Some(mut value) = asked.of(entity, &batch.requires) else { return };
                for rewrite in &batch.before {
                    rewrites::apply(rewrite, definition, &mut value);
                }
                match known.entry(value.to_string()) {
                    Entry::Occupied(number) => {
                        let places: &mut Vec<Place> = &mut representations.places[*number.get()];
                        places.push(place.clone());
                    }
                    Entry::Vacant(number) => {
                        number.insert(representations.values.len());
                        representations.values.push(value);
                        representations.places.push(vec![place.clone()]);
                    }
                }
            });
        }
        representations
    }

    /// What is sent.
    pub(super) fn take(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.values)
    }

    /// Whether there is nothing to ask for.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where the entity of this number lies.
    pub(super) fn places(&self, number: usize) -> &[Place] {
        self.places.get(number).map_or(&[], Vec::as_slice)
    }

    /// Where all of them lie.
    pub(super) fn all(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().flatten()
    }
}

/// Tells what is required of entities.
struct Wanted<'a> {
    definition: &'a Definition,
    /// The interfaces that the subgraph has as objects.
    one_object: Vec<&'a Name>,
}

impl Wanted<'_> {
    /// What is required of a value. `None`: it has none of it.
    fn of(&self, value: &Value, requires: &[Requirement]) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::List(values) => {
                Some(Value::List(values.iter().filter_map(|value| self.of(value, requires)).collect()))
            }
            // A scalar that is written as an object.
            Value::Object(_) if requires.is_empty() => Some(value.clone()),
            Value::Object(object) => {
                let mut projected = IndexMap::new();
                self.collect(object, requires, &mut projected);
                if projected.is_empty() {
                    return None;
                }
                if let Some(name) = object.get(TYPE_NAME) {
                    projected.insert(Name::new(TYPE_NAME), name.clone());
                }
                Some(Value::Object(projected))
            }
            scalar => Some(scalar.clone()),
        }
    }

    fn collect(&self, object: &IndexMap<Name, Value>, requires: &[Requirement], projected: &mut IndexMap<Name, Value>) {
        for requirement in requires {
            match requirement {
                Requirement::Field { key, .. } if key == TYPE_NAME => {}
                Requirement::Field { name, key, below } => {
                    let value = object.get(name).or_else(|| object.get(key));
                    if let Some(value) = value.and_then(|value| self.of(value, below)) {
                        projected.insert(key.clone(), value);
                    }
                }
                Requirement::On { type_name: on, below } => {
                    if type_name(object).is_none_or(|name| self.holds(name, on)) {
                        self.collect(object, below, projected);
                    }
                }
            }
        }
    }

    /// Whether what is required of one type is of an object that is called by another. An object may be known by the name
    /// of an interface, to a subgraph that has it as an object.
    fn holds(&self, name: &str, on: &str) -> bool {
        let is_of = |object: &str, other: &str| self.definition.is_of(object, other);
        is_of(name, on) || is_of(on, name) || self.one_object.iter().any(|one| is_of(name, one) && is_of(on, one))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;
    use crate::federation::plan::{Change, PathStep, Rewrite};

    fn field(name: &str, below: Vec<Requirement>) -> Requirement {
        Requirement::Field { name: Name::new(name), key: Name::new(name), below }
    }

    fn on(type_name: &str, below: Vec<Requirement>) -> Requirement {
        Requirement::On { type_name: Name::new(type_name), below }
    }

    fn batch(requires: Vec<Requirement>, before: Vec<Rewrite>) -> Batch {
        Batch {
            key: Name::new("_entities"),
            variable: Name::new("representations"),
            paths: vec![vec![PathStep::Field(Name::new("list")), PathStep::List]],
            requires,
            before,
            after: Vec::new(),
        }
    }

    #[test]
    fn the_same_is_sent_once_and_remembers_its_places() {
        let requires = vec![
            on("A", vec![field("id", vec![]), field("at", vec![field("x", vec![])])]),
            on("B", vec![field("b", vec![])]),
        ];
        let data = value!({ "list": [
            { "__typename": "A", "id": 1, "other": 2, "at": { "x": 1, "y": 2 } },
            { "__typename": "A", "id": 1, "at": { "x": 1, "y": 3 } },
            { "__typename": "A", "id": 2, "at": null },
            { "__typename": "B", "id": 1, "b": [1, 2] },
            { "__typename": "B", "id": 1 },
            null,
        ] });
        let definition = Definition::of("type A { id: ID } type B { id: ID }");
        let mut representations = Representations::of(&batch(requires, vec![]), &definition, &data);
        let expected = value!([
            { "id": 1, "at": { "x": 1 }, "__typename": "A" },
            { "id": 2, "__typename": "A" },
            { "b": [1, 2], "__typename": "B" },
        ]);
        assert_eq!(Value::List(representations.take()), expected);
        assert_eq!((0..3).map(|number| representations.places(number).len()).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(representations.places(3), []);
    }

    #[test]
    fn of_what_a_subgraph_has_as_one_object_all_are_asked_for() {
        let path = vec![PathStep::Types(vec![Name::new("Node")]), PathStep::Field(Name::new("__typename"))];
        let rewrite = Rewrite { path, change: Change::Set(Name::new("Node")) };
        let data = value!({ "list": [{ "__typename": "A", "id": 1 }, { "__typename": "B", "id": 2 }] });
        let definition =
            "type A implements Node { id: ID } type B implements Node { id: ID } interface Node { id: ID }";
        let definition = Definition::of(definition);
        let asked = |before| {
            let requires = vec![on("B", vec![field("id", vec![])])];
            Representations::of(&batch(requires, before), &definition, &data).take()
        };
        assert_eq!(asked(vec![]), [value!({ "id": 2, "__typename": "B" })]);
        let all = [value!({ "id": 1, "__typename": "Node" }), value!({ "id": 2, "__typename": "Node" })];
        assert_eq!(asked(vec![rewrite]), all);
    }

    #[test]
    fn a_representation_is_rewritten_before_it_is_sent() {
        let path = vec![PathStep::Types(vec![Name::new("A")]), PathStep::Field(Name::new("__typename"))];
        let rewrite = Rewrite { path, change: Change::Set(Name::new("Node")) };
        let data = value!({ "list": [{ "__typename": "A", "id": 1 }] });
        let definition = Definition::of("type A implements Node { id: ID } interface Node { id: ID }");
        let requires = vec![on("Node", vec![field("id", vec![])])];
        let mut representations = Representations::of(&batch(requires, vec![rewrite]), &definition, &data);
        assert_eq!(representations.take(), [value!({ "id": 1, "__typename": "Node" })]);
    }
}
