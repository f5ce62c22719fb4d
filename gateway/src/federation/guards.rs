//! Which fields of partners need a token, and with which scopes: as their schemas say. The hub's own fields are held to
//! their rules where they are resolved.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::Positioned;
use async_graphql::parser::types::{
    ConstDirective, ExecutableDocument, Selection, SelectionSet, TypeKind, TypeSystemDefinition,
};

use crate::error::Failure;
use crate::graphql::definition::{Definition, named, root};
use crate::graphql::policy::Rule;
use crate::graphql::viewer::Viewer;

/// The fields that not everybody may read.
#[derive(Debug, Default)]
pub(super) struct Guards {
    by_type: HashMap<Name, HashMap<Name, Guard>>,
    /// What holds for a type holds for each field that gives it.
    types: HashMap<Name, Guard>,
}

#[derive(Clone, Debug)]
struct Guard {
    rule: Rule,
    /// Under a policy that nothing here can judge: closed to everybody.
    has_policy: bool,
}

impl Guard {
    fn read(directives: &[Positioned<ConstDirective>]) -> Option<Self> {
        let rule = Rule::read(directives);
        let has_policy = directives.iter().any(|directive| directive.node.name.node == "policy");
        (rule != Rule::default() || has_policy).then_some(Self { rule, has_policy })
    }

    fn refuses(&self, viewer: &Viewer) -> Option<Failure> {
        if self.has_policy {
            return Some(Failure::Forbidden("policy".to_owned()));
        }
        self.rule.refuses(viewer)
    }
}

impl Guards {
    /// Those of a supergraph, without the fields of the hub.
    pub(super) fn of(supergraph: &[TypeSystemDefinition], hub: Option<&Definition>) -> Self {
        let mut guards = Self::default();
        let is_of_hub = |type_name: &Name, field: &Name| {
            hub.and_then(|hub| hub.fields(type_name)).is_some_and(|fields| fields.contains_key(field))
        };
        for definition in supergraph {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = &definition.node.name.node;
            if let Some(guard) = Guard::read(&definition.node.directives) {
                guards.types.insert(name.clone(), guard);
            }
            let fields = match &definition.node.kind {
                TypeKind::Object(object) => &object.fields,
                TypeKind::Interface(interface) => &interface.fields,
                _ => continue,
            };
            for field in fields {
                let field = &field.node;
                if let Some(guard) = Guard::read(&field.directives).filter(|_| !is_of_hub(name, &field.name.node)) {
                    guards.by_type.entry(name.clone()).or_default().insert(field.name.node.clone(), guard);
                }
            }
        }
        guards
    }

    /// Why the viewer may not have a document answered, and at which field. `None`: they may.
    pub(super) fn refusal(
        &self,
        document: &ExecutableDocument,
        definition: &Definition,
        viewer: &Viewer,
    ) -> Option<(String, Failure)> {
        if self.by_type.is_empty() && self.types.is_empty() {
            return None;
        }
        let look = Look { guards: self, definition, viewer };
        let operations = document
            .operations
            .iter()
            .map(|(_, operation)| (root(operation.node.ty), &operation.node.selection_set.node));
        let fragments = document
            .fragments
            .values()
            .map(|fragment| (fragment.node.type_condition.node.on.node.as_str(), &fragment.node.selection_set.node));
        operations.chain(fragments).find_map(|(on, set)| look.refusal(set, on))
    }
}

struct Look<'a> {
    guards: &'a Guards,
    definition: &'a Definition,
    viewer: &'a Viewer,
}

impl Look<'_> {
    fn refusal(&self, set: &SelectionSet, on: &str) -> Option<(String, Failure)> {
        set.items.iter().find_map(|selection| match &selection.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                let ty = self.definition.fields(on).and_then(|fields| fields.get(name)).map(named);
                let own = self.of_field(on, name);
                let guards = own.chain(ty.and_then(|ty| self.guards.types.get(ty)));
                let refused = guards.filter_map(|guard| guard.refuses(self.viewer)).next();
                refused
                    .map(|failure| (format!("{on}.{name}"), failure))
                    .or_else(|| ty.and_then(|ty| self.refusal(&field.node.selection_set.node, ty)))
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                self.refusal(&fragment.node.selection_set.node, condition.unwrap_or(on))
            }
            Selection::FragmentSpread(_) => None,
        })
    }

    /// The guards of a field; of one that an interface has, those of every object that it may be of.
    fn of_field(&self, on: &str, field: &str) -> impl Iterator<Item = &Guard> {
        let possible = self.definition.possible.get(on).into_iter().flatten().map(Name::as_str);
        let types = std::iter::once(on.to_owned()).chain(possible.map(str::to_owned)).collect::<Vec<_>>();
        let field = field.to_owned();
        types.into_iter().filter_map(move |name| self.guards.by_type.get(name.as_str())?.get(field.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{parse_query, parse_schema};

    use super::*;

    const SDL: &str = "type Query { open: Int a: Secret own: Int @authenticated node: Node judged: Int @policy(policies: [[\"p\"]]) } \
        interface Node { x: Int } type A implements Node { x: Int @requiresScopes(scopes: [[\"a\"]]) } \
        type Secret @requiresScopes(scopes: [[\"s\"]]) { x: Int }";

    #[test]
    fn a_document_is_refused_for_the_first_field_that_may_not_be_read() {
        let document = parse_schema(SDL).unwrap();
        let definition = Definition::of(SDL);
        let guards = Guards::of(&document.definitions, None);
        let refused = |query: &str, viewer: &Viewer| {
            let refusal = guards.refusal(&parse_query(query).unwrap(), &definition, viewer)?;
            Some(format!("{} {:?}", refusal.0, refusal.1))
        };
        let nobody = Viewer::anonymous();
        let somebody = Viewer::with_scopes(&["a"]);
        assert_eq!(refused("{ open __typename }", &nobody), None);
        assert_eq!(refused("{ own }", &nobody).as_deref(), Some("Query.own Unauthenticated"));
        assert_eq!(refused("{ own node { x } }", &somebody), None);
        assert_eq!(refused("{ node { x } }", &nobody).as_deref(), Some("Node.x Forbidden(\"a\")"));
        assert_eq!(refused("{ a { __typename } }", &somebody).as_deref(), Some("Query.a Forbidden(\"s\")"));
        assert_eq!(
            refused("{ ...F } fragment F on Query { judged }", &somebody).as_deref(),
            Some("Query.judged Forbidden(\"policy\")")
        );
        // What the hub resolves, it guards itself.
        let guards = Guards::of(&document.definitions, Some(&definition));
        assert!(guards.refusal(&parse_query("{ own }").unwrap(), &definition, &nobody).is_none());
    }
}
