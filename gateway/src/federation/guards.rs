//! Which fields need a token, with which scopes or under which policies: as the schemas of all who have them say, together
//! (<https://www.apollographql.com/docs/graphos/reference/federation/directives#managing-access>). Who holds a policy is
//! configuration's to say. The hub's own fields are held to its rules where they are resolved.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_graphql::parser::types::{ConstDirective, TypeKind, TypeSystemDefinition};
use async_graphql::{Name, Positioned};

use crate::config::PolicySettings;
use crate::error::Failure;
use crate::graphql::definition::{Definition, named};
use crate::graphql::policy::{Rule, lists};
use crate::graphql::viewer::Viewer;

/// The fields that not everybody may read.
pub(super) struct Guards {
    definition: Arc<Definition>,
    policies: BTreeMap<String, PolicySettings>,
    /// By object and field. One field may have several: its own, its object's, its interface's, and that of the type it gives.
    by_field: BTreeMap<(Name, Name), Vec<Guard>>,
}

#[derive(Clone, Debug)]
struct Guard {
    rule: Rule,
    /// All policies of one of these lists. `None`: none is wanted.
    policies: Option<Vec<Vec<String>>>,
}

impl Guard {
    fn read(directives: &[Positioned<ConstDirective>]) -> Option<Self> {
        let rule = Rule::read(directives);
        let policy = directives.iter().find(|directive| directive.node.name.node == "policy");
        let policies = policy.map(|policy| {
            let policies = policy.node.get_argument("policies").map(|policies| lists(&policies.node));
            policies.unwrap_or_default()
        });
        (rule != Rule::default() || policies.is_some()).then_some(Self { rule, policies })
    }

    /// Why the viewer may not read it. A policy that nothing is said of is held by nobody.
    fn refuses(&self, viewer: &Viewer, known: &BTreeMap<String, PolicySettings>) -> Option<Failure> {
        let holds = |policy: &String| {
            let policy = known.get(policy).zip(viewer.identity());
            policy.is_some_and(|(policy, identity)| policy.is_held_by(identity))
        };
        let holds_all = |list: &Vec<String>| !list.is_empty() && list.iter().all(holds);
        match &self.policies {
            Some(lists) if !lists.iter().any(holds_all) => {
                let wanted = lists.first().map(|list| list.join(" ")).unwrap_or_default();
                Some(Failure::WithoutPolicy(wanted))
            }
            _ => self.rule.refuses(viewer),
        }
    }
}

/// The fields that one viewer may not read, each with why.
#[derive(Clone)]
pub(super) struct Refusals {
    definition: Arc<Definition>,
    by_type: BTreeMap<Name, BTreeMap<Name, Failure>>,
}

impl Refusals {
    /// Why the field of an object may not be read. `None`: it may.
    pub(super) fn of(&self, object: &str, field: &str) -> Option<&Failure> {
        self.by_type.get(object)?.get(field)
    }

    /// Whether everything may be read.
    pub(super) fn is_empty(&self) -> bool {
        self.by_type.is_empty()
    }

    /// The objects that something of this type may be, and what it may be asked.
    pub(super) fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The fields, for telling apart what was planned for whom.
    pub(super) fn names(&self) -> Vec<(Name, Name)> {
        let names = |(object, fields): (&Name, &BTreeMap<Name, Failure>)| {
            fields.keys().map(|field| (object.clone(), field.clone())).collect::<Vec<_>>()
        };
        self.by_type.iter().flat_map(names).collect()
    }
}

impl Guards {
    /// Those of a supergraph, and of whoever else says what is guarded, without the fields that are the hub's own: it guards
    /// them itself.
    pub(super) fn of(
        supergraph: &[TypeSystemDefinition],
        definition: Arc<Definition>,
        own: Option<&HashMap<Name, HashSet<Name>>>,
        policies: &BTreeMap<String, PolicySettings>,
    ) -> Self {
        let mut types: HashMap<Name, Vec<Guard>> = HashMap::new();
        let mut fields: HashMap<(Name, Name), Vec<Guard>> = HashMap::new();
        for part in supergraph {
            let TypeSystemDefinition::Type(part) = part else { continue };
            let name = &part.node.name.node;
            if let Some(guard) = Guard::read(&part.node.directives) {
                types.entry(name.clone()).or_default().push(guard);
            }
            let of_type = match &part.node.kind {
                TypeKind::Object(object) => &object.fields,
                TypeKind::Interface(interface) => &interface.fields,
                _ => continue,
            };
            for field in of_type {
                if let Some(guard) = Guard::read(&field.node.directives) {
                    fields.entry((name.clone(), field.node.name.node.clone())).or_default().push(guard);
                }
            }
        }
        let mut by_field: BTreeMap<(Name, Name), Vec<Guard>> = BTreeMap::new();
        for (object, of_object) in &definition.objects {
            for (field, ty) in of_object {
                if own.and_then(|own| own.get(object)).is_some_and(|fields| fields.contains(field)) {
                    continue;
                }
                let interfaces = definition.possible.iter().filter(|(_, objects)| objects.contains(object));
                let names: Vec<&Name> = interfaces.map(|(interface, _)| interface).chain([object]).collect();
                let on_field = names.iter().filter_map(|name| fields.get(&((*name).clone(), field.clone())));
                // An object may be come to by way of an abstract type, which says nothing of its guard.
                let on_types = names.iter().copied().chain([named(ty)]).filter_map(|name| types.get(name));
                let guards: Vec<Guard> = on_field.chain(on_types).flatten().cloned().collect();
                if !guards.is_empty() {
                    by_field.insert((object.clone(), field.clone()), guards);
                }
            }
        }
        Self { definition, policies: policies.clone(), by_field }
    }

