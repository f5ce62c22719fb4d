//! Which fields need a token, and with which scopes. A field says so with `@authenticated` and `@requiresScopes`: these
//! stand in the schema that clients read, and that schema's text is what is enforced here, on every field, however it is
//! reached. Which records are shown is another question: see [`viewer`](super::viewer).
//!
//! # To guard a field
//! `#[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::…)))]` on its method,
//! which must return what can be null, and its line in `policy/table.rs`.

mod roots;
#[cfg(test)]
mod table;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo};
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ConstDirective, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
    TypeKind, TypeSystemDefinition,
};
use async_graphql::{
    Name, PathSegment, Positioned, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, TypeDirective,
    Value,
};

pub(super) use self::roots::refuse_whole;
use super::reader::Reader;
use super::viewer::Viewer;
use crate::error::Failure;

/// Only for clients with a token.
#[TypeDirective(name = "authenticated", location = "FieldDefinition", location = "Object")]
pub(crate) fn authenticated() {}

/// Only for clients with a token that holds all the scopes of one of these lists.
#[TypeDirective(name = "requiresScopes", location = "FieldDefinition", location = "Object")]
pub(crate) fn requires_scopes(scopes: Vec<Vec<String>>) {}

/// This scope, as `@requiresScopes` wants it.
pub(crate) fn one(scope: &str) -> Vec<Vec<String>> {
    vec![vec![scope.to_owned()]]
}

/// What a field asks of whoever reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    authenticated: bool,
    /// All of one of these lists; no list: no scope.
    scopes: Vec<Vec<String>>,
}

impl Rule {
    pub(crate) fn read(directives: &[Positioned<ConstDirective>]) -> Self {
        let mut rule = Self::default();
        for directive in directives {
            match directive.node.name.node.as_str() {
                "authenticated" => rule.authenticated = true,
                "requiresScopes" => {
                    let scopes = directive.node.get_argument("scopes").map(|scopes| lists(&scopes.node));
                    rule.scopes = scopes.unwrap_or_default();
                }
                _ => {}
            }
        }
        rule
    }

    /// Why the viewer may not read it. `None`: they may.
    pub(crate) fn refuses(&self, viewer: &Viewer) -> Option<Failure> {
        let holds_all = |list: &Vec<String>| list.iter().all(|scope| viewer.may(scope));
        if !self.scopes.is_empty() && !self.scopes.iter().any(holds_all) {
            return Some(Failure::Forbidden(self.wanted().join(" ")));
        }
        (self.authenticated && !viewer.is_authenticated()).then_some(Failure::Unauthenticated)
    }

    /// The scopes of the first list.
    fn wanted(&self) -> &[String] {
        self.scopes.first().map(Vec::as_slice).unwrap_or_default()
    }
}

/// Lists of texts, as `@requiresScopes` and `@policy` have them.
pub(crate) fn lists(value: &async_graphql::Value) -> Vec<Vec<String>> {
    let items = |value: &Value| match value {
        Value::List(items) => items.clone(),
        other => vec![other.clone()],
    };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    items(value).iter().map(|list| items(list).into_iter().filter_map(text).collect()).collect()
}

/// The rules of the fields that have one, by type and field.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: HashMap<Name, HashMap<Name, Rule>>,
    /// What the fields of object types show, by type and field.
    shows: HashMap<Name, HashMap<Name, Name>>,
}

/// What the schema's own text says.
static RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| Arc::new(Rules::of(&super::sdl())));

impl Rules {
    /// The rules that a schema's text states.
    fn of(sdl: &str) -> Self {
        let mut found = Self::default();
        #[expect(clippy::expect_used, reason = "without its rules nothing may be served")]
        let document = parse_schema(sdl).expect("the schema's own text can be read");
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let of_type = Rule::read(&definition.node.directives);
            let TypeKind::Object(object) = definition.node.kind else { continue };
            let type_name = definition.node.name.node;
            for field in object.fields {
                let mut rule = Rule::read(&field.node.directives);
                rule.authenticated |= of_type.authenticated;
                if rule.scopes.is_empty() {
                    rule.scopes.clone_from(&of_type.scopes);
                }
                let name = field.node.name.node;
                let shown = named(&field.node.ty.node.base).clone();
                found.shows.entry(type_name.clone()).or_default().insert(name.clone(), shown);
                if rule != Rule::default() {
                    found.rules.entry(type_name.clone()).or_default().insert(name, rule);
                }
            }
        }
        found
    }

    fn get(&self, type_name: &str, field: &str) -> Option<&Rule> {
        self.rules.get(type_name)?.get(field)
    }

    /// Whether a field of this name has a rule, on any type.
    fn name(&self, field: &str) -> bool {
        self.rules.values().any(|fields| fields.contains_key(field))
    }

    /// Whether a field that has a rule is selected from a type. Of a type that is no object type of the schema, or
    /// nobody knows which (`None`), every field of a name that has a rule anywhere counts.
    fn guard(&self, type_name: Option<&str>, set: &SelectionSet) -> bool {
        let fields = type_name.and_then(|name| self.shows.get(name));
        set.items.iter().any(|selection| match &selection.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                let shown = fields.and_then(|fields| fields.get(name));
                let has_rule = match (type_name, shown) {
                    (Some(type_name), Some(_)) => self.get(type_name, name).is_some(),
                    _ => self.name(name),
                };
                has_rule || self.guard(shown.map(Name::as_str), &field.node.selection_set.node)
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let type_name = condition.map_or(type_name, |condition| Some(condition.node.on.node.as_str()));
                self.guard(type_name, &fragment.node.selection_set.node)
            }
            // Each fragment is looked at once, by the type that it is on.
            Selection::FragmentSpread(_) => false,
        })
    }
}

