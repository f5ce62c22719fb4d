//! How long a list may be: as its arguments ask, as a page is where they do not, or as such lists are.

use async_graphql::parser::types::{BaseType, Field, OperationDefinition, Type};
use async_graphql::{Name, Value, Variables};

use crate::graphql::definition::{Definition, named};
use crate::graphql::page;
use crate::graphql::subgraph::ENTITIES;
use crate::graphql::types::change;

/// Lists that are no pages, and are longer than [`ASSUMED`]. The domain bounds them, not a statement.
const LONGER: [(&str, &str, usize); 9] = [
    ("EducationSystem", "elements", 13),
    ("OfferCoverage", "municipalities", 25),
    ("Query", "sources", 50),
    ("Initiative", "partners", 20),
    ("Need", "suggestedOffers", 20),
    ("UpsertOffersPayload", "results", 500),
    ("UpsertHousingOptionsPayload", "results", 500),
    ("UpsertHousingSchemesPayload", "results", 500),
    ("Offer", "suggestedNeeds", 20),
];
/// Any other list that is no page.
const ASSUMED: usize = 10;

/// How long a list is taken to be that is no page.
pub(in crate::graphql) fn assumed_length(parent: &str, field: &str) -> usize {
    LONGER.iter().find(|(of, list, _)| *of == parent && *list == field).map_or(ASSUMED, |(_, _, length)| *length)
}

/// Tells lengths from an operation's arguments and variables.
pub(super) struct Lengths<'a> {
    pub(super) definition: &'a Definition,
    pub(super) operation: &'a OperationDefinition,
    pub(super) variables: &'a Variables,
    /// The longest page.
    pub(super) longest: usize,
}

impl Lengths<'_> {
    /// How often what lies below a field is there for each object that has the field, and how long the page is that
    /// begins with it.
    pub(super) fn of(&self, parent: &Name, field: &Field, ty: &Type, page: Option<usize>) -> (usize, Option<usize>) {
        if matches!(ty.base, BaseType::Named(_)) {
            return (1, self.is_page(named(ty)).then(|| self.asked(parent, field)));
        }
        let name = field.name.node.as_str();
        let length = if self.is_page(parent) && matches!(name, "nodes" | "edges") {
            page.unwrap_or(self.longest)
        } else if field.get_argument("ids").is_some() {
            match self.argument(field, "ids") {
                Some(Value::List(ids)) => ids.len().min(self.longest),
                _ => 1,
            }
        } else if name == ENTITIES {
            match self.argument(field, "representations") {
                Some(Value::List(representations)) => representations.len(),
                _ => 1,
            }
        } else if field.get_argument("first").is_some() {
            self.asked(parent, field)
        } else {
            assumed_length(parent, name)
        };
        (length, None)
    }

    /// How long one of the schema's own lists is on average, for introspection.
    pub(super) fn of_schema(&self, field: &str) -> usize {
        let types = self.definition.objects.len() + self.definition.inputs.len() + self.definition.enums.len();
        match field {
            "types" => types + 20,
            "fields" => (self.definition.field_count() / types.max(1)).max(1),
            "directives" => 10,
            _ => 1,
        }
    }

    fn is_page(&self, name: &Name) -> bool {
        self.definition.fields(name).is_some_and(|fields| fields.contains_key("pageInfo"))
    }

    /// The length of a page: more than the longest is for its resolver to refuse.
    fn asked(&self, parent: &Name, field: &Field) -> usize {
        let is_feed = parent.as_str() == "Query" && field.name.node.as_str() == "changes";
        let (default, longest) = if is_feed {
            (change::DEFAULT_LENGTH, usize::try_from(change::LONGEST).unwrap_or(usize::MAX))
        } else {
            (page::DEFAULT_LENGTH, self.longest)
        };
        let asked = ["first", "last"].into_iter().find_map(|name| match self.argument(field, name)? {
            Value::Number(number) => Some(number.as_u64().unwrap_or_default()),
            _ => None,
        });
        usize::try_from(asked.unwrap_or(default)).unwrap_or(usize::MAX).min(longest)
    }

    /// An argument with its variables put in. `None`: it is not given, or a variable in it has no value.
    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let value = field.get_argument(name)?.node.clone();
        let value = value.into_const_with(|name| {
            let given = self.variables.get(&name);
            let definition = self.operation.variable_definitions.iter().find(|each| each.node.name.node == name);
            given.or_else(|| definition?.node.default_value.as_ref().map(|value| &value.node)).cloned().ok_or(())
        });
        value.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_that_are_said_to_be_long_are_in_the_schema() {
        let definition = Definition::of(&crate::graphql::sdl());
        for (parent, field, _) in LONGER {
            let ty = definition.fields(parent).and_then(|fields| fields.get(field));
            assert!(ty.is_some_and(|ty| matches!(ty.base, BaseType::List(_))), "{parent}.{field}");
        }
    }
}
