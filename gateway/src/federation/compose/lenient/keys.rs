//! Keys: whose type has none, and which of their fields are resolved elsewhere.

use std::collections::{BTreeMap, HashSet};

use cynic_parser::type_system::TypeDefinition;
use graphql_tools::static_graphql::schema::{self, Value};

use super::edits::Edits;
use super::{Place, Read, has, is};
use crate::federation::compose::read::{fields, keys};

/// The key of who has none: it names no field.
const NO_KEY: &str = "__typename";

/// Gives a key to each object that has none in its subgraph and one in another.
pub(super) fn give(parts: &[Read<'_>], edits: &mut [Edits]) {
    let mut of_parts = Vec::new();
    for part in parts {
        let names = part.names("key");
        // Whether it has a key here, by object.
        let mut objects: BTreeMap<&str, bool> = BTreeMap::new();
        for object in part.types().filter(TypeDefinition::is_object) {
            *objects.entry(object.name()).or_default() |= has(object.directives(), &names);
        }
        of_parts.push((names, objects));
    }
    let with_key = |objects: &BTreeMap<&'_ str, bool>| -> Vec<String> {
        objects.iter().filter(|(_, has_key)| **has_key).map(|(name, _)| (*name).to_owned()).collect()
    };
    let entities: HashSet<String> = of_parts.iter().flat_map(|(_, objects)| with_key(objects)).collect();
    let interfaces: HashSet<&str> =
        parts.iter().flat_map(Read::types).filter(TypeDefinition::is_interface).map(|one| one.name()).collect();
    for ((names, objects), edits) in of_parts.iter().zip(edits) {
        let Some(key) = names.first() else { continue };
        for (name, has_key) in objects {
            if !has_key && entities.contains(*name) && !interfaces.contains(name) {
                edits.add(&format!("extend type {name} @{key}(fields: \"{NO_KEY}\", resolvable: false)"));
            }
        }
    }
}

/// Takes away the keys that were given.
pub(super) fn take(type_directives: &mut [schema::Directive]) {
    let is_given =
        |(name, value): &(String, Value)| name == "key" && matches!(value, Value::String(key) if key == NO_KEY);
    for join in type_directives.iter_mut().filter(|directive| directive.name == "join__type") {
        if join.arguments.iter().any(is_given) {
            join.arguments.retain(|(name, _)| name == "graph");
        }
    }
}

/// The fields of keys that are `@external`, and that another subgraph tells. That of an extension is not: the first version of federation wants to be told
/// that the field comes from elsewhere.
pub(super) fn external(parts: &[Read<'_>]) -> HashSet<Place> {
    // Those that somebody tells.
    let mut told: HashSet<(&str, &str)> = HashSet::new();
    for part in parts {
        let external = part.names("external");
        for object in part.types() {
            let resolved = fields(object).filter(|field| !has(field.directives(), &external));
            told.extend(resolved.map(|field| (object.name(), field.name())));
        }
    }
    let mut found = HashSet::new();
    for part in parts {
        let (key, external, extends) = (part.names("key"), part.names("external"), part.names("extends"));
        for (object, is_extension) in part.definitions() {
            if is_extension || has(object.directives(), &extends) {
                continue;
            }
            let keys = keys(object, &key);
            let selections = keys.iter().flat_map(|key| key.operations()).flat_map(|key| key.selection_set());
            let in_keys: HashSet<&str> = selections.filter_map(|one| Some(one.as_field()?.name())).collect();
            for field in fields(object) {
                let is_told = told.contains(&(object.name(), field.name()));
                if is_told && has(field.directives(), &external) && in_keys.contains(field.name()) {
                    found.insert((part.part.name.clone(), object.name().to_owned(), field.name().to_owned()));
                }
            }
        }
    }
    found
}

/// The keys by which `@interfaceObject`s are not resolved, each with its subgraph and its interface.
pub(super) fn of_interface_objects(parts: &[Read<'_>]) -> Vec<Place> {
    let mut found = Vec::new();
    for part in parts {
        let (key, interface_object) = (part.names("key"), part.names("interfaceObject"));
        for object in part.types().filter(|object| has(object.directives(), &interface_object)) {
            for key in object.directives().filter(|directive| is(directive, &key)) {
                let is_resolvable = key.argument("resolvable").and_then(|told| told.value().as_bool());
                let fields = key.argument("fields").and_then(|fields| fields.value().as_str());
                if let (Some(false), Some(fields)) = (is_resolvable, fields) {
                    found.push((part.part.name.clone(), object.name().to_owned(), fields.to_owned()));
                }
            }
        }
    }
    found
}
