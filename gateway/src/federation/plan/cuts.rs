//! Cuts: what the planner (2.10.11) finds no plan for, or a wrong one, is planned in parts. It places a field with
//! `@requires` wrongly where its object is reached through another of the same type in the same subgraph; and of several
//! such fields that want one field with different arguments it mixes up the values. Each field with `@requires` is a part
//! of its own: the rest is fetched with the keys of its object, and then the field, as if the object had been begun at.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use async_graphql::Name;
use graphql_tools::static_graphql::schema::{Definition, Document, Type, TypeDefinition};
use hive_router_query_planner::ast::selection_item::SelectionItem;
use hive_router_query_planner::ast::selection_set::{FieldSelection, SelectionSet};

use super::entries::entry;
use super::{Asks, PathStep, Requirement, Step};

/// What of a supergraph decides where to cut.
pub(super) struct Cutter {
    /// By type and field: how many lists it gives, of what.
    fields: HashMap<String, HashMap<String, (usize, String)>>,
    /// Fields that require others in some subgraph, by type.
    requiring: HashSet<(String, String)>,
}

/// A field that is planned for itself.
pub(super) struct Part {
    /// Where its objects lie.
    pub(super) path: Vec<PathStep>,
    /// What they are.
    pub(super) type_name: String,
    /// What is asked of them.
    pub(super) field: FieldSelection,
}

impl Cutter {
    pub(super) fn of(supergraph: &Document) -> Self {
        let (mut fields, mut requiring) = (HashMap::new(), HashSet::new());
        for definition in &supergraph.definitions {
            let Definition::TypeDefinition(definition) = definition else { continue };
            let (name, of_type) = match definition {
                TypeDefinition::Object(object) => (&object.name, &object.fields),
                TypeDefinition::Interface(interface) => (&interface.name, &interface.fields),
                _ => continue,
            };
            for field in of_type {
                let requires = field.directives.iter().any(|directive| {
                    directive.name == "join__field" && directive.arguments.iter().any(|(name, _)| name == "requires")
                });
                if requires {
                    requiring.insert((name.clone(), field.name.clone()));
                }
            }
            let of_type = of_type.iter().map(|field| (field.name.clone(), of(&field.field_type)));
            fields.insert(name.clone(), of_type.collect());
        }
        Self { fields, requiring }
    }

    /// The name of what a field of this type gives.
    pub(super) fn gives(&self, type_name: &str, field: &str) -> Option<&str> {
        self.fields.get(type_name)?.get(field).map(|(_, name)| name.as_str())
    }

    /// The parts that an operation can be cut into, beside what is left: those of types that can be begun at.
    pub(super) fn parts(&self, operation: &SelectionSet, root: &str, entered: &BTreeSet<String>) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut cut = |path: &[PathStep], on: &str, field: &FieldSelection| {
            let path = path.to_vec();
            parts.push(Part { path, type_name: on.to_owned(), field: field.clone() });
            Vec::new()
        };
        let walk = Walk { cutter: self, entered, cut: &mut cut };
        walk.set(&mut operation.clone(), root, &mut Vec::new());
        parts
    }

    /// What is left of an operation, with the keys that each of the parts needs, in their order.
    pub(super) fn rest(
        &self,
        operation: &SelectionSet,
        root: &str,
        entered: &BTreeSet<String>,
        mut keys: VecDeque<Vec<String>>,
    ) -> SelectionSet {
        let mut rest = operation.clone();
        let mut cut = |_: &[PathStep], _: &str, _: &FieldSelection| keys.pop_front().unwrap_or_default();
        let walk = Walk { cutter: self, entered, cut: &mut cut };
        walk.set(&mut rest, root, &mut Vec::new());
        rest
    }
}

/// Is told of each cut, and gives the keys that take the field's place.
type Cut<'c> = dyn FnMut(&[PathStep], &str, &FieldSelection) -> Vec<String> + 'c;

struct Walk<'w> {
    cutter: &'w Cutter,
    entered: &'w BTreeSet<String>,
    cut: &'w mut Cut<'w>,
}

