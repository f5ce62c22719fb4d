//! `@requiresScopes` and `@policy` where several subgraphs guard the same: whoever reads it must do what each of them asks
//! (the conjunction, in disjunctive normal form, as Apollo's composition has it since Federation 2.9.4). Grafbase's library
//! (0.12.2) lets whoever does what one of them asks.

use std::collections::{BTreeMap, BTreeSet};

use cynic_parser::ConstValue;
use cynic_parser::type_system::Directive as Told;
use graphql_tools::parser::Pos;
use graphql_tools::static_graphql::schema::{self, Directive, Document, TypeDefinition, Value};

use super::read::{Read, fields};

/// Each with the name of its argument.
const GUARDS: [(&str, &str); 2] = [("requiresScopes", "scopes"), ("policy", "policies")];
/// The most lists that guards make together: else a few hundred here and a few hundred there are millions.
const MOST: usize = 1_000;
/// The most that are made before those that others hold are left out.
const MOST_PRODUCT: usize = 4 * MOST;

/// Lists of which one must be held whole.
type Lists = BTreeSet<BTreeSet<String>>;
/// A guard of a type, or of one of its fields.
type Place = (&'static str, String, Option<String>);

/// Makes the supergraph's guards those of all of its parts together.
pub(super) fn conjoin(supergraph: &mut Document, parts: &[Read<'_>]) -> Result<(), Vec<String>> {
    let mut guards: BTreeMap<Place, Lists> = BTreeMap::new();
    for part in parts {
        for (place, lists) in of_part(part) {
            let together = match guards.get(&place) {
                Some(before) => conjunction(before, &lists).ok_or_else(|| too_many(&place))?,
                None => lists,
            };
            guards.insert(place, together);
        }
    }
    let put = |directives: &mut Vec<Directive>, type_name: &str, field: Option<&str>| {
        for (guard, argument) in GUARDS {
            let Some(lists) = guards.get(&(guard, type_name.to_owned(), field.map(str::to_owned))) else { continue };
            // The library leaves out what is written without its list's brackets.
            directives.retain(|directive| directive.name != guard);
            let arguments = vec![(argument.to_owned(), written(lists))];
            directives.push(Directive { position: Pos::default(), name: guard.to_owned(), arguments });
        }
    };
    for definition in &mut supergraph.definitions {
        let schema::Definition::TypeDefinition(definition) = definition else { continue };
        let (name, directives, fields) = match definition {
            TypeDefinition::Object(object) => (&object.name, &mut object.directives, Some(&mut object.fields)),
            TypeDefinition::Interface(interface) => {
                (&interface.name, &mut interface.directives, Some(&mut interface.fields))
            }
            TypeDefinition::Scalar(scalar) => (&scalar.name, &mut scalar.directives, None),
            TypeDefinition::Enum(values) => (&values.name, &mut values.directives, None),
            _ => continue,
        };
        put(directives, name, None);
        for field in fields.into_iter().flatten() {
            put(&mut field.directives, name, Some(&field.name));
        }
    }
    Ok(())
}

/// What a subgraph guards.
fn of_part(part: &Read<'_>) -> Vec<(Place, Lists)> {
    let (roots, names) = (part.roots(), GUARDS.map(|guard| (part.names(guard.0), guard)));
    let mut found = Vec::new();
    let mut note = |directive: Told<'_>, type_name: &str, field: Option<&str>| {
        let is_known = |(names, _): &&(Vec<String>, _)| names.iter().any(|name| name == directive.name());
        let Some((_, (guard, argument))) = names.iter().find(is_known) else { return };
        let Some(given) = directive.argument(argument) else { return };
        found.push(((*guard, type_name.to_owned(), field.map(str::to_owned)), lists(given.value())));
    };
    for definition in part.types() {
        let name = roots.get(definition.name()).copied().unwrap_or(definition.name());
        definition.directives().for_each(|directive| note(directive, name, None));
        for field in fields(definition) {
            field.directives().for_each(|directive| note(directive, name, Some(field.name())));
        }
    }
    found
}

/// A list of lists. Either may be a value by itself
/// (<https://spec.graphql.org/October2021/#sec-List.Input-Coercion>).
fn lists(value: ConstValue<'_>) -> Lists {
    let list = |value: ConstValue<'_>| items(value).filter_map(|text| Some(text.as_str()?.to_owned())).collect();
    items(value).map(list).collect()
}

fn items(value: ConstValue<'_>) -> impl Iterator<Item = ConstValue<'_>> {
    let alone = value.as_items().is_none().then_some(value);
    value.as_items().into_iter().flatten().chain(alone)
}

/// The lists of which one must be held where one of each must be. `None`: there are too many.
fn conjunction(one: &Lists, other: &Lists) -> Option<Lists> {
    if one.len().saturating_mul(other.len()) > MOST_PRODUCT {
        return None;
    }
    let both = one.iter().flat_map(|one| other.iter().map(move |other| one | other));
    let both: Lists = both.collect();
    // Who holds more than one of them holds that one.
    let is_least = |list: &&BTreeSet<String>| both.iter().all(|known| known == *list || !known.is_subset(list));
    let least: Lists = both.iter().filter(is_least).cloned().collect();
    (least.len() <= MOST).then_some(least)
}

fn too_many((guard, type_name, field): &Place) -> Vec<String> {
    let field = field.as_ref().map(|field| format!(".{field}")).unwrap_or_default();
    vec![format!("[{type_name}{field}] its subgraphs' `@{guard}` have more than {MOST} lists together")]
}

fn written(lists: &Lists) -> Value {
    let list = |list: &BTreeSet<String>| Value::List(list.iter().cloned().map(Value::String).collect());
    Value::List(lists.iter().map(list).collect())
}

#[cfg(test)]
mod tests {
    use super::super::grafbase::Grafbase;
    use super::super::{Composing, Part};

    fn part(name: &str, link: &str, sdl: &str) -> Part {
        let link = format!("extend schema @link(url: \"https://specs.apollo.dev/federation/v2.9\", {link})");
        Part { name: name.to_owned(), url: format!("http://127.0.0.1/{name}"), sdl: format!("{link}\n{sdl}") }
    }

    #[test]
    fn whoever_reads_what_two_guard_must_do_what_both_ask() {
        let parts = [
            part(
                "a",
                "import: [\"@shareable\", \"@requiresScopes\", \"@policy\", \"@authenticated\"]",
                "type Query { a: Int @shareable @requiresScopes(scopes: [[\"s\"], [\"t\"]]) \
                 b: Int @shareable @policy(policies: \"p\") e: Int @requiresScopes(scopes: \"y\") c: Int @shareable @authenticated d: Int @shareable }",
            ),
            part(
                "b",
                "as: \"fed\", import: [\"@shareable\", { name: \"@policy\", as: \"@held\" }]",
                "schema { query: Root } type Root { a: Int @shareable @fed__requiresScopes(scopes: [[\"s\", \"u\"], [\"v\"]]) \
                 b: Int @shareable @held(policies: [[\"q\"], [\"p\"]]) c: Int @shareable \
                 d: Int @shareable @fed__requiresScopes(scopes: [[\"x\"]]) }",
            ),
        ];
        let supergraph = Grafbase.compose(&parts).unwrap();
        let line = |field: &str| {
            let line = supergraph.lines().find(|line| line.trim_start().starts_with(&format!("{field}: Int")));
            line.unwrap_or_default().to_owned()
        };
        // `s u` or `s v` or `t v`: who holds `s t u` holds the first.
        let scopes = "@requiresScopes(scopes: [[\"s\", \"u\"], [\"s\", \"v\"], [\"t\", \"v\"]])";
        assert!(line("a").contains(scopes), "{supergraph}");
        assert!(line("b").contains("@policy(policies: [[\"p\"]])"), "{supergraph}");
        assert!(line("c").contains("@authenticated"), "{supergraph}");
        assert!(line("e").contains("@requiresScopes(scopes: [[\"y\"]])"), "{supergraph}");
        assert!(line("d").contains("@requiresScopes(scopes: [[\"x\"]])"), "{supergraph}");
    }

    #[test]
    fn guards_that_would_grow_without_end_are_refused_with_the_type_and_the_field() {
        let of = |name: &str, of: &str| {
            let lists: Vec<String> = (0..40).map(|number| format!("[\"{of}{number}\"]")).collect();
            let sdl = format!("type Query {{ a: Int @shareable @policy(policies: [{}]) }}", lists.join(", "));
            part(name, "import: [\"@shareable\", \"@policy\"]", &sdl)
        };
        let errors = Grafbase.compose(&[of("a", "p"), of("b", "q")]).unwrap_err().join("\n");
        assert!(errors.contains("Query.a") && errors.contains("1000 lists"), "{errors}");
        assert!(Grafbase.compose(&[of("a", "p"), of("b", "p")]).is_ok(), "the same twice is the same");
    }
}
