//! What a partner calls its roots, where its schema does not say. async-graphql (7.2.1) leaves `schema { … }` out of the
//! schema that it tells gateways, so a root with a name of its own would be a type like any other, and its fields nobody's.

use std::sync::Arc;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::TypeSystemDefinition;
use async_graphql::{ServerError, Value, Variables};

use super::partner::Partner;
use crate::error::Code;
use crate::graphql::Caller;

const ROOTS: &str = "query { __schema { queryType { name } mutationType { name } subscriptionType { name } } }";

/// Each operation, what its root is called where nobody says, and where introspection says.
const NAMES: [(&str, &str, &str); 3] = [
    ("query", "Query", "queryType"),
    ("mutation", "Mutation", "mutationType"),
    ("subscription", "Subscription", "subscriptionType"),
];

/// The schema that a partner has told, with what it calls its roots. One that does not tell them calls them as all do.
///
/// # Errors
/// That it could not be asked, in a sentence: else its roots would come and go with its moods.
pub(super) async fn named(partner: &Arc<Partner>, sdl: String) -> Result<String, String> {
    if !may_hide_roots(&sdl) {
        return Ok(sdl);
    }
    let told = partner.ask(ROOTS, &Variables::default(), &Caller::default(), false).await;
    if let Some(error) =
        told.errors.into_iter().find(|error| [Code::Timeout, Code::Unavailable].iter().any(|code| is(error, *code)))
    {
        return Err(error.message);
    }
    let Ok(told) = told.data.into_json() else { return Ok(sdl) };
    Ok(with_roots(sdl, |field| told["__schema"][field]["name"].as_str()))
}

fn is(error: &ServerError, code: Code) -> bool {
    let said = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    said == Some(&Value::from(code.text()))
}

/// Whether there may be a root that cannot be told from another type.
fn may_hide_roots(sdl: &str) -> bool {
    let Ok(document) = parse_schema(sdl) else { return false };
    let says_so = document.definitions.iter().any(|definition| match definition {
        TypeSystemDefinition::Schema(schema) => {
            let schema = &schema.node;
            schema.query.is_some() || schema.mutation.is_some() || schema.subscription.is_some()
        }
        _ => false,
    });
    !says_so && NAMES.iter().any(|(_, usual, _)| !has_type(&document.definitions, usual))
}

fn has_type(definitions: &[TypeSystemDefinition], name: &str) -> bool {
    definitions.iter().any(|definition| match definition {
        TypeSystemDefinition::Type(definition) => definition.node.name.node == name,
        _ => false,
    })
}

/// With an extension that names the roots, where one has a name of its own.
fn with_roots<'n>(sdl: String, name: impl Fn(&str) -> Option<&'n str>) -> String {
    let Ok(document) = parse_schema(&sdl) else { return sdl };
    let roots = NAMES.iter().filter_map(|(operation, usual, field)| Some((operation, usual, name(field)?)));
    // One that is not in the schema has nothing but what gateways ask.
    let roots: Vec<_> = roots.filter(|(_, _, name)| has_type(&document.definitions, name)).collect();
    if roots.iter().all(|(_, usual, name)| *usual == name) {
        return sdl;
    }
    let roots: Vec<String> = roots.into_iter().map(|(operation, _, name)| format!("{operation}: {name}")).collect();
    // An extension: one that names no root of queries can be read as well.
    format!("{sdl}\nextend schema {{ {} }}\n", roots.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.5\")";

    #[test]
    fn a_root_with_a_name_of_its_own_is_found() {
        let told = |query: &'static str, subscription: Option<&'static str>| {
            move |field: &str| match field {
                "queryType" => Some(query),
                "subscriptionType" => subscription,
                _ => None,
            }
        };
        let sdl = format!("{LINK} type Query {{ a: Int }} type Events {{ b: Int }}");
        assert!(may_hide_roots(&sdl));
        let named = with_roots(sdl.clone(), told("Query", Some("Events")));
        assert!(named.ends_with("extend schema { query: Query subscription: Events }\n"), "{named}");
        for name in [None, Some("Subscription"), Some("Elsewhere")] {
            assert_eq!(with_roots(sdl.clone(), told("Query", name)), sdl, "{name:?}");
        }
        // The root of queries is not told where it has nothing but what gateways ask.
        let sdl = format!("{LINK} type Events {{ b: Int }}");
        let named = with_roots(sdl, told("Query", Some("Events")));
        assert!(named.ends_with("extend schema { subscription: Events }\n"), "{named}");
        assert!(parse_schema(&named).is_ok(), "{named}");
    }

    #[test]
    fn who_says_what_the_roots_are_is_not_asked() {
        for sdl in [
            "schema { query: Root } type Root { a: Int }".to_owned(),
            format!("{LINK} type Query {{ a: Int }} type Mutation {{ a: Int }} type Subscription {{ a: Int }}"),
            "type Query {".to_owned(),
        ] {
            assert!(!may_hide_roots(&sdl), "{sdl}");
        }
    }
}
