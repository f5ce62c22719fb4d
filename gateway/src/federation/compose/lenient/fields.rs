//! Fields: which of them are shared, and of which type they are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cynic_parser::common::WrappingType;
use cynic_parser::type_system::{FieldDefinition, TypeDefinition};

use super::edits::Edits;
use super::{Place, Read, has, is};
use crate::federation::compose::read::{fields, in_keys};

/// Has each field shareable whose object is, and each that is part of a key.
pub(super) fn share(parts: &[Read<'_>], edits: &mut [Edits]) {
    for (part, edits) in parts.iter().zip(edits) {
        let names = part.names("shareable");
        let Some(shareable) = names.first() else { continue };
        let in_keys = in_keys(part);
        for object in part.types().filter(TypeDefinition::is_object) {
            let on_object: Vec<_> = object.directives().filter(|one| is(one, &names)).collect();
            for field in fields(object).filter(|field| !has(field.directives(), &names)) {
                if !on_object.is_empty() || in_keys.contains(&(object.name(), field.name())) {
                    // Where nothing follows its type, it ends where the next one begins.
                    edits.insert(field.span().end, format!(" @{shareable} "));
                }
            }
            on_object.iter().for_each(|shareable| edits.replace(shareable.name_span(), ""));
        }
    }
}

/// Has each field be of one type everywhere: that of which all of them are, which may be null wherever one of them may be.
/// Which types they had is told, and which unions their subgraphs were given.
pub(super) fn widen(parts: &[Read<'_>], edits: &mut [Edits]) -> (BTreeMap<Place, String>, HashSet<(String, String)>) {
    let possible = possible(parts);
    let unions: HashSet<&str> =
        parts.iter().flat_map(Read::types).filter(TypeDefinition::is_union).map(|one| one.name()).collect();
    let mut of_fields: BTreeMap<(&str, &str), Vec<(usize, FieldDefinition<'_>)>> = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        let (roots, external) = (part.roots(), part.names("external"));
        for definition in part.types() {
            let name = roots.get(definition.name()).copied().unwrap_or(definition.name());
            if has(definition.directives(), &external) {
                continue;
            }
            // What a subgraph does not tell is not for it to say.
            for field in fields(definition).filter(|field| !has(field.directives(), &external)) {
                of_fields.entry((name, field.name())).or_default().push((number, field));
            }
        }
    }
    let known: Vec<HashSet<&str>> =
        parts.iter().map(|part| part.types().map(|definition| definition.name()).collect()).collect();
    let (mut before, mut given) = (BTreeMap::new(), HashSet::new());
    for ((on, name), of_field) in of_fields {
        let Some(wide) = widest(&of_field, &possible) else { continue };
        for (number, field) in of_field {
            let (part, edits, ty) = (&parts[number], &mut edits[number], field.ty());
            let is_known = ty.name() == wide.name || known[number].contains(wide.name);
            // An interface that its subgraph does not know cannot be given to it.
            if ty.to_string() == wide.text || !is_known && !unions.contains(wide.name) {
                continue;
            }
            before.insert((part.part.name.clone(), on.to_owned(), name.to_owned()), ty.to_string());
            // The next field may begin where the type ended.
            edits.replace(ty.span(), wide.text.clone() + " ");
            if !is_known && given.insert((part.part.name.clone(), wide.name.to_owned())) {
                edits.add(&format!("union {} = {}", wide.name, ty.name()));
            }
        }
    }
    (before, given)
}

/// The type of which all of a field's are.
struct Wide<'p> {
    name: &'p str,
    text: String,
}

/// `None`: there is no such type.
fn widest<'p>(
    of_field: &[(usize, FieldDefinition<'p>)],
    possible: &HashMap<&'p str, HashSet<&'p str>>,
) -> Option<Wide<'p>> {
    let types: BTreeSet<&str> = of_field.iter().map(|(_, field)| field.ty().name()).collect();
    let holds = |wide: &&&'p str| {
        let possible = possible.get(**wide);
        types.iter().all(|ty| ty == *wide || possible.is_some_and(|possible| possible.contains(ty)))
    };
    let name = types.iter().find(holds)?;
    // Whether each level can be null, from the named type outwards.
    let levels = |field: &FieldDefinition<'_>| {
        let mut levels = vec![true];
        let wrappers: Vec<_> = field.ty().wrappers().collect();
        for wrapper in wrappers.into_iter().rev() {
            match (wrapper, levels.last_mut()) {
                (WrappingType::NonNull, Some(last)) => *last = false,
                _ => levels.push(true),
            }
        }
        levels
    };
    let (_, first) = of_field.first()?;
    let mut wide = levels(first);
    for (_, field) in of_field {
        let levels = levels(field);
        if levels.len() != wide.len() {
            return None;
        }
        wide.iter_mut().zip(levels).for_each(|(wide, can_be_null)| *wide |= can_be_null);
    }
    let mut text = "[".repeat(wide.len() - 1) + name;
    for (level, can_be_null) in wide.iter().enumerate() {
        text.push_str(if level == 0 { "" } else { "]" });
        text.push_str(if *can_be_null { "" } else { "!" });
    }
    Some(Wide { name, text })
}

/// The possible types of abstract ones, over all subgraphs.
fn possible<'p>(parts: &'p [Read<'_>]) -> HashMap<&'p str, HashSet<&'p str>> {
    let mut possible: HashMap<&str, HashSet<&str>> = HashMap::new();
    for definition in parts.iter().flat_map(Read::types) {
        match definition {
            TypeDefinition::Union(union) => {
                possible.entry(union.name()).or_default().extend(union.members().map(|member| member.name()));
            }
            TypeDefinition::Object(object) => {
                object.implements_interfaces().for_each(|interface| {
                    possible.entry(interface).or_default().insert(object.name());
                });
            }
            TypeDefinition::Interface(of) => of.implements_interfaces().for_each(|interface| {
                possible.entry(interface).or_default().insert(of.name());
            }),
            _ => {}
        }
    }
    possible
}
