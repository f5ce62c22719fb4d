//! Composes by Grafbase's library, and adds what the join specification wants and it (0.12.2) leaves out: `@join__type`
//! on root types, scalars and unions, without which a planner does not know who has them.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::{self, types::TypeSystemDefinition};
use graphql_composition::{Subgraphs, compose, render_federated_sdl};
use graphql_tools::parser::parse_schema;
use graphql_tools::static_graphql::schema::{self, Directive, Document, TypeDefinition, Value};

use super::{Composing, Part, guarded};

const JOIN_TYPE: &str = "join__type";

/// Grafbase's composition.
pub(in crate::federation) struct Grafbase;

type Definition = schema::Definition<'static, String>;

impl Composing for Grafbase {
    fn compose(&self, parts: &[Part]) -> Result<String, Vec<String>> {
        let mut subgraphs = Subgraphs::default();
        let mut wrong = Vec::new();
        for part in parts {
            let url = (!part.url.is_empty()).then_some(part.url.as_str());
            if let Err(error) = subgraphs.ingest_str(&part.sdl, &part.name, url) {
                wrong.push(format!("[{}] its schema cannot be read: {error}", part.name));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let composed = compose(&mut subgraphs);
        let errors: Vec<String> = composed.diagnostics().iter_errors().map(str::to_owned).collect();
        let graph = composed.into_result().map_err(|_| errors)?;
        let text = render_federated_sdl(&graph).map_err(|error| vec![error.to_string()])?;
        let mut supergraph = parsed(&text).map_err(|error| vec![format!("the supergraph cannot be read: {error}")])?;
        guarded::conjoin(&mut supergraph, parts)?;
        Ok(with_owners(supergraph, parts)?.to_string())
    }
}

fn parsed(text: &str) -> Result<Document, String> {
    Ok(parse_schema::<String>(text).map_err(|error| error.to_string())?.into_static())
}

/// The supergraph with, on each root type, scalar and union, the subgraphs that have it.
fn with_owners(mut supergraph: Document, parts: &[Part]) -> Result<Document, Vec<String>> {
    let graphs = graphs(&supergraph);
    let mut owners: HashMap<String, Vec<String>> = HashMap::new();
    for part in parts {
        let names = defined(&part.sdl).map_err(|error| vec![format!("[{}] {error}", part.name)])?;
        let Some(graph) = graphs.get(&part.name) else { continue };
        for name in names {
            owners.entry(name).or_default().push(graph.clone());
        }
    }
    for definition in &mut supergraph.definitions {
        let (name, directives) = match definition {
            Definition::TypeDefinition(TypeDefinition::Object(object)) if is_root(&object.name) => {
                (&object.name, &mut object.directives)
            }
            Definition::TypeDefinition(TypeDefinition::Scalar(scalar)) => (&scalar.name, &mut scalar.directives),
            Definition::TypeDefinition(TypeDefinition::Union(union)) => (&union.name, &mut union.directives),
            _ => continue,
        };
        if directives.iter().any(|directive| directive.name == JOIN_TYPE) {
            continue;
        }
        let owned = owners.get(name).into_iter().flatten().map(|graph| Directive {
            position: Default::default(),
            name: JOIN_TYPE.to_owned(),
            arguments: vec![("graph".to_owned(), Value::Enum(graph.clone()))],
        });
        directives.extend(owned);
    }
    Ok(supergraph)
}

fn is_root(name: &str) -> bool {
    matches!(name, "Query" | "Mutation" | "Subscription")
}

/// The values of `join__Graph`, by the names of their subgraphs.
fn graphs(supergraph: &Document) -> HashMap<String, String> {
    let values = supergraph.definitions.iter().find_map(|definition| match definition {
        Definition::TypeDefinition(TypeDefinition::Enum(values)) if values.name == "join__Graph" => {
            Some(&values.values)
        }
        _ => None,
    });
    let named = |value: &schema::EnumValue| {
        let directive = value.directives.iter().find(|directive| directive.name == "join__graph")?;
        let name = directive.arguments.iter().find(|(argument, _)| argument == "name")?;
        match &name.1 {
            Value::String(name) => Some((name.clone(), value.name.clone())),
            _ => None,
        }
    };
    values.into_iter().flatten().filter_map(named).collect()
}

/// The types that a subgraph has: roots by the names that every supergraph gives them.
fn defined(sdl: &str) -> Result<HashSet<String>, parser::Error> {
    let definitions = parser::parse_schema(sdl)?.definitions;
    let roots = roots(&definitions);
    let names = definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node.name.node.as_str()),
        _ => None,
    });
    Ok(names.map(|name| roots.get(name).copied().unwrap_or(name).to_owned()).collect())
}

/// What every supergraph calls the roots, by the names that a subgraph gives them.
pub(super) fn roots(definitions: &[TypeSystemDefinition]) -> HashMap<String, &'static str> {
    let schemas = definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Schema(schema) => Some(&schema.node),
        _ => None,
    });
    let named = schemas.flat_map(|schema| {
        [(&schema.query, "Query"), (&schema.mutation, "Mutation"), (&schema.subscription, "Subscription")]
    });
    named.filter_map(|(name, root)| Some((name.as_ref()?.node.to_string(), root))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, sdl: &str) -> Part {
        let link = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.9\", \
                    import: [\"@key\", \"@shareable\", \"@external\", \"@requires\"])";
        Part { name: name.to_owned(), url: format!("http://127.0.0.1/{name}"), sdl: format!("{link}\n{sdl}") }
    }

    #[test]
    fn roots_scalars_and_unions_say_who_has_them() {
        let parts = [
            part(
                "a",
                "type Query { a: Any x: JSON } union Any = A type A @key(fields: \"id\") { id: ID! } scalar JSON",
            ),
            part("b", "schema { query: Root } type Root { b: A } type A @key(fields: \"id\") { id: ID! b: Int }"),
        ];
        let supergraph = Grafbase.compose(&parts).unwrap();
        for line in [
            "type Query @join__type(graph: A) @join__type(graph: B) {",
            "scalar JSON @join__type(graph: A)",
            "union Any @join__unionMember(graph: A, member: \"A\") @join__type(graph: A) = A",
        ] {
            assert!(supergraph.contains(line), "{line}: {supergraph}");
        }
    }

    #[test]
    fn what_does_not_compose_is_refused_with_the_type_and_the_field() {
        let parts = [
            part("a", "type Query { a: Int x: T } type T { f: Int }"),
            part("b", "type Query { b: T } type T { f: Int }"),
        ];
        let errors = Grafbase.compose(&parts).unwrap_err().join("\n");
        assert!(errors.contains("T.f"), "{errors}");
        let errors = Grafbase.compose(&[part("a", "type Query {")]).unwrap_err().join("\n");
        assert!(errors.starts_with("[a] its schema cannot be read"), "{errors}");
    }

    #[test]
    fn the_hubs_own_schema_composes_with_one_that_extends_it() {
        let hub = Part { name: "hub".to_owned(), url: String::new(), sdl: crate::graphql::federation_sdl().to_owned() };
        let workshops = part(
            "workshops",
            "type Query { workshops: [Workshop!]! } type School @key(fields: \"brin\") { brin: String! workshops: [Workshop!]! } \
             type Workshop @key(fields: \"id\") { id: ID! title: String! price: Money! school: School! } \
             type Money @shareable { amount: Int! currency: String! }",
        );
        let supergraph = Grafbase.compose(&[hub, workshops]).unwrap();
        assert!(supergraph.contains("workshops: [Workshop!]! @join__field(graph: WORKSHOPS)"), "{supergraph}");
    }
}
