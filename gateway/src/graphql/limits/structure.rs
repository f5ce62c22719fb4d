//! Makes sure that following a document's fragments ends, and what it comes to: fragments that spread each other twice
//! double with every one of them, and one that spreads itself has no end. Each fragment is looked at once, reachable or
//! not, for the library's validation (7.2.1) follows those that nothing spreads too.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet};
use async_graphql::{Name, Pos, Positioned};

use crate::config::LimitSettings;
use crate::error::{Code, Refused};

/// What following a selection comes to.
#[derive(Clone, Copy, Default)]
struct Extent {
    /// Selections, each counted as often as it is reached.
    selections: usize,
    /// The deepest nesting of selections and fragments.
    height: usize,
}

/// Makes sure that whatever follows the document's fragments ends soon.
pub(crate) fn check(document: &ExecutableDocument, limits: &LimitSettings) -> Result<(), Refused> {
    let mut measure = Measure {
        fragments: &document.fragments,
        known: HashMap::new(),
        under_way: Vec::new(),
        deepest: super::nesting(limits),
    };
    let mut selections: usize = 0;
    for (name, fragment) in &document.fragments {
        selections = selections.saturating_add(measure.fragment(name, fragment.pos, 0)?.selections);
    }
    for (_, operation) in document.operations.iter() {
        let extent = measure.set(&operation.node.selection_set, 0)?;
        selections = selections.saturating_add(extent.selections);
    }
    // Each selection is a field or leads to one, so a document of more could not be executed either.
    if selections > limits.cost { Err(Refused::limit("selections", selections, limits.cost)) } else { Ok(()) }
}

struct Measure<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    known: HashMap<&'a str, Extent>,
    /// The fragments that are being followed.
    under_way: Vec<&'a str>,
    deepest: usize,
}

impl<'a> Measure<'a> {
    fn fragment(&mut self, name: &str, spread_at: Pos, level: usize) -> Result<Extent, Refused> {
        if let Some(extent) = self.known.get(name) {
            return Ok(*extent);
        }
        // One that is not there is for validation to tell.
        let Some((name, fragment)) = self.fragments.get_key_value(name) else { return Ok(Extent::default()) };
        if self.under_way.contains(&name.as_str()) {
            let message = format!("The fragment `{name}` spreads itself.");
            return Err(Refused::new(Code::ValidationFailed, message).at([spread_at]));
        }
        self.under_way.push(name);
        let extent = self.set(&fragment.node.selection_set, level)?;
        self.under_way.pop();
        self.known.insert(name, extent);
        Ok(extent)
    }

    fn set(&mut self, set: &'a Positioned<SelectionSet>, level: usize) -> Result<Extent, Refused> {
        // The level bounds this function's own descent; the height, that of whoever follows the fragments later.
        self.bound(level, set.pos)?;
        let mut extent = Extent::default();
        for selection in &set.node.items {
            let below = match &selection.node {
                Selection::Field(field) if field.node.selection_set.node.items.is_empty() => Extent::default(),
                Selection::Field(field) => self.set(&field.node.selection_set, level + 1)?,
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set, level + 1)?,
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, spread.pos, level + 1)?
                }
            };
            extent.selections = extent.selections.saturating_add(below.selections).saturating_add(1);
            extent.height = extent.height.max(below.height + 1);
        }
        self.bound(extent.height, set.pos)?;
        Ok(extent)
    }

    fn bound(&self, nesting: usize, place: Pos) -> Result<(), Refused> {
        if nesting > self.deepest {
            return Err(Refused::limit("nesting", nesting, self.deepest).at([place]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Response;
    use async_graphql::parser::parse_query;

    use super::*;

    fn checked(document: &str) -> Result<(), String> {
        let document = parse_query(document).unwrap();
        check(&document, &LimitSettings::default()).map_err(|refused| Response::from(refused).errors[0].message.clone())
    }

    #[test]
    fn fragments_that_are_shared_are_no_harm() {
        let shared = "{ ...A ...B } fragment A on Q { ...C } fragment B on Q { ...C } fragment C on Q { a { b } }";
        assert_eq!(checked(shared), Ok(()));
        assert_eq!(checked("{ ...Missing }"), Ok(()));
    }

    #[test]
    fn a_fragment_that_spreads_itself_is_refused_whether_or_not_it_is_reached() {
        for cycle in [
            "{ ...A } fragment A on Q { a { ...A } }",
            "{ ...A } fragment A on Q { ...B } fragment B on Q { ... { ...A } }",
            "{ a } fragment A on Q { ...A }",
            "{ a } fragment A on Q { ...B } fragment B on Q { ...A }",
        ] {
            assert!(checked(cycle).unwrap_err().contains("spreads itself"), "{cycle}");
        }
    }

    #[test]
    fn fragments_that_double_are_counted_and_not_followed() {
        let mut document = "{ a ".to_owned();
        for reached in ["...F0 }", "}"] {
            let mut doubling = document.clone() + reached;
            for number in 0..60 {
                let next = number + 1;
                doubling += &format!(" fragment F{number} on Q {{ ...F{next} ...F{next} }}");
            }
            doubling += " fragment F60 on Q { a }";
            assert!(checked(&doubling).unwrap_err().contains("`selections`"), "{doubling}");
        }
        document += "}";
        for number in 0..1000 {
            document += &format!(" fragment F{number} on Q {{ ...F{} }}", number + 1);
        }
        document += " fragment F1000 on Q { a }";
        assert!(checked(&document).unwrap_err().contains("`nesting`"));
    }
}
