//! Which fields the hub answers by itself, in this process: those that it has, that no other has taken over, and that are
//! held to its own rules alone.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    ConstDirective, FieldDefinition, Selection, SelectionSet, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned, Value};

use super::HUB;
use crate::graphql::definition::{Definition, named};

/// The hub's own fields, by type.
pub(super) type Own = HashMap<Name, HashSet<Name>>;

/// The hub's own fields in a supergraph. One that a partner has as well, and that either of them guards, is not: it is held
/// to the guards of both, whoever is asked for it.
pub(super) fn own(hub: &Definition, supergraph: &[TypeSystemDefinition]) -> Own {
    let graph = graph_of_hub(supergraph);
    let mut own: Own = HashMap::new();
    for (name, fields) in hub.objects.iter().chain(&hub.interfaces) {
        own.insert(name.clone(), fields.keys().cloned().collect());
    }
    // Abstract types have no fields of their own, and may be named.
    hub.possible.keys().for_each(|name| {
        own.entry(name.clone()).or_default();
    });
    let guarded = Guarded::of(supergraph);
    for definition in supergraph {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let definition = &definition.node;
        let Some((fields, own)) = fields(definition).zip(own.get_mut(&definition.name.node)) else { continue };
        for field in fields {
            let joined = Joined::of(definition, &field.node, graph.as_deref());
            let is_guarded = guarded.is(&definition.name.node, &field.node);
            if !joined.is_hubs || joined.is_others && is_guarded {
                own.remove(&field.node.name.node);
            }
        }
    }
    // Through an interface nothing is the hub's own that is not on one of its objects.
    for (interface, objects) in &hub.possible {
        let Some(mut fields) = own.remove(interface) else { continue };
        let objects = objects.iter().filter_map(|object| own.get(object));
        objects.for_each(|of_object| fields.retain(|field| of_object.contains(field)));
        own.insert(interface.clone(), fields);
    }
    own
}

/// Whether every field is one of the hub's own. A type that the hub does not know has none.
pub(super) fn names_own(own: &Own, set: &SelectionSet, on: Option<&str>, definition: &Definition) -> bool {
    set.items.iter().all(|selection| match &selection.node {
        Selection::Field(field) => {
            let name = field.node.name.node.as_str();
            // What other gateways ask of the hub, they ask of it alone.
            if name == "__typename" || on == Some("Query") && matches!(name, "_service" | "_entities") {
                return true;
            }
            let Some(on) = on else { return false };
            let is_own = own.get(on).is_some_and(|fields| fields.contains(name));
            let ty = definition.fields(on).and_then(|fields| fields.get(name));
            let below = ty.map(|ty| named(ty).as_str());
            is_own && names_own(own, &field.node.selection_set.node, below, definition)
        }
        Selection::InlineFragment(fragment) => {
            let condition = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
            let is_known = condition.is_none_or(|condition| own.contains_key(condition));
            is_known && names_own(own, &fragment.node.selection_set.node, condition.or(on), definition)
        }
        // Every fragment is looked at for itself.
        Selection::FragmentSpread(_) => true,
    })
}

/// What is guarded, by the supergraph or by the hub itself.
struct Guarded {
    types: HashSet<Name>,
    fields: HashSet<(Name, Name)>,
}

impl Guarded {
    fn of(supergraph: &[TypeSystemDefinition]) -> Self {
        let (mut types, mut of_types) = (HashSet::new(), HashSet::new());
        let mut note = |definition: &TypeDefinition| {
            let name = &definition.name.node;
            if is_guard(&definition.directives) {
                types.insert(name.clone());
            }
            let guarded = fields(definition).into_iter().flatten().filter(|field| is_guard(&field.node.directives));
            of_types.extend(guarded.map(|field| (name.clone(), field.node.name.node.clone())));
        };
        let hub = async_graphql::parser::parse_schema(crate::graphql::sdl());
        let hub = hub.map(|document| document.definitions).unwrap_or_default();
        for definition in supergraph.iter().chain(&hub) {
            if let TypeSystemDefinition::Type(definition) = definition {
                note(&definition.node);
            }
        }
        Self { types, fields: of_types }
    }

    fn is(&self, on: &Name, field: &FieldDefinition) -> bool {
        let is_type = |name: &Name| self.types.contains(name);
        is_type(on) || is_type(named(&field.ty.node)) || self.fields.contains(&(on.clone(), field.name.node.clone()))
    }
}

fn is_guard(directives: &[Positioned<ConstDirective>]) -> bool {
    let is = |one: &Positioned<ConstDirective>| {
        matches!(one.node.name.node.as_str(), "authenticated" | "requiresScopes" | "policy")
    };
    directives.iter().any(is)
}

