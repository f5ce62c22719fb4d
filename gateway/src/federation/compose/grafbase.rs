//! Composes by Grafbase's library, and adds what the join specification wants and it (0.12.2) leaves out: `@join__type`
//! on root types, scalars and unions, without which a planner does not know who has them.

use std::collections::HashMap;

use graphql_composition::{Subgraphs, compose, render_federated_sdl};
use graphql_tools::parser::parse_schema;
use graphql_tools::static_graphql::schema::{self, Directive, Document, TypeDefinition, Value};

use super::lenient::Lenient;
use super::read::Read;
use super::{Composing, Part, guarded, sharing};

const JOIN_TYPE: &str = "join__type";

/// Grafbase's composition.
pub(in crate::federation) struct Grafbase;

type Definition = schema::Definition<'static, String>;

impl Composing for Grafbase {
    fn compose(&self, parts: &[Part]) -> Result<String, Vec<String>> {
        let read = each(parts.iter().map(Read::of))?;
        let mistakes = sharing::mistakes(&read);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let (lenient, texts) = Lenient::before(&read);
        let mut subgraphs = Subgraphs::default();
        each(parts.iter().zip(&texts).map(|(part, text)| {
            let url = (!part.url.is_empty()).then_some(part.url.as_str());
            let taken = subgraphs.ingest_str(text, &part.name, url);
            taken.map_err(|error| format!("[{}] its schema cannot be read: {error}", part.name))
        }))?;
        let composed = compose(&mut subgraphs);
        let errors: Vec<String> = composed.diagnostics().iter_errors().map(str::to_owned).collect();
        let graph = composed.into_result().map_err(|_| errors)?;
        let text = render_federated_sdl(&graph).map_err(|error| vec![error.to_string()])?;
        let mut supergraph = parsed(&text).map_err(|error| vec![format!("the supergraph cannot be read: {error}")])?;
        let graphs = graphs(&supergraph);
        lenient.after(&mut supergraph, &graphs);
        guarded::conjoin(&mut supergraph, &read)?;
        own(&mut supergraph, &read, &graphs);
        Ok(supergraph.to_string())
    }
}

/// All of them, or what is wrong with those that are.
fn each<T>(all: impl Iterator<Item = Result<T, String>>) -> Result<Vec<T>, Vec<String>> {
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    all.for_each(|one| match one {
        Ok(one) => right.push(one),
        Err(error) => wrong.push(error),
    });
    if wrong.is_empty() { Ok(right) } else { Err(wrong) }
}

fn parsed(text: &str) -> Result<Document, String> {
    Ok(parse_schema::<String>(text).map_err(|error| error.to_string())?.into_static())
}

/// Has each root type, scalar and union say which subgraphs have it.
fn own(supergraph: &mut Document, parts: &[Read<'_>], graphs: &HashMap<String, String>) {
    let mut owners: HashMap<String, Vec<String>> = HashMap::new();
    for part in parts {
        let Some(graph) = graphs.get(&part.part.name) else { continue };
        let roots = part.roots();
        for name in part.types().map(|definition| definition.name()) {
            let owners = owners.entry(roots.get(name).copied().unwrap_or(name).to_owned()).or_default();
            if owners.last() != Some(graph) {
                owners.push(graph.clone());
            }
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
