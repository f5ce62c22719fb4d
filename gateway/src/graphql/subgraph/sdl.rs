//! The schema with federation's directives: the one that clients read, and on it what another schema may build on. Derived
//! from it, so that a field that is added has its directives without a word.

use std::collections::HashSet;
use std::sync::LazyLock;

use graphql_tools::parser::parse_schema;
use graphql_tools::static_graphql::schema::{
    self, Definition, Directive, Document, Field, ObjectType, Type, TypeDefinition, Value,
};

use super::entity::KEYED;
use crate::auth::scope;
use crate::graphql::limits::cost::assumed_length;
use crate::graphql::page;

/// The version whose directives are used: the first with `@cost` and `@listSize`.
const LINK: &str = "https://specs.apollo.dev/federation/v2.9";
const IMPORTS: [&str; 5] = ["@key", "@shareable", "@tag", "@cost", "@listSize"];
/// Directives of the schema's own. Federation has them too, but what is imported as security every gateway must enforce
/// or refuse the graph, as Apollo's open one does; the hub itself holds each field to its rule, whoever asks.
const OWN: [&str; 2] = ["authenticated", "requiresScopes"];

/// Types that mean the same in every schema, so that others may have them too.
const SHAREABLE: [&str; 4] = ["Address", "Location", "Money", "PageInfo"];

static SDL: LazyLock<String> = LazyLock::new(|| {
    let plain = crate::graphql::sdl();
    #[expect(clippy::expect_used, reason = "a schema that cannot be read is not the code's")]
    let document = parse_schema::<String>(&plain).expect("the schema's own text can be read").into_static();
    federated(document).to_string()
});

/// The schema with federation's directives, which gateways compose.
#[must_use]
pub fn federation_sdl() -> &'static str {
    &SDL
}

fn federated(mut document: Document) -> Document {
    // The others are every schema's.
    let is_kept = |name: &str| OWN.contains(&name);
    document.definitions.retain(|definition| match definition {
        Definition::DirectiveDefinition(directive) => is_kept(&directive.name),
        _ => true,
    });
    let composite: HashSet<String> = document.definitions.iter().filter_map(composite).collect();
    let pages: HashSet<String> = document.definitions.iter().filter_map(page).collect();
    for definition in &mut document.definitions {
        match definition {
            Definition::SchemaDefinition(schema) => schema.directives.push(link()),
            // The hub counts each field, which federation does only where it is told to.
            Definition::TypeDefinition(TypeDefinition::Scalar(scalar)) => scalar.directives.push(cost()),
            Definition::TypeDefinition(TypeDefinition::Enum(values)) => values.directives.push(cost()),
            Definition::TypeDefinition(TypeDefinition::Object(object)) => {
                let is_page = pages.contains(&object.name);
                let name = object.name.clone();
                mark(object);
                for field in &mut object.fields {
                    field.directives.extend(audience(&name, field));
                    if !is_page {
                        field.directives.extend(size(&name, field, &composite, &pages));
                    }
                }
            }
            _ => {}
        }
    }
    document
}

/// Keys, and whether others may have the type.
fn mark(object: &mut ObjectType) {
    if let Some((_, _, keys)) = KEYED.iter().find(|(name, ..)| *name == object.name) {
        let key = |key: &&str| directive("key", vec![("fields", Value::String((*key).to_owned()))]);
        object.directives.extend(keys.iter().map(key));
    }
    if SHAREABLE.contains(&object.name.as_str()) {
        object.directives.push(directive("shareable", Vec::new()));
    }
}

/// For whom a field is, so that variants of a graph can leave out what is not for their clients.
fn audience(parent: &str, field: &Field) -> Option<Directive> {
    let scopes = field.directives.iter().find(|directive| directive.name == "requiresScopes");
    let is_of_operators = |directive: &Directive| {
        let text = directive.to_string();
        [scope::SYNC_READ, scope::SYNC_RUN].iter().any(|scope| text.contains(scope))
    };
    let name = match scopes {
        Some(scopes) if is_of_operators(scopes) => "operators",
        Some(_) => "members",
        None if matches!(parent, "Query" | "Subscription") => "public",
        None => return None,
    };
    Some(directive("tag", vec![("name", Value::String(name.to_owned()))]))
}

