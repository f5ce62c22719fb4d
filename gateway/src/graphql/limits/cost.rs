//! What an operation costs: each field as often as the lists above it are long. Estimated before anything is executed,
//! from the document and its variables; counted in the answer, for the client to compare. The estimate takes every list
//! to be as long as it may be, so the answer does not cost more.
//!
//! Introspection reads no store and its answer is the same every day: it has a measure of its own.

mod length;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, Value, Variables};

use self::length::Lengths;
pub(in crate::graphql) use self::length::assumed_length;
use crate::config::LimitSettings;
use crate::error::{Code, Refused};
use crate::graphql::definition::{Definition, named, root};

/// The most that introspection may come to, in fields: twice what the query of common tools asks for.
const INTROSPECTION: usize = 150_000;
/// How often the schema's own lists may lie in each other: a type's fields' types' fields, and no further.
const INTROSPECTION_LISTS: usize = 2;

/// What an operation is expected to cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Price {
    /// The most that it may cost.
    pub(crate) estimate: usize,
    /// Under which keys the answer tells of the schema, which is not counted.
    introspection: Vec<String>,
}

impl Price {
    /// What the answer came to: its fields.
    pub(crate) fn actual(&self, data: &Value) -> usize {
        let Value::Object(fields) = data else { return 0 };
        let is_counted = |name: &Name| !self.introspection.iter().any(|key| key == name.as_str());
        fields.iter().filter(|(name, _)| is_counted(name)).map(|(_, value)| 1 + count(value)).sum()
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.values().map(|value| 1 + count(value)).sum(),
        Value::List(values) => values.iter().map(count).sum(),
        _ => 0,
    }
}

/// Makes sure that the operation keeps to the limits. Its document's structure must have been looked at before.
pub(crate) fn check(
    definition: &Definition,
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
    variables: &Variables,
    limits: &LimitSettings,
) -> Result<Price, Refused> {
    let mut walk = Walk {
        definition,
        document,
        limits,
        lengths: Lengths { definition, operation: &operation.node, variables, longest: limits.page_size },
        path: Vec::new(),
        price: Price::default(),
        introspected: 0,
        aliases: 0,
        root_fields: 0,
        exceeded: None,
    };
    walk.directives(&operation.node.directives, operation.pos)?;
    let root = Name::new(root(operation.node.ty));
    let place = Place { parent: Some(&root), depth: 1, times: 1, page: None, lists: None };
    walk.set(&operation.node.selection_set.node, place)?;
    match walk.exceeded {
        Some((at, path)) => Err(Refused::limit("cost", walk.price.estimate, limits.cost).at([at]).below(&path)),
        None => Ok(walk.price),
    }
}

/// Where in the operation a selection stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The type it selects from; `None` where it cannot be told.
    parent: Option<&'a Name>,
    depth: usize,
    /// How many objects it is selected from, at most.
    times: usize,
    /// The length of the page it lies on.
    page: Option<usize>,
    /// Below introspection, how many of the schema's lists lie above.
    lists: Option<usize>,
}

struct Walk<'a> {
    definition: &'a Definition,
    document: &'a ExecutableDocument,
    limits: &'a LimitSettings,
    lengths: Lengths<'a>,
    path: Vec<String>,
    price: Price,
    introspected: usize,
    aliases: usize,
    root_fields: usize,
    /// Where the cost went beyond its limit.
    exceeded: Option<(Pos, Vec<String>)>,
}

impl<'a> Walk<'a> {
    fn set(&mut self, set: &'a SelectionSet, place: Place<'_>) -> Result<(), Refused> {
        for selection in &set.items {
            self.directives(selection.node.directives(), selection.pos)?;
            match &selection.node {
                Selection::Field(field) => {
                    self.path.push(field.node.response_key().node.to_string());
                    self.field(field, place)?;
                    self.path.pop();
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    self.set(&fragment.node.selection_set.node, Place { parent: on.or(place.parent), ..place })?;
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) else { continue };
                    let on = Some(&fragment.node.type_condition.node.on.node);
                    self.set(&fragment.node.selection_set.node, Place { parent: on, ..place })?;
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &'a Positioned<Field>, place: Place<'_>) -> Result<(), Refused> {
        let at = field.pos;
        let field = &field.node;
        if place.depth > self.limits.depth {
            return Err(self.refuse("depth", place.depth, self.limits.depth, at));
        }
        if place.depth == 1 {
            self.root_fields += 1;
            if self.root_fields > self.limits.root_fields {
                return Err(self.refuse("root_fields", self.root_fields, self.limits.root_fields, at));
            }
        }
        if field.alias.is_some() {
            self.aliases += 1;
            if self.aliases > self.limits.aliases {
                return Err(self.refuse("aliases", self.aliases, self.limits.aliases, at));
            }
        }
        let name = field.name.node.as_str();
        if place.lists.is_some() || matches!(name, "__schema" | "__type") {
            return self.introspection(field, at, place);
        }
        self.price.estimate = self.price.estimate.saturating_add(place.times);
        if self.price.estimate > self.limits.cost && self.exceeded.is_none() {
            self.exceeded = Some((at, self.path.clone()));
        }
        let fields = place.parent.and_then(|parent| self.definition.fields(parent));
        let ty = fields.and_then(|fields| fields.get(name));
        let (times, page) = match (place.parent, ty) {
            (Some(parent), Some(ty)) => self.lengths.of(parent, field, ty, place.page),
            _ => (1, None),
        };
        let below = Place {
            parent: ty.map(named),
            depth: place.depth + 1,
            times: place.times.saturating_mul(times),
            page,
            lists: None,
        };
        self.set(&field.selection_set.node, below)
    }

    fn introspection(&mut self, field: &'a Field, at: Pos, place: Place<'_>) -> Result<(), Refused> {
        if !self.limits.introspection {
            let message = "This hub does not tell its schema to clients; ask its operator for it.";
            return Err(Refused::new(Code::IntrospectionDisabled, message).at([at]).below(&self.path));
        }
        let name = field.name.node.as_str();
        if place.lists.is_none() {
            self.price.introspection.push(field.response_key().node.to_string());
        }
        self.introspected = self.introspected.saturating_add(place.times);
        if self.introspected > INTROSPECTION {
            return Err(self.refuse("introspection", self.introspected, INTROSPECTION, at));
        }
        let is_list = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
        let lists = place.lists.unwrap_or_default() + usize::from(is_list);
        if lists > INTROSPECTION_LISTS {
            return Err(self.refuse("introspection_depth", lists, INTROSPECTION_LISTS, at));
        }
        let times = place.times.saturating_mul(self.lengths.of_schema(name));
        let below = Place { parent: None, depth: place.depth + 1, times, page: None, lists: Some(lists) };
        self.set(&field.selection_set.node, below)
    }

    fn directives(&self, directives: &[Positioned<Directive>], at: Pos) -> Result<(), Refused> {
        let most = self.limits.directives;
        if directives.len() > most { Err(self.refuse("directives", directives.len(), most, at)) } else { Ok(()) }
    }

    fn refuse(&self, limit: &'static str, value: usize, maximum: usize, at: Pos) -> Refused {
        Refused::limit(limit, value, maximum).at([at]).below(&self.path)
    }
}

#[cfg(test)]
mod tests;