fn fields(definition: &TypeDefinition) -> Option<&[Positioned<FieldDefinition>]> {
    match &definition.kind {
        TypeKind::Object(object) => Some(&object.fields),
        TypeKind::Interface(interface) => Some(&interface.fields),
        _ => None,
    }
}

/// The hub's own name in `join__Graph`.
fn graph_of_hub(supergraph: &[TypeSystemDefinition]) -> Option<String> {
    supergraph.iter().find_map(|definition| {
        let TypeSystemDefinition::Type(definition) = definition else { return None };
        let TypeKind::Enum(graphs) = &definition.node.kind else { return None };
        let is_hub = |directive: &Positioned<ConstDirective>| {
            argument(directive, "join__graph", "name") == Some(&Value::String(HUB.to_owned()))
        };
        let hub = graphs.values.iter().find(|value| value.node.directives.iter().any(is_hub))?;
        Some(hub.node.value.node.to_string())
    })
}

fn argument<'d>(directive: &'d Positioned<ConstDirective>, name: &str, argument: &str) -> Option<&'d Value> {
    let is_it = directive.node.name.node == name;
    is_it.then(|| directive.node.get_argument(argument)).flatten().map(|value| &value.node)
}

/// Whose a field is to answer.
struct Joined {
    /// It is the hub's, and no other has taken it over.
    is_hubs: bool,
    /// Others have it too.
    is_others: bool,
}

impl Joined {
    fn of(definition: &TypeDefinition, field: &FieldDefinition, graph: Option<&str>) -> Self {
        let joined: Vec<_> = field.directives.iter().filter(|one| one.node.name.node == "join__field").collect();
        let holds = |directive: &Positioned<ConstDirective>, name: &str| {
            argument(directive, "join__field", name) == Some(&Value::Boolean(true))
        };
        let is_of_hub = |directive: &Positioned<ConstDirective>, of: &str| match argument(directive, of, "graph") {
            Some(Value::Enum(name)) => Some(name.as_str()) == graph,
            _ => false,
        };
        if joined.is_empty() {
            // Whoever has the type has the field.
            let is_others = definition
                .directives
                .iter()
                .any(|one| one.node.name.node == "join__type" && !is_of_hub(one, "join__type"));
            return Self { is_hubs: true, is_others };
        }
        let resolves = |one: &&Positioned<ConstDirective>| !holds(one, "external") && !holds(one, "usedOverridden");
        let is_labelled = joined.iter().any(|one| argument(one, "join__field", "overrideLabel").is_some());
        let is_kept = joined.iter().find(|one| is_of_hub(one, "join__field")).is_some_and(resolves);
        let is_others = joined.iter().filter(|one| resolves(one)).any(|one| !is_of_hub(one, "join__field"));
        Self { is_hubs: !is_labelled && is_kept, is_others }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_schema;

    use super::*;

    #[test]
    fn what_a_partner_has_too_is_the_hubs_own_unless_it_is_guarded() {
        let supergraph = parse_schema(
            "enum join__Graph { HUB @join__graph(name: \"hub\", url: \"\") A @join__graph(name: \"a\", url: \"\") } \
             interface Priced @join__type(graph: HUB) { open: Int closed: Int } \
             type Money implements Priced @join__type(graph: HUB) @join__type(graph: A) { open: Int closed: Int @authenticated } \
             type School @join__type(graph: HUB) @join__type(graph: A) { \
               name: String @join__field(graph: HUB) @policy(policies: [[\"p\"]]) \
               shared: Int @join__field(graph: HUB) @join__field(graph: A) \
               both: Int @join__field(graph: HUB) @join__field(graph: A) @requiresScopes(scopes: [[\"s\"]]) \
               known: Int @join__field(graph: HUB) @join__field(graph: A, external: true) @authenticated \
               secret: Secret @join__field(graph: HUB) @join__field(graph: A) \
               taken: Int @join__field(graph: A, override: \"hub\") moved: Int @join__field(graph: A) } \
             type Secret @join__type(graph: HUB) @join__type(graph: A) @authenticated { open: Int }",
        );
        let hub = Definition::of(
            "interface Priced { open: Int closed: Int } type Money implements Priced { open: Int closed: Int } \
             type School { name: String shared: Int both: Int known: Int secret: Secret taken: Int } \
             type Secret { open: Int }",
        );
        let own = own(&hub, &supergraph.unwrap().definitions);
        let of = |name: &str| {
            let mut fields: Vec<&str> = own[name].iter().map(Name::as_str).collect();
            fields.sort_unstable();
            fields
        };
        assert_eq!((of("Money"), of("Priced"), of("Secret")), (vec!["open"], vec!["open"], vec![]));
        // What the hub alone tells is held to the hub's rules alone.
        assert_eq!(of("School"), ["known", "name", "shared"]);
    }
}
