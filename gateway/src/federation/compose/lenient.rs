//! Where Grafbase's library (0.12.2) refuses what Apollo's composition takes, or loses something on its way: subgraphs are
//! given to it such that it takes them, and the supergraph is put right after it.
//!
//! - An object may be an entity in one subgraph and have no `@key` in another.
//! - `@shareable` on an object stands for each of its fields there, not for the object having the same fields everywhere
//!   (<https://specs.apollo.dev/federation/v2.3/#@shareable>), and the fields of a key are shareable, those below its fields
//!   too.
//! - A field may have a type in one subgraph that is one of the possible types of what it has in another, and items of a
//!   list that are never null where in another they may be.
//! - An enum in both input and output has the same values everywhere, in whichever order, but for those that are
//!   `@inaccessible` somewhere.
//! - A directive's argument has the default that one of its definitions gives it.
//! - A field of a key that is `@external` is not resolved there, but where the key belongs to an extension.
//! - An `@interfaceObject` may have no key by which it is resolved.

mod arguments;
mod edits;
mod enums;
mod fields;
mod keys;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use graphql_tools::parser::Pos;
use graphql_tools::static_graphql::schema::{self, Document, Field, TypeDefinition, Value};

use self::edits::Edits;
use super::read::{Read, has, is};

/// Something of a type in a subgraph: the subgraph's name, the type's in the supergraph, and that of its part.
type Place = (String, String, String);

/// What a supergraph must say otherwise than the library does.
#[derive(Default)]
pub(super) struct Lenient {
    /// Values that were given to enums.
    values: HashSet<Place>,
    /// The types that fields have in their subgraphs, where these were given those of others.
    types: BTreeMap<Place, String>,
    /// Unions that were given to subgraphs for them.
    unions: HashSet<(String, String)>,
    /// Fields of keys that their subgraphs do not resolve.
    external: HashSet<Place>,
    /// The keys of `@interfaceObject`s that are not resolved by them: subgraph, interface, key.
    interface_objects: Vec<Place>,
}

impl Lenient {
    /// The subgraphs' schemas as the library takes them, in the same order.
    pub(super) fn before(parts: &[Read<'_>]) -> (Self, Vec<String>) {
        let mut edits: Vec<Edits> = parts.iter().map(|_| Edits::default()).collect();
        keys::give(parts, &mut edits);
        fields::share(parts, &mut edits);
        arguments::complete(parts, &mut edits);
        let (types, unions) = fields::widen(parts, &mut edits);
        let lenient = Self {
            values: enums::complete(parts, &mut edits),
            types,
            unions,
            external: keys::external(parts),
            interface_objects: keys::of_interface_objects(parts),
        };
        let texts = parts.iter().zip(edits).map(|(part, edits)| edits.applied(&part.part.sdl));
        (lenient, texts.collect())
    }

    /// Puts a supergraph right, whose `join__Graph` has these values by the names of subgraphs.
    pub(super) fn after(&self, supergraph: &mut Document, graphs: &HashMap<String, String>) {
        let names: HashMap<&str, &str> = graphs.iter().map(|(part, graph)| (graph.as_str(), part.as_str())).collect();
        for definition in &mut supergraph.definitions {
            let schema::Definition::TypeDefinition(definition) = definition else { continue };
            match definition {
                TypeDefinition::Object(object) => {
                    keys::take(&mut object.directives);
                    self.put_right(&object.name, &object.directives, &mut object.fields, &names);
                }
                TypeDefinition::Interface(interface) => {
                    self.join_interface_objects(&interface.name, &mut interface.directives, graphs);
                    self.put_right(&interface.name, &interface.directives, &mut interface.fields, &names);
                }
                TypeDefinition::Union(union) => union.directives.retain(|directive| {
                    let part = graph(directive).and_then(|graph| names.get(graph));
                    !part.is_some_and(|part| self.unions.contains(&(part.to_string(), union.name.clone())))
                }),
                TypeDefinition::Enum(values) => {
                    for value in &mut values.values {
                        value.directives.retain(|directive| {
                            let part = graph(directive).and_then(|graph| names.get(graph));
                            let place = |part: &&str| (part.to_string(), values.name.clone(), value.name.clone());
                            !part.is_some_and(|part| self.values.contains(&place(part)))
                        });
                    }
                }
                _ => {}
            }
        }
    }

    fn join_interface_objects(
        &self,
        interface: &str,
        type_directives: &mut Vec<schema::Directive>,
        graphs: &HashMap<String, String>,
    ) {
        for (part, _, key) in self.interface_objects.iter().filter(|(_, of, _)| of == interface) {
            let Some(name) = graphs.get(part) else { continue };
            let is_same = |one: &schema::Directive| {
                graph(one) == Some(name) && one.arguments.contains(&("key".to_owned(), Value::String(key.clone())))
            };
            if !type_directives.iter().any(is_same) {
                let arguments = [
                    ("graph", Value::Enum(name.clone())),
                    ("key", Value::String(key.clone())),
                    ("resolvable", Value::Boolean(false)),
                    ("isInterfaceObject", Value::Boolean(true)),
                ];
                type_directives.push(directive("join__type", arguments));
            }
        }
    }

    fn put_right(
        &self,
        of: &str,
        type_directives: &[schema::Directive],
        fields: &mut [Field],
        names: &HashMap<&str, &str>,
    ) {
        for field in fields {
            let place = |part: &str| (part.to_owned(), of.to_owned(), field.name.clone());
            let is_other = |part: &&str| {
                let place = place(part);
                self.types.contains_key(&place) || self.external.contains(&place)
            };
            if !names.values().any(is_other) {
                continue;
            }
            if !field.directives.iter().any(|one| one.name == JOIN_FIELD) {
                // Whoever has the type has the field.
                field.directives.extend(join_fields(type_directives));
            }
            for join in field.directives.iter_mut().filter(|one| one.name == JOIN_FIELD) {
                let Some(place) = graph(join).and_then(|graph| names.get(graph)).map(|part| place(part)) else {
                    continue;
                };
                let told = [
                    self.types.get(&place).map(|ty| ("type", Value::String(ty.clone()))),
                    self.external.contains(&place).then_some(("external", Value::Boolean(true))),
                ];
                for (name, value) in told.into_iter().flatten() {
                    join.arguments.retain(|(argument, _)| argument != name);
                    join.arguments.push((name.to_owned(), value));
                }
            }
        }
    }
}

const JOIN_FIELD: &str = "join__field";

/// A `@join__field` for each subgraph that has the type.
fn join_fields(type_directives: &[schema::Directive]) -> Vec<schema::Directive> {
    let mut graphs: Vec<&str> = Vec::new();
    for graph in type_directives.iter().filter(|one| one.name == "join__type").filter_map(graph) {
        if !graphs.contains(&graph) {
            graphs.push(graph);
        }
    }
    let join = |graph: &str| directive(JOIN_FIELD, [("graph", Value::Enum(graph.to_owned()))]);
    graphs.into_iter().map(join).collect()
}

fn directive<const N: usize>(name: &str, arguments: [(&str, Value); N]) -> schema::Directive {
    let arguments = arguments.map(|(name, value)| (name.to_owned(), value)).to_vec();
    schema::Directive { position: Pos::default(), name: name.to_owned(), arguments }
}

/// The subgraph that a directive of the join specification is about.
fn graph(directive: &schema::Directive) -> Option<&str> {
    directive.arguments.iter().find_map(|(name, value)| match value {
        Value::Enum(graph) if name == "graph" => Some(graph.as_str()),
        _ => None,
    })
}
