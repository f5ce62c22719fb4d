//! Gives an answer the shape that the specification asks for: fields in the query's order, and null where a field
//! failed, in its parent if it must not be null itself.
//!
//! async-graphql 7.2.1 puts fields in the order in which they were resolved and leaves out those that failed
//! (`do_resolve_container`), which no typed client expects.

use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, Directive, ExecutableDocument, Field, Selection, SelectionSet, Type};
use async_graphql::{Name, Positioned, Request, Response, Value, Variables};

use super::definition::{Definition, root};
use super::documents::Document;
use super::subgraph::{ENTITIES, representations};

/// Puts answers in shape.
pub(crate) struct Shapes {
    definition: Arc<Definition>,
}

/// What an operation asks for, kept until its answer is there.
pub(crate) struct Asked {
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Variables,
}

impl Asked {
    pub(crate) fn new(document: Arc<Document>, operation_name: Option<String>, variables: Variables) -> Self {
        Self { document, operation_name, variables }
    }

    /// The request for it, with nothing of whoever asks it.
    pub(crate) fn request(&self) -> Request {
        let mut request = Request::new("").variables(self.variables.clone());
        request.operation_name.clone_from(&self.operation_name);
        request.set_parsed_query(self.document.parsed.clone());
        request
    }
}

impl Shapes {
    /// The shapes of the schema with this definition.
    pub(crate) fn of(definition: Arc<Definition>) -> Self {
        Self { definition }
    }

    /// Puts the answer in shape. One that kept the request from being executed stays as it is.
    pub(crate) fn apply(&self, asked: &Asked, response: &mut Response) {
        let was_refused = response.data == Value::Null && response.errors.iter().all(|error| error.path.is_empty());
        let operation = asked.document.operation(asked.operation_name.as_deref());
        let Some(operation) = operation.ok().filter(|_| !was_refused) else { return };
        let mut variables = asked.variables.clone();
        for definition in &operation.node.variable_definitions {
            if let Some(default) = &definition.node.default_value {
                variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.node.clone());
            }
        }
        let shaping = Shaping { definition: &self.definition, document: &asked.document.parsed, variables: &variables };
        let root = root(operation.node.ty);
        let data = std::mem::take(&mut response.data);
        response.data =
            shaping.object(&[&operation.node.selection_set.node], &Name::new(root), data).unwrap_or_default();
    }
}

struct Shaping<'a> {
    definition: &'a Definition,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
}

/// What is asked under one key of an object.
struct Wanted<'a> {
    field: &'a Field,
    below: Vec<&'a SelectionSet>,
    /// Whether it is asked of every object here, and not just of those of some type that cannot be told.
    of_all: bool,
}

impl<'a> Shaping<'a> {
    /// The object in shape; `None` where it lacks what must not be null.
    fn object(&self, sets: &[&'a SelectionSet], type_name: &Name, value: Value) -> Option<Value> {
        let mut found = match value {
            Value::Object(found) => found,
            // An object all of whose fields failed comes as null.
            Value::Null => IndexMap::new(),
            other => return Some(other),
        };
        let concrete = match found.get("__typename") {
            Some(Value::String(name)) => Name::new(name),
            Some(Value::Enum(name)) => name.clone(),
            _ => type_name.clone(),
        };
        let mut wanted = IndexMap::new();
        for set in sets {
            self.collect(set, &concrete, true, &mut wanted);
        }
        let fields = self.definition.fields(&concrete);
        let mut shaped = IndexMap::with_capacity(found.len());
        for (key, wanted) in wanted {
            let field_type = fields.and_then(|fields| fields.get(&wanted.field.name.node));
            match (found.swap_remove(&key), field_type) {
                (Some(value), Some(_)) if wanted.field.name.node == ENTITIES => {
                    shaped.insert(key, self.entities(&wanted, value));
                }
                (Some(value), Some(field_type)) => {
                    shaped.insert(key, self.value(&wanted.below, field_type, value)?);
                }
                (Some(value), None) => {
                    shaped.insert(key, self.untyped(&wanted.below, value));
                }
                (None, Some(field_type)) if wanted.of_all => {
                    if !field_type.nullable {
                        return None;
                    }
                    shaped.insert(key, Value::Null);
                }
                (None, _) => {}
            }
        }
        shaped.extend(found);
        Some(Value::Object(shaped))
    }

    fn value(&self, below: &[&'a SelectionSet], field_type: &Type, value: Value) -> Option<Value> {
        let shaped = match (&field_type.base, value) {
            (_, Value::Null) if field_type.nullable => return Some(Value::Null),
            (BaseType::List(item), Value::List(values)) => {
                let values: Option<Vec<_>> = values.into_iter().map(|value| self.value(below, item, value)).collect();
                values.map(Value::List)
            }
            (BaseType::Named(name), value) if self.is_composite(name) => self.object(below, name, value),
            (_, Value::Null) => None,
            (_, value) => Some(value),
        };
        match shaped {
            None if field_type.nullable => Some(Value::Null),
            shaped => shaped,
        }
    }

    /// Records for a gateway: each is of the type that its representation names, and null where it lacks what must not be.
    fn entities(&self, wanted: &Wanted<'a>, value: Value) -> Value {
        let Value::List(values) = value else { return value };
        let types = representations(wanted.field, self.variables);
        let entity = |(index, value)| match (value, types.get(index).cloned().flatten()) {
            (Value::Null, _) => Value::Null,
            (value, Some(type_name)) => self.object(&wanted.below, &Name::new(type_name), value).unwrap_or_default(),
            (value, None) => value,
        };
        Value::List(values.into_iter().enumerate().map(entity).collect())
    }

    /// What introspection gives, or a field of a type that cannot be told: put in order only.
    fn untyped(&self, below: &[&'a SelectionSet], value: Value) -> Value {
        match value {
            Value::List(values) => Value::List(values.into_iter().map(|value| self.untyped(below, value)).collect()),
            Value::Object(_) => self.object(below, &Name::new(""), value).unwrap_or_default(),
            other => other,
        }
    }

    fn is_composite(&self, name: &Name) -> bool {
        self.definition.fields(name).is_some()
    }

    /// The keys that the selections ask of an object of this type, in their order.
    fn collect(&self, set: &'a SelectionSet, type_name: &Name, of_all: bool, wanted: &mut IndexMap<Name, Wanted<'a>>) {
        for selection in &set.items {
            if is_left_out(selection.node.directives(), self.variables) {
                continue;
            }
            let (condition, below) = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let key = field.response_key().node.clone();
                    let entry = wanted.entry(key).or_insert(Wanted { field, below: Vec::new(), of_all });
                    entry.below.push(&field.selection_set.node);
                    entry.of_all |= of_all;
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.type_condition.as_ref(), &fragment.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) else { continue };
                    (Some(&fragment.node.type_condition), &fragment.node.selection_set.node)
                }
            };
            let condition = condition.map(|condition| &condition.node.on.node);
            let is_same = condition.is_none_or(|on| on == type_name || self.definition.interfaces.contains_key(on));
            let is_other = !is_same && self.definition.objects.contains_key(type_name);
            if !is_other {
                self.collect(below, type_name, of_all && is_same, wanted);
            }
        }
    }
}

