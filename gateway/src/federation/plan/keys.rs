//! Under which key the executor has what a field was told: its own name, or one that tells its arguments apart. Clients'
//! own names for fields are put back when the answer is made, and no planner sees them.
//!
//! The planner (2.10.11) takes keys of entities from whatever lies under their names, so that in `{ id: name total }` a
//! name would be sent as an id; and it finds no plan where a field that another one requires is asked for by two names.
//! Fields of a mutation's root keep their names: two that are written alike are two changes.

use std::borrow::Cow;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationType, Selection, SelectionSet, VariableDefinition,
};
use async_graphql::{Name, Positioned, Value};

use crate::graphql::definition::root;

/// Under which key the executor has what a field was told. No schema's fields begin as those that are made here do.
pub(in crate::federation) fn key<'f>(field: &'f Field, on: &str) -> Cow<'f, Name> {
    let name = &field.name.node;
    if on == root(OperationType::Mutation) {
        let response = &field.response_key().node;
        return if response == name { Cow::Borrowed(name) } else { Cow::Owned(Name::new(format!("_as_{response}"))) };
    }
    if field.arguments.is_empty() {
        return Cow::Borrowed(name);
    }
    let mut hasher = DefaultHasher::new();
    of_field(field).hash(&mut hasher);
    Cow::Owned(Name::new(format!("_with_{:016x}_{name}", hasher.finish())))
}

/// A document with these keys in place of its client's.
pub(super) fn written(document: &ExecutableDocument) -> String {
    let mut text = String::new();
    for (name, operation) in document.operations.iter() {
        let operation = &operation.node;
        let name = name.map(Name::as_str).unwrap_or_default();
        let variables: Vec<String> = operation.variable_definitions.iter().map(variable).collect();
        let variables = if variables.is_empty() { String::new() } else { format!("({})", variables.join(" ")) };
        let directives = directives(&operation.directives);
        text += &format!("{} {name}{variables}{directives}", operation.ty);
        set(&operation.selection_set.node, root(operation.ty), &mut text);
    }
    for (name, fragment) in &document.fragments {
        let fragment = &fragment.node;
        let on = &fragment.type_condition.node.on.node;
        text += &format!(" fragment {name} on {on}{}", directives(&fragment.directives));
        set(&fragment.selection_set.node, on, &mut text);
    }
    text
}

/// A selection on something of a type, as far as that is known here: a mutation's root is always.
fn set(set: &SelectionSet, on: &str, text: &mut String) {
    if set.items.is_empty() {
        return;
    }
    *text += " {";
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                let (name, key) = (&field.name.node, key(field, on));
                let alias = if *key == *name { String::new() } else { format!("{key}: ") };
                *text += &format!(" {alias}{name}{}{}", of_field(field), directives(&field.directives));
                self::set(&field.selection_set.node, "", text);
            }
            Selection::InlineFragment(fragment) => {
                let fragment = &fragment.node;
                let condition = fragment.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                let on_type = condition.map(|condition| format!(" on {condition}")).unwrap_or_default();
                *text += &format!(" ...{on_type}{}", directives(&fragment.directives));
                self::set(&fragment.selection_set.node, condition.unwrap_or(on), text);
            }
            Selection::FragmentSpread(spread) => {
                let spread = &spread.node;
                *text += &format!(" ...{}{}", spread.fragment_name.node, directives(&spread.directives));
            }
        }
    }
    *text += " }";
}

fn variable(definition: &Positioned<VariableDefinition>) -> String {
    let definition = &definition.node;
    let mut text = format!("${}: {}", definition.name.node, definition.var_type.node);
    if let Some(default) = &definition.default_value {
        text += " = ";
        value(&default.node, &mut text);
    }
    text
}

fn directives(directives: &[Positioned<Directive>]) -> String {
    let written = |directive: &Positioned<Directive>| {
        let given = directive.node.arguments.iter();
        let given = given.map(|(name, value)| (&name.node, value.node.clone().into_const_with(variable_as_value)));
        format!(" @{}{}", directive.node.name.node, arguments(given))
    };
    directives.iter().map(written).collect()
}

fn of_field(field: &Field) -> String {
    let given = field.arguments.iter();
    arguments(given.map(|(name, value)| (&name.node, value.node.clone().into_const_with(variable_as_value))))
}

/// A variable, as a value that is written as it is.
fn variable_as_value(name: Name) -> Result<Value, Infallible> {
    Ok(Value::Enum(Name::new(format!("${name}"))))
}

