//! Makes the answer of what was told: exactly the fields that were asked for, in their order, of the types that the schema
//! says. What must not be null and is takes its parent with it; what is no value of its type is null, and an error says so.

mod places;
mod selected;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, ExecutableDocument, Field, OperationDefinition, SelectionSet, Type};
use async_graphql::{Name, PathSegment, ServerError, Value, Variables};

use self::selected::{One, Selected};
use super::guards::Refusals;
use crate::error::{Code, Failure, set_code};
use crate::graphql::definition::{Definition, root};

/// What decides what is shown of what was told, beside the schema that clients see.
pub(super) struct Shown<'a> {
    /// Answers what is asked of the schema itself.
    pub(super) introspected: Introspected<'a>,
    /// The fields that the viewer may not read. `None`: they may read all.
    pub(super) refusals: Option<&'a Refusals>,
    /// The values of enums that subgraphs may tell and nobody is shown.
    pub(super) hidden: &'a HashMap<Name, HashSet<Name>>,
}

/// What is told of the schema itself, by the field of the root that asks for it.
pub(super) type Introspected<'a> = &'a dyn Fn(&Field, &[&SelectionSet]) -> Value;

/// An operation's answer: its data, and the errors that come of making it, after those that were told.
pub(super) fn project(
    definition: &Definition,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    shown: Shown<'_>,
    (told, errors): (Value, Vec<ServerError>),
) -> (Value, Vec<ServerError>) {
    let mut projection = Projection { definition, document, variables, shown, path: Vec::new(), errors: Vec::new() };
    let (set, on) = (&operation.selection_set.node, root(operation.ty));
    projection.errors = errors.into_iter().flat_map(|error| projection.placed(error, set, on)).collect();
    let selected = Rc::new(Selected::new(vec![set]));
    let data = projection.object(&selected, &Name::new(on), told).unwrap_or_default();
    (data, projection.errors)
}

struct Projection<'a> {
    definition: &'a Definition,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    shown: Shown<'a>,
    path: Vec<PathSegment>,
    errors: Vec<ServerError>,
}

impl<'a> Projection<'a> {
    /// The object with what is wanted of it. `None` where it lacks what must not be null.
    fn object(&mut self, selected: &Rc<Selected<'a>>, type_name: &Name, value: Value) -> Option<Value> {
        let Value::Object(mut told) = value else { return None };
        let concrete = match told.get("__typename") {
            Some(Value::String(name)) => Name::new(name),
            Some(Value::Enum(name)) => name.clone(),
            _ => type_name.clone(),
        };
        // Of an interface that a subgraph has as an object it may not be known which object it is.
        let fields = self.definition.fields(&concrete)?;
        let wanted = self.wanted(selected, &concrete);
        let mut object = IndexMap::with_capacity(wanted.len());
        for One { response: key, field, told: told_as, is_last, below } in wanted.iter() {
            let name = field.name.node.as_str();
            if name == "__typename" {
                if !self.definition.objects.contains_key(&concrete) {
                    // What it is must be one of its objects' names, and nobody has told which.
                    if !self.is_told() {
                        self.misfit(&format!("nobody tells which `{concrete}` it is"));
                    }
                    return None;
                }
                object.insert(key.clone(), Value::String(concrete.to_string()));
            } else if name.starts_with("__") {
                object.insert(key.clone(), (self.shown.introspected)(field, &below.sets));
            } else {
                let ty = fields.get(name)?;
                self.path.push(PathSegment::Field(key.to_string()));
                let told = if *is_last { told.swap_remove(told_as) } else { told.get(told_as).cloned() };
                let told = told.unwrap_or_default();
                let value = match self.shown.refusals.and_then(|refusals| refusals.of(&concrete, name)) {
                    Some(failure) => self.refuse(failure, field, ty),
                    None => self.value(below, ty, told, &concrete, name),
                };
                self.path.pop();
                object.insert(key.clone(), value?);
            }
        }
        Some(Value::Object(object))
    }

    /// The value as its type wants it. `None` where it must not be null and is.
    fn value(
        &mut self,
        below: &Rc<Selected<'a>>,
        ty: &Type,
        value: Value,
        parent: &Name,
        field: &str,
    ) -> Option<Value> {
        let projected = match (&ty.base, value) {
            (_, Value::Null) => None,
            (BaseType::List(item), Value::List(values)) => {
                let mut items = Some(Vec::with_capacity(values.len()));
                for (index, value) in values.into_iter().enumerate() {
                    self.path.push(PathSegment::Index(index));
                    let value = self.value(below, item, value, parent, field);
                    self.path.pop();
                    match (&mut items, value) {
                        (Some(items), Some(value)) => items.push(value),
                        _ => items = None,
                    }
                }
                items.map(Value::List)
            }
            (BaseType::List(_), _) => {
                self.misfit(&format!("`{parent}.{field}` is no list"));
                None
            }
            (BaseType::Named(name), value) if self.is_composite(name) => {
                if matches!(value, Value::Object(_)) {
                    self.object(below, name, value)
                } else {
                    self.misfit(&format!("`{parent}.{field}` is no object"));
                    None
                }
            }
            (BaseType::Named(name), value) => self.leaf(name, value, parent, field),
        };
        match projected {
            Some(value) => Some(value),
            None if ty.nullable => Some(Value::Null),
            None => {
                if !self.is_told() {
                    self.tell(format!("`{parent}.{field}` must not be null, and is."));
                }
                None
            }
        }
    }