/// The type's name, without its lists.
fn named(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(items) => named(&items.base),
    }
}

/// Whether the document selects a field that has a rule.
pub(super) fn is_guarded(document: &ExecutableDocument) -> bool {
    let of_operation = |operation: &OperationDefinition| {
        let root = roots::type_of(operation.ty);
        RULES.guard(Some(root), &operation.selection_set.node)
    };
    let of_fragment = |fragment: &FragmentDefinition| {
        let type_name = fragment.type_condition.node.on.node.as_str();
        RULES.guard(Some(type_name), &fragment.selection_set.node)
    };
    document.operations.iter().any(|(_, operation)| of_operation(&operation.node))
        || document.fragments.values().any(|fragment| of_fragment(&fragment.node))
}

/// Holds every field of a request to its rule.
pub(super) struct Policy;

impl ExtensionFactory for Policy {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Enforcement { rules: Arc::clone(&RULES), errors: Mutex::default() })
    }
}

/// One request, or one event of a subscription, held to the rules.
struct Enforcement {
    rules: Arc<Rules>,
    errors: Mutex<Vec<ServerError>>,
}

#[async_graphql::async_trait::async_trait]
impl Extension for Enforcement {
    async fn execute(&self, ctx: &ExtensionContext<'_>, operation: Option<&str>, next: NextExecute<'_>) -> Response {
        let mut response = next.run(ctx, operation).await;
        let errors = std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner));
        response.errors.extend(errors);
        response
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let Some(rule) = self.rules.get(info.parent_type, info.name) else { return next.run(ctx, info).await };
        let failure = match ctx.data::<Arc<Reader>>() {
            Ok(reader) => rule.refuses(&reader.viewer),
            Err(_) => Some(Failure::Internal("a request came without its reader")),
        };
        let Some(failure) = failure else { return next.run(ctx, info).await };
        let place = info.field.alias.as_ref().unwrap_or(&info.field.name);
        let mut error = async_graphql::Error::from(failure).into_server_error(place.pos);
        error.path = path(info.path_node);
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        // Null and an error beside it, and not an error alone: async-graphql would leave the field out.
        Ok(None)
    }
}

fn path(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut path = Vec::new();
    let mut next = Some(node);
    while let Some(node) = next {
        path.push(match node.segment {
            QueryPathSegment::Index(index) => PathSegment::Index(index),
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        });
        next = node.parent;
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_fields_and_from_their_types() {
        let rules = Rules::of(
            "type Query { open: Int own: Int @authenticated both: Int @requiresScopes(scopes: [[\"a\", \"b\"], [\"c\"]]) } \
             type Secret @requiresScopes(scopes: [[\"s\"]]) { x: Int y: Int @authenticated }",
        );
        assert_eq!(rules.get("Query", "open"), None);
        assert!(rules.get("Query", "own").unwrap().authenticated);
        assert_eq!(rules.get("Query", "both").unwrap().scopes, [vec!["a", "b"], vec!["c"]]);
        assert_eq!(rules.get("Secret", "x").unwrap().wanted(), ["s"]);
        let both = rules.get("Secret", "y").unwrap();
        assert!(both.authenticated && both.wanted() == ["s"]);
    }

    #[test]
    fn a_document_is_guarded_that_names_a_guarded_field_anywhere() {
        for (document, expected) in [
            ("{ schools { nodes { name } } }", false),
            ("{ schools { nodes { contact: name } } }", false),
            // Refusals, which are for operators, have fields of these names too.
            ("{ schools { nodes { provenance { lastSeenAt } } } }", false),
            ("{ node(id: 1) { ... on School { provenance { lastSeenAt } } } }", false),
            ("{ node(id: 1) { ... on Refusal { lastSeenAt } } }", true),
            ("{ node(id: 1) { ... on Nothing { lastSeenAt } } }", true),
            ("{ sources { runs { nodes { id } } } }", true),
            ("{ a: sources { ... on Source { ... { b: runs { nodes { id } } } } } }", true),
            ("{ sources { ...F } } fragment F on Source { runs { nodes { id } } }", true),
            ("query A { viewer { scopes } } query B { sources { refusals { totalCount } } }", true),
            ("mutation { createNeed(input: {}) { need { id } } }", true),
        ] {
            assert_eq!(is_guarded(&async_graphql::parser::parse_query(document).unwrap()), expected, "{document}");
        }
    }

    #[test]
    fn every_rule_guards_the_documents_that_reach_its_field() {
        for field in RULES.rules.values().flat_map(HashMap::keys) {
            let document = async_graphql::parser::parse_query(format!("{{ a {{ b: {field} }} }}")).unwrap();
            assert!(is_guarded(&document), "{field}");
        }
    }

    #[test]
    fn all_scopes_of_one_list_are_needed() {
        let rule = Rule { authenticated: true, scopes: vec![vec!["a".into(), "b".into()], vec!["c".into()]] };
        let refuses = |scopes: &[&str]| rule.refuses(&Viewer::with_scopes(scopes)).is_some();
        assert!(refuses(&[]) && refuses(&["a"]) && refuses(&["b", "d"]));
        assert!(!refuses(&["a", "b"]) && !refuses(&["c"]));
    }
}