/// Arguments, in the order of their names: those that say the same are written the same.
fn arguments<'n>(given: impl Iterator<Item = (&'n Name, Result<Value, Infallible>)>) -> String {
    let mut given: Vec<(&Name, Value)> = given.map(|(name, Ok(value))| (name, value)).collect();
    if given.is_empty() {
        return String::new();
    }
    given.sort_unstable_by_key(|(name, _)| *name);
    let mut text = String::from("(");
    fields(given.iter().map(|(name, value)| (*name, value)), &mut text);
    text + ")"
}

fn fields<'v>(fields: impl Iterator<Item = (&'v Name, &'v Value)>, text: &mut String) {
    for (number, (name, field)) in fields.enumerate() {
        *text += if number == 0 { "" } else { ", " };
        *text += &format!("{name}: ");
        value(field, text);
    }
}

/// A value as a document has it. The library's own writing of it (7.2.1) makes another character of a control character.
fn value(given: &Value, text: &mut String) {
    match given {
        Value::String(string) => *text += &serde_json::Value::String(string.clone()).to_string(),
        Value::List(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                *text += if number == 0 { "" } else { ", " };
                value(item, text);
            }
            text.push(']');
        }
        Value::Object(object) => {
            let mut sorted: Vec<(&Name, &Value)> = object.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            fields(sorted.into_iter(), text);
            text.push('}');
        }
        plain => *text += &plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// As a document that is written as it is read: keys by a number each, in the order in which they come.
    fn rewritten(text: &str) -> String {
        let mut text = written(&parse_query(text).unwrap());
        for number in 0.. {
            let Some(start) = text.find("_with_") else { break };
            let key = text[start..start + 22].to_owned();
            text = text.replace(&key, &format!("#{number}"));
        }
        graphql_tools::parser::parse_query::<String>(&text.replace('#', "n_")).unwrap().to_string().replace("n_", "#")
    }

    fn normal(text: &str) -> String {
        graphql_tools::parser::parse_query::<String>(&text.replace('#', "n_")).unwrap().to_string().replace("n_", "#")
    }

    #[test]
    fn a_field_is_known_by_its_name_and_its_arguments() {
        let text = r#"query Q($n: [Int!] = [1, 2], $o: In = {b: "x"}) { id: name b: pad(by: $n, to: 2) c: pad(to: 2, by: $n)
            d: pad(by: {x: [1, RED], y: null}) e: pad(by: {y: null, x: [1, RED]}) pad { __typename: a ...F @skip(if: true) }
            ... on T @include(if: $n) @other { y: b } ... { z: b } } "#;
        let fragment = "fragment F on T { c: c x: say(what: \"\"\"block\n \\n\"\"\") }";
        let expected = r#"query Q($n: [Int!] = [1, 2], $o: In = {b: "x"}) { name #0_pad: pad(by: $n, to: 2)
            #0_pad: pad(by: $n, to: 2) #1_pad: pad(by: {x: [1, RED], y: null}) #1_pad: pad(by: {x: [1, RED], y: null})
            pad { a ...F @skip(if: true) } ... on T @include(if: $n) @other { b } ... { b } }
            fragment F on T { c #2_say: say(what: "block\n\\n") }"#;
        assert_eq!(rewritten(&format!("{text}{fragment}")), normal(expected));
    }

    #[test]
    fn a_change_that_is_asked_for_twice_is_two() {
        let text = "mutation { a: go(n: 1) { x: y(n: 1) } b: go(n: 1) go ... on Mutation { c: go } ...F } \
                    fragment F on Mutation { go: go d: stop }";
        let expected = "mutation { _as_a: go(n: 1) { #0_y: y(n: 1) } _as_b: go(n: 1) go ... on Mutation { _as_c: go } \
                        ...F } fragment F on Mutation { go _as_d: stop }";
        assert_eq!(rewritten(text), normal(expected));
    }

    #[test]
    fn a_text_stays_what_it_was_whatever_is_in_it() {
        let hostile = "\u{1b}\u{7f}\"\\ \n\t\u{2028}é😀 $no #no {";
        let literal = serde_json::to_string(hostile).unwrap();
        let text = written(&parse_query(format!("{{ say(what: {literal}) }}")).unwrap());
        let read = parse_query(&text).unwrap();
        let (_, operation) = read.operations.iter().next().unwrap();
        let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else { panic!("{text}") };
        let told = field.node.arguments[0].1.node.clone().into_const_with(variable_as_value);
        assert_eq!(told, Ok(Value::String(hostile.to_owned())));
    }
}