    /// The fields that the viewer may not read.
    pub(super) fn refusals(&self, viewer: &Viewer) -> Refusals {
        let mut by_type: BTreeMap<Name, BTreeMap<Name, Failure>> = BTreeMap::new();
        for ((object, field), guards) in &self.by_field {
            if let Some(failure) = guards.iter().find_map(|guard| guard.refuses(viewer, &self.policies)) {
                by_type.entry(object.clone()).or_default().insert(field.clone(), failure);
            }
        }
        Refusals { definition: Arc::clone(&self.definition), by_type }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_schema;

    use super::*;

    const SDL: &str = "type Query { open: Int a: Secret own: Int @authenticated node: Node judged: Int @policy(policies: [[\"p\"], [\"q\", \"unknown\"], []]) } \
        interface Node { x: Int y: Int @authenticated } type A implements Node { x: Int @requiresScopes(scopes: [[\"a\"]]) y: Int } \
        type B implements Node { x: Int y: Int } type Secret @requiresScopes(scopes: [[\"s\"]]) { x: Int }";

    #[test]
    fn what_a_viewer_may_not_read_is_told_by_object_and_field() {
        let document = parse_schema(SDL).unwrap();
        let definition = Arc::new(Definition::of(SDL));
        let policies = [("p", "ps"), ("q", "qs")].map(|(policy, scope)| {
            (policy.to_owned(), PolicySettings { scopes: vec![scope.to_owned()], organisations: Vec::new() })
        });
        let policies = BTreeMap::from(policies);
        let guards = Guards::of(&document.definitions, Arc::clone(&definition), None, &policies);
        let refused = |viewer: &Viewer| {
            let names = guards.refusals(viewer).names();
            names.iter().map(|(object, field)| format!("{object}.{field}")).collect::<Vec<_>>()
        };
        assert_eq!(
            refused(&Viewer::anonymous()),
            ["A.x", "A.y", "B.y", "Query.a", "Query.judged", "Query.own", "Secret.x"]
        );
        assert_eq!(refused(&Viewer::with_scopes(&["a"])), ["Query.a", "Query.judged", "Secret.x"]);
        assert_eq!(refused(&Viewer::with_scopes(&["s"])), ["A.x", "Query.judged"]);
        // A policy is held by whom configuration says; one that nothing is said of by nobody.
        for scopes in [&["s", "a", "ps"][..], &["s", "a", "qs", "r"], &["s", "a", "policy"]] {
            let is_held = scopes.contains(&"ps");
            assert_eq!(refused(&Viewer::with_scopes(scopes)).is_empty(), is_held, "{scopes:?}");
        }
        let closed = Guards::of(&document.definitions, Arc::clone(&definition), None, &BTreeMap::new());
        let viewer = Viewer::with_scopes(&["s", "a", "ps"]);
        let why = closed.refusals(&viewer).of("Query", "judged").cloned();
        assert!(matches!(why, Some(Failure::WithoutPolicy(policy)) if policy == "p"));
        // What the hub resolves, it guards itself.
        let names = |names: &[&str]| names.iter().map(Name::new).collect::<HashSet<_>>();
        let own = HashMap::from([(Name::new("Query"), names(&["a", "own"])), (Name::new("B"), names(&["x", "y"]))]);
        let guards = Guards::of(&document.definitions, Arc::clone(&definition), Some(&own), &policies);
        let left: Vec<_> = guards.refusals(&Viewer::anonymous()).names().into_iter().map(|(_, field)| field).collect();
        assert_eq!(left, ["x", "y", "judged", "x"]);
    }
}