/// How long the list is that a field gives, as the hub's own estimate takes it to be.
fn size(parent: &str, field: &Field, composite: &HashSet<String>, pages: &HashSet<String>) -> Option<Directive> {
    let number = |length: usize| Value::Int(i32::try_from(length).unwrap_or(i32::MAX).into());
    let texts = |texts: &[&str]| Value::List(texts.iter().map(|text| Value::String((*text).to_owned())).collect());
    let named = field.field_type.inner_type();
    if pages.contains(named) {
        let slicing: Vec<&str> = ["first", "last"].into_iter().filter(|name| has(field, name)).collect();
        return Some(directive(
            "listSize",
            vec![
                ("assumedSize", number(usize::try_from(page::DEFAULT_LENGTH).unwrap_or(usize::MAX))),
                ("slicingArguments", texts(&slicing)),
                ("sizedFields", texts(&["edges", "nodes"])),
                ("requireOneSlicingArgument", Value::Boolean(false)),
            ],
        ));
    }
    let is_list = is_list(&field.field_type) && composite.contains(named);
    is_list.then(|| {
        let assumed = number(assumed_length(parent, &field.name));
        directive("listSize", vec![("assumedSize", assumed), ("requireOneSlicingArgument", Value::Boolean(false))])
    })
}

fn has(field: &Field, argument: &str) -> bool {
    field.arguments.iter().any(|known| known.name == argument)
}

fn is_list(ty: &Type) -> bool {
    match ty {
        Type::NamedType(_) => false,
        Type::ListType(_) => true,
        Type::NonNullType(inner) => is_list(inner),
    }
}

fn composite(definition: &schema::Definition<'static, String>) -> Option<String> {
    match definition {
        Definition::TypeDefinition(TypeDefinition::Object(object)) => Some(object.name.clone()),
        Definition::TypeDefinition(TypeDefinition::Interface(interface)) => Some(interface.name.clone()),
        Definition::TypeDefinition(TypeDefinition::Union(union)) => Some(union.name.clone()),
        _ => None,
    }
}

fn page(definition: &schema::Definition<'static, String>) -> Option<String> {
    let Definition::TypeDefinition(TypeDefinition::Object(object)) = definition else { return None };
    object.fields.iter().any(|field| field.name == "pageInfo").then(|| object.name.clone())
}

fn link() -> Directive {
    let imports = IMPORTS.iter().map(|name| Value::String((*name).to_owned())).collect();
    directive("link", vec![("url", Value::String(LINK.to_owned())), ("import", Value::List(imports))])
}

fn cost() -> Directive {
    directive("cost", vec![("weight", Value::Int(1.into()))])
}

fn directive(name: &str, arguments: Vec<(&str, Value)>) -> Directive {
    let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Directive { position: Default::default(), name: name.to_owned(), arguments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_a_field_of_its_type() {
        let definition = crate::graphql::definition::Definition::of(&crate::graphql::sdl());
        for (type_name, _, keys) in KEYED {
            let fields = definition.fields(type_name).unwrap();
            assert!(keys.iter().all(|key| fields.contains_key(*key)), "{type_name} {keys:?}");
        }
    }

    #[test]
    fn directives_stand_where_they_belong() {
        let sdl = federation_sdl();
        for line in [
            "type School implements Node & Sourced @key(fields: \"id\") @key(fields: \"brin\") {",
            "type Money @shareable {",
            "enum Theme @cost(weight: 1) {",
            "url: \"https://specs.apollo.dev/federation/v2.9\"",
            "@requiresScopes(scopes: [[\"sync:read\"]]) @tag(name: \"operators\")",
            "sizedFields: [\"edges\", \"nodes\"]",
            ": [OfferMatch!]! @listSize(assumedSize: 20, requireOneSlicingArgument: false)",
        ] {
            assert!(sdl.contains(line), "{line}");
        }
        assert_eq!(sdl.matches("directive @").count(), OWN.len(), "what is imported is not defined");
    }
}
