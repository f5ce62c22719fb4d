//! What is selected of objects: each field once, in the order in which it was asked for.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use async_graphql::Name;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};

use super::Projection;
use crate::federation::plan::keys;
use crate::graphql::shape::is_left_out;

/// What is selected below a field, and what that comes to for each type: the objects of a list are asked for the same.
pub(super) struct Selected<'a> {
    pub(super) sets: Vec<&'a SelectionSet>,
    wanted: RefCell<HashMap<Name, Wanted<'a>>>,
}

/// The fields that are wanted of an object, in their order.
pub(super) type Wanted<'a> = Rc<Vec<One<'a>>>;

/// A field that is wanted.
pub(super) struct One<'a> {
    /// What the client calls it.
    pub(super) response: Name,
    pub(super) field: &'a Field,
    /// Under which key it was told.
    pub(super) told: Name,
    /// Whether none after it wants what was told under the same key.
    pub(super) is_last: bool,
    pub(super) below: Rc<Selected<'a>>,
}

impl<'a> Selected<'a> {
    pub(super) fn new(sets: Vec<&'a SelectionSet>) -> Self {
        Self { sets, wanted: RefCell::default() }
    }
}

impl<'a> Projection<'a> {
    pub(super) fn wanted(&self, selected: &Rc<Selected<'a>>, type_name: &Name) -> Wanted<'a> {
        if let Some(wanted) = selected.wanted.borrow().get(type_name) {
            return Rc::clone(wanted);
        }
        let mut found: IndexMap<Name, (&'a Field, Vec<&'a SelectionSet>)> = IndexMap::new();
        self.each_field(&selected.sets, Some(type_name), &mut |field| {
            let entry = found.entry(field.response_key().node.clone()).or_insert((field, Vec::new()));
            entry.1.push(&field.selection_set.node);
        });
        let mut later = HashSet::new();
        let one = |(response, (field, sets)): (Name, (&'a Field, Vec<&'a SelectionSet>))| {
            let told = keys::key(field, type_name).into_owned();
            let is_last = later.insert(told.clone());
            One { response, field, told, is_last, below: Rc::new(Selected::new(sets)) }
        };
        let mut wanted: Vec<One<'a>> = found.into_iter().rev().map(one).collect();
        wanted.reverse();
        let wanted = Rc::new(wanted);
        selected.wanted.borrow_mut().insert(type_name.clone(), Rc::clone(&wanted));
        wanted
    }

    /// Calls `found` with each field that selections ask of an object of this type (section 6.3.2 of the specification),
    /// or of any.
    pub(super) fn each_field(
        &self,
        sets: &[&'a SelectionSet],
        type_name: Option<&Name>,
        found: &mut dyn FnMut(&'a Field),
    ) {
        for selection in sets.iter().flat_map(|set| &set.items) {
            if is_left_out(selection.node.directives(), self.variables) {
                continue;
            }
            let (condition, below) = match &selection.node {
                Selection::Field(field) => {
                    found(&field.node);
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.type_condition.as_ref(), &fragment.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) else { continue };
                    (Some(&fragment.node.type_condition), &fragment.node.selection_set.node)
                }
            };
            let is_of = |condition: &str| type_name.is_none_or(|name| self.definition.is_of(name, condition));
            if condition.is_none_or(|condition| is_of(&condition.node.on.node)) {
                self.each_field(&[below], type_name, found);
            }
        }
    }
}
