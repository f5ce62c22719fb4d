//! A subgraph's schema as composition reads it.

use std::collections::{HashMap, HashSet};

use cynic_parser::ConstValue;
use cynic_parser::common::OperationType;
use cynic_parser::executable::Selection;
use cynic_parser::executable::iter::Iter;
use cynic_parser::type_system::{
    Definition, Directive, DirectiveDefinition, FieldDefinition, SchemaDefinition, TypeDefinition,
};
use cynic_parser::{ExecutableDocument, TypeSystemDocument, parse_executable_document, parse_type_system_document};

use super::Part;

/// The deepest selection that a directive may have.
const DEPTH: usize = 32;

/// A subgraph with its schema read.
pub(super) struct Read<'p> {
    pub(super) part: &'p Part,
    document: TypeSystemDocument,
}

impl<'p> Read<'p> {
    /// # Errors
    /// A sentence that names the subgraph and says why its schema cannot be read.
    pub(super) fn of(part: &'p Part) -> Result<Self, String> {
        let unread = |error: String| format!("[{}] its schema cannot be read: {error}", part.name);
        let document = parse_type_system_document(&part.sdl).map_err(|error| unread(error.to_string()))?;
        let read = Self { part, document };
        match read.too_deep() {
            Some(place) => {
                Err(unread(format!("the fields of a directive at `{place}` are nested more than {DEPTH} deep")))
            }
            None => Ok(read),
        }
    }

    /// Where a selection of fields is nested so deeply that whoever follows it would run out of stack.
    fn too_deep(&self) -> Option<&str> {
        let is_deep = |directive: &Directive<'_>| {
            let (mut depth, mut most) = (0_usize, 0);
            for sign in text(directive, "fields").unwrap_or_default().bytes() {
                match sign {
                    b'{' => depth += 1,
                    b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                most = most.max(depth);
            }
            most > DEPTH
        };
        let has = |definition: &TypeDefinition<'_>| {
            let of_fields = fields(*definition).flat_map(|field| field.directives());
            definition.directives().chain(of_fields).any(|directive| is_deep(&directive))
        };
        self.types().find(has).map(|definition| definition.name())
    }

    /// Its types, each as often as it is defined or extended.
    pub(super) fn types(&self) -> impl Iterator<Item = TypeDefinition<'_>> {
        self.definitions().map(|(definition, _)| definition)
    }

    /// Its types, each with whether it is an extension.
    pub(super) fn definitions(&self) -> impl Iterator<Item = (TypeDefinition<'_>, bool)> {
        self.document.definitions().filter_map(|definition| match definition {
            Definition::Type(definition) => Some((definition, false)),
            Definition::TypeExtension(definition) => Some((definition, true)),
            _ => None,
        })
    }

    /// The directives that it defines.
    pub(super) fn directives(&self) -> impl Iterator<Item = DirectiveDefinition<'_>> {
        self.document.directive_definitions()
    }

    fn schemas(&self) -> impl Iterator<Item = SchemaDefinition<'_>> {
        self.document.definitions().filter_map(|definition| match definition {
            Definition::Schema(schema) | Definition::SchemaExtension(schema) => Some(schema),
            _ => None,
        })
    }

    /// What every supergraph calls the roots, by the names that this subgraph gives them.
    pub(super) fn roots(&self) -> HashMap<&str, &'static str> {
        let roots = self.schemas().flat_map(|schema| schema.root_operations());
        let name = |operation| match operation {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        roots.map(|root| (root.named_type(), name(root.operation_type()))).collect()
    }

    fn links(&self) -> Vec<Directive<'_>> {
        self.schemas().flat_map(|schema| schema.directives()).filter(is_federation).collect()
    }

    /// Whether it follows the first version of federation, which has no `@link`.
    pub(super) fn is_first_version(&self) -> bool {
        self.links().is_empty()
    }

    /// What this subgraph calls a directive of federation's: as it has imported it, then with the specification's name before
    /// it (<https://specs.apollo.dev/link/v1.0/#@link.import>). A subgraph that links no federation (the first version has
    /// no `@link`) calls it what it is called.
    pub(super) fn names(&self, directive: &str) -> Vec<String> {
        let links = self.links();
        if links.is_empty() {
            return vec![directive.to_owned()];
        }
        let (mut imported, mut spaced) = (Vec::new(), Vec::new());
        for link in links {
            let space = text(&link, "as").unwrap_or("federation");
            spaced.push(format!("{space}__{directive}"));
            let imports = link.argument("import").and_then(|imports| imports.value().as_items());
            imported.extend(imports.into_iter().flatten().filter_map(|import| {
                let (name, known_as) = match import {
                    ConstValue::String(_) => (import.as_str()?, None),
                    ConstValue::Object(import) => {
                        (import.get("name")?.as_str()?, import.get("as").and_then(|name| name.as_str()))
                    }
                    _ => return None,
                };
                let is_it = name.strip_prefix('@') == Some(directive);
                is_it.then(|| known_as.unwrap_or(name).trim_start_matches('@').to_owned())
            }));
        }
        imported.extend(spaced);
        imported
    }
}

