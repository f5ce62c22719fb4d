//! Arguments of directives' definitions.

use std::collections::BTreeMap;

use cynic_parser::type_system::InputValueDefinition;

use super::Read;
use super::edits::Edits;

/// Gives each argument of a directive the default that it has in another subgraph's definition of the directive.
pub(super) fn complete(parts: &[Read<'_>], edits: &mut [Edits]) {
    let mut of_arguments: BTreeMap<(&str, &str), Vec<(usize, InputValueDefinition<'_>)>> = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        for definition in part.directives() {
            for argument in definition.arguments() {
                of_arguments.entry((definition.name(), argument.name())).or_default().push((number, argument));
            }
        }
    }
    for of_argument in of_arguments.into_values() {
        let has_default = |argument: &InputValueDefinition<'_>| argument.default_value().is_some();
        let Some((number, argument)) = of_argument.iter().find(|(_, argument)| has_default(argument)) else { continue };
        let default = argument.default_value_span();
        let default = parts[*number].part.sdl[default.start..default.end].to_owned();
        for (number, argument) in of_argument.iter().filter(|(_, argument)| !has_default(argument)) {
            edits[*number].insert(argument.default_value_span().start, format!(" {default} "));
        }
    }
}
