//! Entries: a supergraph in which every entity can be begun at. A subgraph of nobody's has, for each type with a plain key,
//! a field of the root that gives one, known by its keys alone. What follows such a field in a plan is how more is learnt
//! of an entity, wherever it lies.

use std::collections::BTreeSet;

use graphql_tools::static_graphql::schema::{
    self, Definition, Directive, Document, EnumValue, Field, ObjectType, Type, TypeDefinition, Value,
};

/// The subgraph that nobody serves.
pub(super) const ENTRY: &str = "_entry";
const GRAPH: &str = "HUB__ENTRY";
const JOIN_TYPE: &str = "join__type";
const JOIN_FIELD: &str = "join__field";

/// The field of the root that gives one of this type.
pub(super) fn entry(type_name: &str) -> String {
    format!("_entry_{type_name}")
}

/// The supergraph with its entries, and the types that have one.
pub(super) fn with_entries(mut supergraph: Document) -> (Document, BTreeSet<String>) {
    let mut entered = BTreeSet::new();
    for definition in &mut supergraph.definitions {
        let Definition::TypeDefinition(definition) = definition else { continue };
        match definition {
            TypeDefinition::Object(object) if object.name != "Query" => {
                entered.extend(known_by_keys(object).then(|| object.name.clone()));
            }
            TypeDefinition::Scalar(scalar) => scalar.directives.push(join(JOIN_TYPE, vec![graph(GRAPH)])),
            TypeDefinition::Enum(values) if values.name == "join__Graph" => values.values.push(nobodys()),
            TypeDefinition::Enum(values) if !values.name.starts_with("link__") => {
                values.directives.push(join(JOIN_TYPE, vec![graph(GRAPH)]));
                for value in &mut values.values {
                    value.directives.push(join("join__enumValue", vec![graph(GRAPH)]));
                }
            }
            _ => {}
        }
    }
    for definition in &mut supergraph.definitions {
        if let Definition::TypeDefinition(TypeDefinition::Object(query)) = definition
            && query.name == "Query"
        {
            owned_by_others(query, &[]);
            query.directives.push(join(JOIN_TYPE, vec![graph(GRAPH)]));
            query.fields.extend(entered.iter().map(|name| root_field(name)));
        }
    }
    (supergraph, entered)
}

/// Makes a type known to the entries by its plain keys. False where it has none.
fn known_by_keys(object: &mut ObjectType) -> bool {
    let keys: BTreeSet<String> = object.directives.iter().filter_map(plain_key).collect();
    if keys.is_empty() {
        return false;
    }
    let fields: Vec<&str> = keys.iter().flat_map(|key| key.split_whitespace()).collect();
    owned_by_others(object, &fields);
    for field in object.fields.iter_mut().filter(|field| fields.contains(&field.name.as_str())) {
        if field.directives.iter().any(|directive| directive.name == JOIN_FIELD) {
            field.directives.push(join(JOIN_FIELD, vec![graph(GRAPH)]));
        }
    }
    for key in &keys {
        let key = ("key".to_owned(), Value::String(key.clone()));
        let resolvable = ("resolvable".to_owned(), Value::Boolean(false));
        object.directives.push(join(JOIN_TYPE, vec![graph(GRAPH), key, resolvable]));
    }
    true
}

/// Says of fields that all subgraphs of their type have, but for these, that those have them.
fn owned_by_others(object: &mut ObjectType, but: &[&str]) {
    let graphs: BTreeSet<String> = object.directives.iter().filter_map(graph_of).collect();
    for field in object.fields.iter_mut().filter(|field| !but.contains(&field.name.as_str())) {
        if field.directives.iter().all(|directive| directive.name != JOIN_FIELD) {
            field.directives.extend(graphs.iter().map(|name| join(JOIN_FIELD, vec![graph(name)])));
        }
    }
}

/// The key by which a subgraph finds entities, where it is of fields alone.
fn plain_key(directive: &Directive) -> Option<String> {
    let argument = |name: &str| directive.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let is_entity = directive.name == JOIN_TYPE
        && argument("resolvable") != Some(&Value::Boolean(false))
        && argument("isInterfaceObject") != Some(&Value::Boolean(true));
    match argument("key").filter(|_| is_entity) {
        Some(Value::String(key)) if !key.contains('{') => Some(key.clone()),
        _ => None,
    }
}

fn graph_of(directive: &Directive) -> Option<String> {
    let graph = directive.arguments.iter().find(|(name, _)| name == "graph")?;
    match &graph.1 {
        Value::Enum(graph) if directive.name == JOIN_TYPE => Some(graph.clone()),
        _ => None,
    }
}

fn graph(name: &str) -> (String, Value) {
    ("graph".to_owned(), Value::Enum(name.to_owned()))
}

fn join(name: &str, arguments: Vec<(String, Value)>) -> Directive {
    Directive { position: Default::default(), name: name.to_owned(), arguments }
}

fn nobodys() -> EnumValue {
    let arguments =
        [("name", ENTRY), ("url", "")].map(|(name, text)| (name.to_owned(), Value::String(text.to_owned())));
    EnumValue {
        position: Default::default(),
        description: None,
        name: GRAPH.to_owned(),
        directives: vec![join("join__graph", arguments.to_vec())],
    }
}

fn root_field(type_name: &str) -> Field {
    schema::Field {
        position: Default::default(),
        description: None,
        name: entry(type_name),
        arguments: Vec::new(),
        field_type: Type::NamedType(type_name.to_owned()),
        directives: vec![join(JOIN_FIELD, vec![graph(GRAPH)])],
    }
}

#[cfg(test)]
mod tests {
    use graphql_tools::parser::parse_schema;

    use super::*;

    #[test]
    fn what_has_a_plain_key_can_be_begun_at_and_nothing_else_moves() {
        let text = "enum join__Graph { A @join__graph(name: \"a\", url: \"\") } scalar S @join__type(graph: A) \
            type Query @join__type(graph: A) @join__type(graph: B) { t: T } \
            type T @join__type(graph: A, key: \"id\") @join__type(graph: B, key: \"no\") { id: ID! no: S @join__field(graph: B) x: Int } \
            type U @join__type(graph: A, key: \"t { id }\") { t: T } type V @join__type(graph: A, key: \"id\", resolvable: false) { id: ID! }";
        let (document, entered) = with_entries(parse_schema::<String>(text).unwrap().into_static());
        assert_eq!(entered.into_iter().collect::<Vec<_>>(), ["T"]);
        let told = document.to_string();
        for line in [
            "HUB__ENTRY @join__graph(name: \"_entry\", url: \"\")",
            "scalar S @join__type(graph: A) @join__type(graph: HUB__ENTRY)",
            "t: T @join__field(graph: A) @join__field(graph: B)",
            "_entry_T: T @join__field(graph: HUB__ENTRY)",
            "@join__type(graph: HUB__ENTRY, key: \"id\", resolvable: false)",
            "  id: ID!\n  no: S @join__field(graph: B) @join__field(graph: HUB__ENTRY)\n  x: Int @join__field(graph: A) @join__field(graph: B)",
        ] {
            assert!(told.contains(line), "{line}: {told}");
        }
    }
}
