//! Who may tell what others tell: a field that several subgraphs resolve is shared by each of them, by `@shareable` or by being
//! part of a key there (<https://specs.apollo.dev/federation/v2.3/#@shareable>). Grafbase's library (0.12.2) wants one of them
//! to say so, so that a partner could take a share in what another never gave.

use std::collections::{BTreeMap, HashSet};

use cynic_parser::type_system::TypeDefinition;

use super::read::{Read, fields, has, in_keys, is};

/// One subgraph's share in a field.
struct Share<'p> {
    part: &'p str,
    is_given: bool,
}

/// What is wrong: a sentence for each field.
pub(super) fn mistakes(parts: &[Read<'_>]) -> Vec<String> {
    let mut shares: BTreeMap<(&str, &str), Vec<Share<'_>>> = BTreeMap::new();
    let mut overridden: HashSet<(&str, &str, &str)> = HashSet::new();
    for part in parts {
        let names = ["shareable", "external", "override", "interfaceObject"].map(|directive| part.names(directive));
        let [shareable, external, overrides, interface_object] = &names;
        let (roots, in_keys) = (part.roots(), in_keys(part));
        for object in part.types().filter(TypeDefinition::is_object) {
            let name = roots.get(object.name()).copied().unwrap_or(object.name());
            // What is underlined is federation's own. A subscription is nobody else's, which the library sees to.
            if name.starts_with('_') || name == "Subscription" || has(object.directives(), interface_object) {
                continue;
            }
            let is_external = has(object.directives(), external);
            let is_shared = part.is_first_version() || has(object.directives(), shareable);
            for field in fields(object).filter(|field| !field.name().starts_with('_')) {
                if is_external || has(field.directives(), external) {
                    continue;
                }
                let from = field.directives().find(|one| is(one, overrides));
                let from = from.and_then(|told| told.argument("from")?.value().as_str());
                overridden.extend(from.map(|from| (from, name, field.name())));
                let is_given =
                    is_shared || has(field.directives(), shareable) || in_keys.contains(&(object.name(), field.name()));
                shares.entry((name, field.name())).or_default().push(Share { part: &part.part.name, is_given });
            }
        }
    }
    let mut mistakes = Vec::new();
    for ((on, field), mut of_field) in shares {
        of_field.retain(|share| !overridden.contains(&(share.part, on, field)));
        let first = of_field.first().map(|share| share.part);
        let is_of_many = of_field.iter().any(|share| Some(share.part) != first);
        let keep: Vec<&str> = of_field.iter().filter(|share| !share.is_given).map(|share| share.part).collect();
        if is_of_many && !keep.is_empty() {
            let all: Vec<&str> = of_field.iter().map(|share| share.part).collect();
            mistakes.push(format!(
                "[{on}.{field}] {} resolve it, and it is not `@shareable` in {}",
                all.join(", "),
                keep.join(", ")
            ));
        }
    }
    mistakes
}