/// Whether `@skip` or `@include` leaves a selection out.
pub(crate) fn is_left_out(directives: &[Positioned<Directive>], variables: &Variables) -> bool {
    directives.iter().any(|directive| {
        let skips = match directive.node.name.node.as_str() {
            "skip" => true,
            "include" => false,
            _ => return false,
        };
        let condition = directive.node.get_argument("if").map(|value| value.node.clone());
        let condition =
            condition.and_then(|value| value.into_const_with(|name| variables.get(&name).cloned().ok_or(())).ok());
        condition == Some(Value::Boolean(skips))
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, ServerError, value};

    use super::*;

    const SDL: &str = "type Query { a: A b: A! list: [A!]! node: Node _entities: [_Entity]! } \
                       type B { z: Int } union _Entity = A | B \
                       type A implements Node { id: ID! x: Int y: Int! a: A } interface Node { id: ID! }";

    fn shaped(query: &str, data: Value) -> String {
        let mut error = ServerError::new("failed", None);
        error.path = vec![PathSegment::Field("somewhere".to_owned())];
        let mut response = Response::new(data);
        response.errors.push(error);
        let asked = Asked::new(Arc::new(Document::of(query)), None, Variables::default());
        Shapes::of(Arc::new(Definition::of(SDL))).apply(&asked, &mut response);
        serde_json::to_string(&response.data).unwrap()
    }

    #[test]
    fn fields_stand_in_the_order_of_the_query() {
        let data = value!({ "b": { "y": 2, "x": 1 }, "a": null });
        assert_eq!(shaped("{ a { x } b { x ...F } } fragment F on A { y }", data), r#"{"a":null,"b":{"x":1,"y":2}}"#);
    }

    #[test]
    fn a_field_that_failed_is_null() {
        assert_eq!(shaped("{ b { x y } a { x } }", value!({ "b": { "y": 2 } })), r#"{"b":{"x":null,"y":2},"a":null}"#);
        assert_eq!(shaped("{ a { x } }", Value::Null), r#"{"a":null}"#);
    }

    #[test]
    fn a_field_that_must_not_be_null_makes_its_parent_null() {
        assert_eq!(shaped("{ a { a { y } x } }", value!({ "a": { "x": 1, "a": {} } })), r#"{"a":{"a":null,"x":1}}"#);
        assert_eq!(shaped("{ b { y } }", value!({ "b": {} })), "null");
        assert_eq!(shaped("{ list { y } }", value!({ "list": [{ "y": 1 }, {}] })), "null");
    }

    #[test]
    fn entities_are_of_the_types_that_their_representations_name() {
        let query = r#"{ e: _entities(representations: [{__typename: "A"}, {__typename: "B"}, {__typename: "A"}]) {
            ... on A { x y } ... on B { z } } }"#;
        let data = value!({ "e": [{ "y": 2 }, { "z": 3 }, null] });
        assert_eq!(shaped(query, data), r#"{"e":[{"x":null,"y":2},{"z":3},null]}"#);
        // `y` must not be null, and failed.
        assert_eq!(shaped(query, value!({ "e": [{ "x": 1 }, {}, null] })), r#"{"e":[null,{"z":null},null]}"#);
    }

    #[test]
    fn what_is_skipped_or_of_another_type_is_not_missed() {
        assert_eq!(shaped("{ b { y x @skip(if: true) } }", value!({ "b": { "y": 1 } })), r#"{"b":{"y":1}}"#);
        let node = value!({ "node": { "id": "1" } });
        assert_eq!(shaped("{ node { id ... on A { x } } }", node), r#"{"node":{"id":"1"}}"#);
    }
}
