//! The schema as its own definition tells it: what each field gives and each input takes. Read once, for the steps that
//! go through a request before the library does, and through an answer after it.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputObjectType, OperationType, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};

/// Fields by their names.
pub(crate) type Fields = HashMap<Name, Type>;

/// The schema's types.
#[derive(Default)]
pub(crate) struct Definition {
    pub(crate) objects: HashMap<Name, Fields>,
    pub(crate) interfaces: HashMap<Name, Fields>,
    pub(crate) inputs: HashMap<Name, Input>,
    /// Enums with their values.
    pub(crate) enums: HashMap<Name, Vec<Name>>,
    /// The objects that an interface or a union may be.
    pub(crate) possible: HashMap<Name, HashSet<Name>>,
}

/// An input object.
pub(crate) struct Input {
    pub(crate) fields: HashMap<Name, InputField>,
    /// Whether exactly one field is to be given.
    pub(crate) is_choice: bool,
}

/// A field of an input object.
pub(crate) struct InputField {
    pub(crate) ty: Type,
    pub(crate) has_default: bool,
}

impl Definition {
    /// Reads it. It is the schema's own; what could not be read would only not be looked at.
    pub(crate) fn of(sdl: &str) -> Self {
        let mut read = Self::default();
        let definitions = parse_schema(sdl).map(|document| document.definitions).unwrap_or_default();
        for definition in definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node;
            match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in &object.implements {
                        read.possible.entry(interface.node.clone()).or_default().insert(name.clone());
                    }
                    read.objects.insert(name, fields(object.fields));
                }
                TypeKind::Interface(interface) => {
                    read.interfaces.insert(name, fields(interface.fields));
                }
                TypeKind::InputObject(input) => {
                    let directives = &definition.node.directives;
                    let is_choice = directives.iter().any(|directive| directive.node.name.node == "oneOf");
                    read.inputs.insert(name, Input { fields: input_fields(input), is_choice });
                }
                TypeKind::Enum(values) => {
                    let values = values.values.into_iter().map(|value| value.node.value.node).collect();
                    read.enums.insert(name, values);
                }
                TypeKind::Union(union) => {
                    let members = union.members.into_iter().map(|member| member.node);
                    read.possible.entry(name).or_default().extend(members);
                }
                TypeKind::Scalar => {}
            }
        }
        read
    }

    /// The fields of an object or an interface.
    pub(crate) fn fields(&self, name: &str) -> Option<&Fields> {
        self.objects.get(name).or_else(|| self.interfaces.get(name))
    }

    /// Whether an object of this type is of the other: the same, or one that it implements or is a member of.
    pub(crate) fn is_of(&self, object: &str, other: &str) -> bool {
        object == other || self.possible.get(other).is_some_and(|objects| objects.contains(object))
    }

    /// How many fields all objects have together.
    pub(crate) fn field_count(&self) -> usize {
        self.objects.values().map(HashMap::len).sum()
    }
}

/// The type that an operation begins at.
pub(crate) fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// The name of a type, out of its lists.
pub(crate) fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

fn fields(fields: Vec<Positioned<FieldDefinition>>) -> Fields {
    fields.into_iter().map(|field| (field.node.name.node, field.node.ty.node)).collect()
}

fn input_fields(input: InputObjectType) -> HashMap<Name, InputField> {
    let field = |field: Positioned<async_graphql::parser::types::InputValueDefinition>| {
        let field = field.node;
        (field.name.node, InputField { ty: field.ty.node, has_default: field.default_value.is_some() })
    };
    input.fields.into_iter().map(field).collect()
}