impl Walk<'_> {
    fn set(mut self, set: &mut SelectionSet, root: &str, path: &mut Vec<PathStep>) {
        self.below(set, root, path);
    }

    fn below(&mut self, set: &mut SelectionSet, on: &str, path: &mut Vec<PathStep>) {
        let (mut wanted, had_any) = (Vec::new(), !set.items.is_empty());
        // What a part itself begins with is not cut again.
        let is_begun = matches!(path.as_slice(), [PathStep::Field(key)] if *key == entry(on));
        set.items.retain_mut(|item| {
            let depth = path.len();
            match item {
                SelectionItem::Field(field) => {
                    let name = (on.to_owned(), field.name.clone());
                    if !is_begun && self.entered.contains(on) && self.cutter.requiring.contains(&name) {
                        wanted.extend((self.cut)(path, on, field));
                        return false;
                    }
                    let known = self.cutter.fields.get(on).and_then(|fields| fields.get(&field.name));
                    let known = known.cloned().or_else(|| Some((0, field.name.strip_prefix("_entry_")?.to_owned())));
                    if let Some((lists, below)) = known {
                        path.push(PathStep::Field(Name::new(field.selection_identifier())));
                        path.extend((0..lists).map(|_| PathStep::List));
                        self.below(&mut field.selections, &below, path);
                    }
                }
                SelectionItem::InlineFragment(fragment) => {
                    path.push(PathStep::Types(vec![Name::new(&fragment.type_condition)]));
                    let condition = fragment.type_condition.clone();
                    self.below(&mut fragment.selections, &condition, path);
                }
                SelectionItem::FragmentSpread(_) => {}
            }
            path.truncate(depth);
            true
        });
        let has = |set: &SelectionSet, name: &str| {
            set.items
                .iter()
                .any(|item| matches!(item, SelectionItem::Field(field) if field.selection_identifier() == name))
        };
        for name in wanted {
            if !has(set, &name) {
                let field = FieldSelection { name, ..FieldSelection::new_typename() };
                set.items.push(SelectionItem::Field(field));
            }
        }
        if had_any && set.items.is_empty() {
            set.items.push(SelectionItem::Field(FieldSelection::new_typename()));
        }
    }
}

/// How many lists a type is, of what.
fn of(ty: &Type) -> (usize, String) {
    match ty {
        Type::NamedType(name) => (0, name.clone()),
        Type::ListType(item) => {
            let (lists, name) = of(item);
            (lists + 1, name)
        }
        Type::NonNullType(ty) => of(ty),
    }
}

/// Has steps that were planned for what lies at the root do for what lies below `path`. False where one of them asks for
/// something else than what it has.
pub(super) fn moved(step: &mut Step, entry: &str, path: &[PathStep]) -> bool {
    match step {
        Step::Sequence(steps) | Step::Parallel(steps) => steps.iter_mut().all(|step| moved(step, entry, path)),
        Step::Condition { then, otherwise, .. } => {
            [then, otherwise].into_iter().flatten().all(|step| moved(step, entry, path))
        }
        Step::Fetch(fetch) => match &mut fetch.asks {
            Asks::Root { .. } => false,
            Asks::Entities(batches) => batches.iter_mut().flat_map(|batch| &mut batch.paths).all(|of_batch| {
                let begins = matches!(of_batch.first(), Some(PathStep::Field(key)) if *key == *entry);
                if begins {
                    of_batch.splice(..1, path.iter().cloned());
                }
                begins
            }),
        },
    }
}

/// Whether a step sends of one field what two of its answer's fields want under one name.
pub(super) fn mixes_up(step: &Step) -> bool {
    fn is_mixed(requirements: &[Requirement]) -> bool {
        let mut names: HashMap<&Name, &Name> = HashMap::new();
        requirements.iter().any(|requirement| match requirement {
            Requirement::Field { name, key, below } => {
                names.insert(key, name).is_some_and(|other| other != name) || is_mixed(below)
            }
            Requirement::On { below, .. } => is_mixed(below),
        })
    }
    match step {
        Step::Sequence(steps) | Step::Parallel(steps) => steps.iter().any(mixes_up),
        Step::Condition { then, otherwise, .. } => [then, otherwise].into_iter().flatten().any(|step| mixes_up(step)),
        Step::Fetch(fetch) => match &fetch.asks {
            Asks::Root { .. } => false,
            Asks::Entities(batches) => batches.iter().any(|batch| is_mixed(&batch.requires)),
        },
    }
}