fn is_federation(directive: &Directive<'_>) -> bool {
    // As the composition library tells it.
    let is_url = |url: &str| url.contains("dev/federation/v2");
    directive.name() == "link" && text(directive, "url").is_some_and(is_url)
}

fn text<'d>(directive: &Directive<'d>, argument: &str) -> Option<&'d str> {
    directive.argument(argument)?.value().as_str()
}

/// The fields of an object or of an interface. No other has any.
pub(super) fn fields(definition: TypeDefinition<'_>) -> impl Iterator<Item = FieldDefinition<'_>> {
    let fields = match definition {
        TypeDefinition::Object(object) => Some(object.fields()),
        TypeDefinition::Interface(interface) => Some(interface.fields()),
        _ => None,
    };
    fields.into_iter().flatten()
}

/// The fields of a subgraph's keys, each with its type; where a key goes on below one of its fields, those too.
pub(super) fn in_keys<'p>(part: &'p Read<'_>) -> HashSet<(&'p str, &'p str)> {
    let names = part.names("key");
    let mut types: HashMap<(&str, &str), (&'p str, &'p str, &'p str)> = HashMap::new();
    for definition in part.types() {
        for field in fields(definition) {
            let place = (definition.name(), field.name());
            types.insert(place, (definition.name(), field.name(), field.ty().name()));
        }
    }
    let mut found = HashSet::new();
    for definition in part.types() {
        for key in keys(definition, &names).iter().flat_map(|key| key.operations()) {
            below(key.selection_set(), definition.name(), &types, &mut found);
        }
    }
    found
}

fn below<'p>(
    set: Iter<'_, Selection<'_>>,
    on: &str,
    types: &HashMap<(&str, &str), (&'p str, &'p str, &'p str)>,
    found: &mut HashSet<(&'p str, &'p str)>,
) {
    for selection in set {
        match selection {
            Selection::Field(field) => {
                let Some((on, name, ty)) = types.get(&(on, field.name())) else { continue };
                found.insert((on, name));
                below(field.selection_set(), ty, types, found);
            }
            Selection::InlineFragment(fragment) => {
                below(fragment.selection_set(), fragment.type_condition().unwrap_or(on), types, found);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// The keys of a type, each as a query for its fields; what is none is for the library to refuse.
pub(super) fn keys(definition: TypeDefinition<'_>, names: &[String]) -> Vec<ExecutableDocument> {
    let keys = definition.directives().filter(|directive| names.iter().any(|name| name == directive.name()));
    let fields = keys.filter_map(|key| text(&key, "fields"));
    fields.filter_map(|fields| parse_executable_document(&format!("{{ {fields} }}")).ok()).collect()
}

/// Whether a directive has one of the names.
pub(super) fn is(directive: &Directive<'_>, names: &[String]) -> bool {
    names.iter().any(|name| name == directive.name())
}

/// Whether one of the directives has one of the names.
pub(super) fn has<'d>(mut directives: impl Iterator<Item = Directive<'d>>, names: &[String]) -> bool {
    directives.any(|directive| is(&directive, names))
}