    /// The value of a scalar or an enum. `None` where it is none.
    fn leaf(&mut self, type_name: &Name, value: Value, parent: &Name, field: &str) -> Option<Value> {
        let fits = match (type_name.as_str(), &value) {
            ("Int", Value::Number(number)) => {
                number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
                    || number.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() < 2_147_483_648.0)
            }
            ("Float", Value::Number(_)) | ("String", Value::String(_)) | ("Boolean", Value::Boolean(_)) => true,
            ("ID", Value::String(_) | Value::Number(_)) => true,
            ("Int" | "Float" | "String" | "Boolean" | "ID", _) => false,
            _ => match (self.definition.enums.get(type_name), &value) {
                (Some(values), Value::String(given)) => values.iter().any(|value| value == given),
                (Some(values), Value::Enum(given)) => values.contains(given),
                (Some(_), _) => false,
                (None, _) => true,
            },
        };
        match (fits, type_name.as_str(), value) {
            (true, "ID", Value::Number(number)) => Some(Value::String(number.to_string())),
            (true, _, value) => Some(value),
            // Nobody is at fault: it is a value that is not shown.
            (false, _, Value::String(value)) if self.is_hidden(type_name, &value) => None,
            (false, _, Value::Enum(value)) if self.is_hidden(type_name, &value) => None,
            (false, ..) => {
                self.misfit(&format!("`{parent}.{field}` has a value that is no `{type_name}`"));
                None
            }
        }
    }

    /// What may not be read: null, and an error that says why.
    fn refuse(&mut self, failure: &Failure, field: &Field, ty: &Type) -> Option<Value> {
        let place = field.alias.as_ref().unwrap_or(&field.name).pos;
        let mut error = async_graphql::Error::from(failure.clone()).into_server_error(place);
        error.path.clone_from(&self.path);
        self.errors.push(error);
        ty.nullable.then_some(Value::Null)
    }

    fn is_hidden(&self, type_name: &Name, value: &str) -> bool {
        self.shown.hidden.get(type_name).is_some_and(|values| values.contains(value))
    }

    fn is_composite(&self, name: &Name) -> bool {
        self.definition.fields(name).is_some() || self.definition.possible.contains_key(name)
    }

    fn misfit(&mut self, what: &str) {
        self.tell(format!("A subgraph broke the schema's promise: {what}."));
    }

    fn tell(&mut self, message: String) {
        let mut error = ServerError::new(message, None);
        error.path.clone_from(&self.path);
        set_code(&mut error, Code::Unavailable);
        self.errors.push(error);
    }

    /// Whether an error says already why there is nothing here: one at this place, above it or below it.
    fn is_told(&self) -> bool {
        self.errors.iter().any(|error| error.path.iter().zip(&self.path).all(|(one, other)| one == other))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::value;

    use super::*;

    const SDL: &str = "type Query { a: A must: A! list: [A!] node: Node any: Any color: Color id: ID n: Int } \
        interface Node { x: Int } union Any = A | B enum Color { RED } \
        type A implements Node { x: Int y: Int! a: A } type B implements Node { x: Int z: String }";

    fn projected(query: &str, told: Value) -> (String, Vec<String>) {
        let document = parse_query(query).unwrap();
        let operation = document.operations.iter().next().unwrap().1.node.clone();
        let introspected = |_: &Field, _: &[&SelectionSet]| value!({ "told": true });
        let variables = Variables::from_json(serde_json::json!({ "yes": true }));
        let hidden = HashMap::from([(Name::new("Color"), HashSet::from([Name::new("SECRET")]))]);
        let shown = Shown { introspected: &introspected, refusals: None, hidden: &hidden };
        let (data, errors) =
            project(&Definition::of(SDL), &document, &operation, &variables, shown, (told, Vec::new()));
        let errors = errors.iter().map(|error| serde_json::to_value(&error.path).unwrap().to_string()).collect();
        (serde_json::to_string(&data).unwrap(), errors)
    }

    #[test]
    fn what_was_asked_for_stands_in_its_order_and_nothing_else() {
        let told = value!({ "n": 1, "extra": 2, "a": { "__typename": "A", "y": 2, "x": 1, "key": 3 } });
        let query = "query ($yes: Boolean!) { t: __typename a { x ...F } n s: n @skip(if: $yes) __schema { x } } \
                     fragment F on Node { x ... on A { y __typename } ... on B { z } }";
        let expected = r#"{"t":"Query","a":{"x":1,"y":2,"__typename":"A"},"n":1,"__schema":{"told":true}}"#;
        assert_eq!(projected(query, told), (expected.to_owned(), vec![]));
    }

    #[test]
    fn what_is_told_once_stands_under_each_of_its_names() {
        let told = value!({ "n": 1, "a": { "x": 1, "y": 2, "a": { "x": 3, "y": 4 } } });
        let query = "{ m: n n a { y: x x: y } b: a { a { x } } c: a { ...F } a { a { y } } } fragment F on A { a: y }";
        let expected = r#"{"m":1,"n":1,"a":{"y":1,"x":2,"a":{"y":4}},"b":{"a":{"x":3}},"c":{"a":2}}"#;
        assert_eq!(projected(query, told), (expected.to_owned(), vec![]));
    }

    #[test]
    fn an_error_stands_wherever_its_client_sees_what_it_is_about() {
        let query = "query ($yes: Boolean!) { b: a { z: y } a { x y @skip(if: $yes) } ...F list { ... on A { w: y } }                      c: any { ... on A { s: y } ... on B { s: z } } } fragment F on Query { d: a { y } }";
        let document = parse_query(query).unwrap();
        let operation = document.operations.iter().next().unwrap().1.node.clone();
        let definition = Definition::of(SDL);
        let path = |text: &str| -> Vec<PathSegment> { serde_json::from_str(text).unwrap() };
        for (told, expected) in [
            (r#"["a","y"]"#, vec![r#"["b","z"]"#, r#"["a"]"#, r#"["d","y"]"#]),
            (r#"["list",3,"y","deep"]"#, vec![r#"["list",3,"w"]"#]),
            (r#"["any","z"]"#, vec![r#"["c","s"]"#]),
            (r#"["n"]"#, vec!["[]"]),
            ("[]", vec!["[]"]),
        ] {
            let error = ServerError { path: path(told), ..ServerError::new("", None) };
            let introspected = |_: &Field, _: &[&SelectionSet]| Value::Null;
            let variables = Variables::from_json(serde_json::json!({ "yes": true }));
            let told = (Value::Null, vec![error]);
            let shown = Shown { introspected: &introspected, refusals: None, hidden: &HashMap::new() };
            let (_, errors) = project(&definition, &document, &operation, &variables, shown, told);
            let paths: Vec<_> = errors.into_iter().map(|error| error.path).collect();
            assert_eq!(paths, expected.into_iter().map(path).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_object_of_an_abstract_type_gives_what_is_asked_of_its_own() {
        let told = value!({ "any": { "__typename": "B", "z": "z" }, "node": { "__typename": "A", "x": 1, "y": 2 } });
        let query = "{ any { ... on A { y } ... on B { z } } node { x ... on B { z } } }";
        assert_eq!(projected(query, told), (r#"{"any":{"z":"z"},"node":{"x":1}}"#.to_owned(), vec![]));
        // One that is what nobody knows is not there; of an interface the object need not be known.
        let told =
            value!({ "any": { "__typename": "Secret", "z": "z" }, "node": { "__typename": "Node", "x": 1, "z": 2 } });
        assert_eq!(projected(query, told), (r#"{"any":null,"node":{"x":1}}"#.to_owned(), vec![]));
        let told = value!({ "node": { "__typename": "Node", "x": 1 } });
        let (data, errors) = projected("{ node { x t: __typename } }", told);
        assert_eq!((data.as_str(), errors), (r#"{"node":null}"#, vec![r#"["node"]"#.to_owned()]));
    }

    #[test]
    fn what_must_not_be_null_takes_its_parent_with_it_and_says_so() {
        let told = value!({ "list": [{ "y": 1 }, { "y": null }], "a": { "a": { "x": 1 }, "x": 1 } });
        let (data, errors) = projected("{ list { y } a { a { y } x } }", told);
        assert_eq!(data, r#"{"list":null,"a":{"a":null,"x":1}}"#);
        assert_eq!(errors, [r#"["list",1,"y"]"#, r#"["a","a","y"]"#]);
        assert_eq!(
            projected("{ must { x } n }", value!({ "n": 1 })),
            ("null".to_owned(), vec![r#"["must"]"#.to_owned()])
        );
    }

    #[test]
    fn what_is_no_value_of_its_type_is_null() {
        let told = value!({ "color": "BLUE", "n": "1", "a": [1], "list": { "y": 1 }, "id": 7 });
        let (data, errors) = projected("{ color n a { x } list { x } id }", told);
        assert_eq!(data, r#"{"color":null,"n":null,"a":null,"list":null,"id":"7"}"#);
        assert_eq!(errors, [r#"["color"]"#, r#"["n"]"#, r#"["a"]"#, r#"["list"]"#]);
    }

    #[test]
    fn a_value_that_is_not_shown_is_null_and_nobodys_fault() {
        let told = || value!({ "color": "SECRET" });
        assert_eq!(projected("{ color }", told()), (r#"{"color":null}"#.to_owned(), vec![]));
    }
}
