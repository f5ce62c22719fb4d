//! Enums: their values, and the order of these.

use std::collections::{BTreeMap, HashMap, HashSet};

use cynic_parser::Span;
use cynic_parser::type_system::EnumDefinition;

use super::edits::Edits;
use super::{Place, Read, has};

/// Gives every subgraph's enum the values that are `@inaccessible` in another, and all of them one order. What was given is
/// told.
pub(super) fn complete(parts: &[Read<'_>], edits: &mut [Edits]) -> HashSet<Place> {
    let (mut order, mut known, mut hidden) = (HashMap::<&str, Vec<&str>>::new(), HashSet::new(), HashSet::new());
    for part in parts {
        let names = part.names("inaccessible");
        for definition in part.types().filter_map(|definition| definition.as_enum()) {
            let order = order.entry(definition.name()).or_default();
            for value in definition.values() {
                if known.insert((definition.name(), value.value())) {
                    order.push(value.value());
                }
                if has(value.directives(), &names) {
                    hidden.insert((definition.name(), value.value()));
                }
            }
        }
    }
    let mut given = HashSet::new();
    for (part, edits) in parts.iter().zip(edits) {
        let mut definitions: BTreeMap<&str, Vec<EnumDefinition<'_>>> = BTreeMap::new();
        for definition in part.types().filter_map(|definition| definition.as_enum()) {
            definitions.entry(definition.name()).or_default().push(definition);
        }
        for (name, definitions) in definitions {
            let values: Vec<_> = definitions.iter().flat_map(|definition| definition.values()).collect();
            let of_values: HashMap<&str, Span> = values.iter().map(|value| (value.value(), value.span())).collect();
            if of_values.len() < values.len() {
                // One of them is there twice: the library says so.
                continue;
            }
            let mut written: Vec<(&str, &str)> = Vec::new();
            for value in order.get(name).into_iter().flatten() {
                if let Some(span) = of_values.get(value) {
                    written.push((value, &part.part.sdl[span.start..span.end]));
                } else if hidden.contains(&(name, *value)) {
                    given.insert((part.part.name.clone(), name.to_owned(), (*value).to_owned()));
                    written.push((value, value));
                }
            }
            if written.iter().map(|(value, _)| *value).eq(values.iter().map(|before| before.value())) {
                continue;
            }
            // Each stands where another stood, and the last has all that are left: no definition becomes empty.
            let mut texts = written.into_iter().map(|(_, text)| text);
            for (number, value) in values.iter().enumerate() {
                let count = if number + 1 == values.len() { usize::MAX } else { 1 };
                let text: Vec<&str> = texts.by_ref().take(count).collect();
                // Its span may end where the next one begins.
                edits.replace(value.span(), text.join("\n") + "\n");
            }
        }
    }
    given
}
