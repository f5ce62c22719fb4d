//! Queries that a new supergraph must be able to plan before it is live: each field of its root, with every plain field of
//! what it gives. What could not be planned would be found out by clients.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};

/// A query for each field of the root, by its name.
pub(super) fn queries(sdl: &str) -> Vec<(Name, String)> {
    let definitions = parse_schema(sdl).map(|document| document.definitions).unwrap_or_default();
    let mut types: HashMap<Name, Vec<FieldDefinition>> = HashMap::new();
    let mut leaves: Vec<Name> = ["Int", "Float", "String", "Boolean", "ID"].map(Name::new).to_vec();
    for definition in definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node;
        let fields = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            TypeKind::Scalar | TypeKind::Enum(_) => {
                leaves.push(name);
                continue;
            }
            TypeKind::Union(_) | TypeKind::InputObject(_) => Vec::new(),
        };
        types.insert(name, fields.into_iter().map(|field| field.node).collect());
    }
    let root = types.get("Query").cloned().unwrap_or_default();
    let query = |field: &FieldDefinition| {
        let needed = field.arguments.iter().filter(|argument| is_needed(&argument.node.ty.node));
        let needed: Vec<(String, String)> =
            needed.map(|argument| (argument.node.name.node.to_string(), argument.node.ty.node.to_string())).collect();
        let variables: Vec<String> = needed.iter().map(|(name, ty)| format!("${name}: {ty}")).collect();
        let given: Vec<String> = needed.iter().map(|(name, _)| format!("{name}: ${name}")).collect();
        let within =
            |parts: Vec<String>| if parts.is_empty() { String::new() } else { format!("({})", parts.join(" ")) };
        let (variables, given) = (within(variables), within(given));
        let below = match types.get(named(&field.ty.node)) {
            None => String::new(),
            Some(fields) => {
                let is_plain = |field: &&FieldDefinition| {
                    leaves.contains(named(&field.ty.node))
                        && !field.arguments.iter().any(|argument| is_needed(&argument.node.ty.node))
                };
                let names = fields.iter().filter(is_plain).map(|field| format!(" {}", field.name.node));
                format!(" {{ __typename{} }}", names.collect::<String>())
            }
        };
        (field.name.node.clone(), format!("query{variables} {{ {}{given}{below} }}", field.name.node))
    };
    root.iter().map(query).collect()
}

fn is_needed(ty: &Type) -> bool {
    !ty.nullable
}

fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_of_the_root_is_asked_for_with_all_that_is_plain_below_it() {
        let sdl = "type Query { n: Int a(id: ID!, by: In!, x: Int): [A!]! any: Any } input In { x: Int } enum E { X } \
                   type A { id: ID e: E s(x: Int!): S t(x: Int): S b: A } scalar S union Any = A";
        let queries: Vec<String> = queries(sdl).into_iter().map(|(_, query)| query).collect();
        let expected = [
            "query { n }",
            "query($id: ID! $by: In!) { a(id: $id by: $by) { __typename id e t } }",
            "query { any { __typename } }",
        ];
        assert_eq!(queries, expected);
    }
}
