//! Answers `__schema` and `__type` over the whole graph (section 4 of the specification), from the schema that clients see.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ConstDirective, DirectiveDefinition, EnumValueDefinition, ExecutableDocument, Field, FieldDefinition,
    InputValueDefinition, Selection, SelectionSet, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned, Value, Variables};

use crate::graphql::shape::is_left_out;

/// What every schema has beside its own: scalars, directives, and the types of introspection itself.
const COMMON: &str = include_str!("introspection.graphql");

/// The schema as introspection tells it.
pub(super) struct Introspection {
    types: IndexMap<Name, TypeDefinition>,
    directives: Vec<DirectiveDefinition>,
    /// The objects and interfaces that are of an abstract type, in the schema's order.
    possible: HashMap<Name, Vec<Name>>,
}

/// Something that introspection tells of.
#[derive(Clone, Copy)]
enum Told<'s> {
    Schema,
    /// A type with its wrappers.
    Type(&'s Type),
    /// A type of this name.
    Named(&'s Name),
    Field(&'s FieldDefinition),
    Input(&'s InputValueDefinition),
    EnumValue(&'s EnumValueDefinition),
    Directive(&'s DirectiveDefinition),
}

impl Introspection {
    /// Of the schema that clients see.
    ///
    /// # Errors
    /// Where its text cannot be read.
    pub(super) fn of(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let (mut types, mut directives) = (IndexMap::new(), Vec::new());
        for text in [sdl, COMMON] {
            for definition in parse_schema(text)?.definitions {
                match definition {
                    TypeSystemDefinition::Type(definition) => {
                        types.entry(definition.node.name.node.clone()).or_insert(definition.node);
                    }
                    TypeSystemDefinition::Directive(definition) => directives.push(definition.node),
                    TypeSystemDefinition::Schema(_) => {}
                }
            }
        }
        let mut possible: HashMap<Name, Vec<Name>> = HashMap::new();
        for (name, definition) in &types {
            match &definition.kind {
                TypeKind::Object(object) => {
                    for interface in &object.implements {
                        possible.entry(interface.node.clone()).or_default().push(name.clone());
                    }
                }
                TypeKind::Union(union) => {
                    possible
                        .entry(name.clone())
                        .or_default()
                        .extend(union.members.iter().map(|member| member.node.clone()));
                }
                _ => {}
            }
        }
        Ok(Self { types, directives, possible })
    }

    /// Answers a field of the root.
    pub(super) fn answer(
        &self,
        document: &ExecutableDocument,
        variables: &Variables,
        field: &Field,
        below: &[&SelectionSet],
    ) -> Value {
        let walk = Walk { schema: self, document, variables };
        match field.name.node.as_str() {
            "__schema" => walk.object(Told::Schema, below),
            "__type" => match walk.argument(field, "name") {
                Some(Value::String(name)) => match self.types.get_key_value(name.as_str()) {
                    Some((name, _)) => walk.object(Told::Named(name), below),
                    None => Value::Null,
                },
                _ => Value::Null,
            },
            _ => Value::Null,
        }
    }
}

struct Walk<'s> {
    schema: &'s Introspection,
    document: &'s ExecutableDocument,
    variables: &'s Variables,
}

impl<'s> Walk<'s> {
    fn object(&self, told: Told<'s>, sets: &[&SelectionSet]) -> Value {
        let mut fields: IndexMap<Name, (&Field, Vec<&SelectionSet>)> = IndexMap::new();
        for set in sets {
            self.collect(set, &mut fields);
        }
        let value =
            |(key, (field, below)): (Name, (&Field, Vec<&SelectionSet>))| (key, self.field(told, field, &below));
        Value::Object(fields.into_iter().map(value).collect())
    }

    /// Introspection has no abstract types, so every fragment that is valid holds.
    fn collect<'q>(&'q self, set: &'q SelectionSet, fields: &mut IndexMap<Name, (&'q Field, Vec<&'q SelectionSet>)>) {
        for selection in &set.items {
            if is_left_out(selection.node.directives(), self.variables) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.clone();
                    fields.entry(key).or_insert((&field.node, Vec::new())).1.push(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.collect(&fragment.node.selection_set.node, fields),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        self.collect(&fragment.node.selection_set.node, fields);
                    }
                }
            }
        }
    }

    fn field(&self, told: Told<'s>, field: &Field, below: &[&SelectionSet]) -> Value {
        let name = field.name.node.as_str();
        match told {
            Told::Schema => self.of_schema(name, below),
            Told::Type(ty) if !ty.nullable => match name {
                "__typename" => text("__Type"),
                "kind" => word("NON_NULL"),
                "ofType" => match &ty.base {
                    BaseType::Named(name) => self.object(Told::Named(name), below),
                    BaseType::List(item) => self.list_of(item, below),
                },
                _ => Value::Null,
            },
            Told::Type(ty) => match &ty.base {
                BaseType::Named(named) => self.of_type(named, field, below),
                BaseType::List(item) => self.of_list(item, name, below),
            },
            Told::Named(named) => self.of_type(named, field, below),
            Told::Field(definition) => match name {
                "__typename" => text("__Field"),
                "name" => text(&definition.name.node),
                "description" => description(definition.description.as_ref()),
                "args" => self.inputs(&definition.arguments, field, below),
                "type" => self.object(Told::Type(&definition.ty.node), below),
                _ => deprecation(&definition.directives, name),
            },
            Told::Input(definition) => match name {
                "__typename" => text("__InputValue"),
                "name" => text(&definition.name.node),
                "description" => description(definition.description.as_ref()),
                "type" => self.object(Told::Type(&definition.ty.node), below),
                "defaultValue" => {
                    definition.default_value.as_ref().map_or(Value::Null, |value| text(&value.node.to_string()))
                }
                _ => deprecation(&definition.directives, name),
            },
            Told::EnumValue(definition) => match name {
                "__typename" => text("__EnumValue"),
                "name" => text(&definition.value.node),
                "description" => description(definition.description.as_ref()),
                _ => deprecation(&definition.directives, name),
            },
            Told::Directive(definition) => match name {
                "__typename" => text("__Directive"),
                "name" => text(&definition.name.node),
                "description" => description(definition.description.as_ref()),
                "isRepeatable" => Value::Boolean(definition.is_repeatable),
                "locations" => {
                    let location = |location: &Positioned<_>| word(&location_of(&location.node));
                    Value::List(definition.locations.iter().map(location).collect())
                }
                "args" => self.inputs(&definition.arguments, field, below),
                _ => Value::Null,
            },
        }
    }

    fn of_schema(&self, name: &str, below: &[&SelectionSet]) -> Value {
        let root = |name: &str| {
            let found = self.schema.types.get_key_value(name);
            found.map_or(Value::Null, |(name, _)| self.object(Told::Named(name), below))
        };
        match name {
            "__typename" => text("__Schema"),
            "types" => {
                Value::List(self.schema.types.keys().map(|name| self.object(Told::Named(name), below)).collect())
            }
            "queryType" => root("Query"),
            "mutationType" => root("Mutation"),
            "subscriptionType" => root("Subscription"),
            "directives" => {
                let directive = |definition| self.object(Told::Directive(definition), below);
                Value::List(self.schema.directives.iter().map(directive).collect())
            }
            _ => Value::Null,
        }
    }

    /// A type that may be null and is a list. What it is a list of is told as any type.
    fn of_list(&self, item: &'s Type, name: &str, below: &[&SelectionSet]) -> Value {
        match name {
            "__typename" => text("__Type"),
            "kind" => word("LIST"),
            "ofType" => self.object(Told::Type(item), below),
            _ => Value::Null,
        }
    }

    /// The list below a type that must not be null: it has no type of its own in the schema's text.
    fn list_of(&self, item: &'s Type, sets: &[&SelectionSet]) -> Value {
        let mut fields: IndexMap<Name, (&Field, Vec<&SelectionSet>)> = IndexMap::new();
        for set in sets {
            self.collect(set, &mut fields);
        }
        let value = |(key, (field, below)): (Name, (&Field, Vec<&SelectionSet>))| {
            (key, self.of_list(item, &field.name.node, &below))
        };
        Value::Object(fields.into_iter().map(value).collect())
    }

    fn of_type(&self, named: &'s Name, field: &Field, below: &[&SelectionSet]) -> Value {
        let Some(definition) = self.schema.types.get(named) else { return Value::Null };
        let each = |names: &mut dyn Iterator<Item = &'s Name>| {
            Value::List(names.map(|name| self.object(Told::Named(name), below)).collect())
        };
        match (field.name.node.as_str(), &definition.kind) {
            ("__typename", _) => text("__Type"),
            ("kind", kind) => word(kind_of(kind)),
            ("name", _) => text(named),
            ("description", _) => description(definition.description.as_ref()),
            ("specifiedByURL", TypeKind::Scalar) => argument_of(&definition.directives, "specifiedBy", "url"),
            ("isOneOf", TypeKind::InputObject(_)) => {
                Value::Boolean(definition.directives.iter().any(|directive| directive.node.name.node == "oneOf"))
            }
            ("fields", TypeKind::Object(object)) => self.fields(&object.fields, field, below),
            ("fields", TypeKind::Interface(interface)) => self.fields(&interface.fields, field, below),
            ("interfaces", TypeKind::Object(object)) => each(&mut object.implements.iter().map(|name| &name.node)),
            ("interfaces", TypeKind::Interface(interface)) => {
                each(&mut interface.implements.iter().map(|name| &name.node))
            }
            ("possibleTypes", TypeKind::Interface(_) | TypeKind::Union(_)) => {
                each(&mut self.schema.possible.get(named).into_iter().flatten())
            }
            ("enumValues", TypeKind::Enum(values)) => {
                let all = self.takes_deprecated(field);
                let values = values.values.iter().filter(|value| all || !is_deprecated(&value.node.directives));
                Value::List(values.map(|value| self.object(Told::EnumValue(&value.node), below)).collect())
            }
            ("inputFields", TypeKind::InputObject(input)) => self.inputs(&input.fields, field, below),
            _ => Value::Null,
        }
    }

    fn fields(&self, fields: &'s [Positioned<FieldDefinition>], field: &Field, below: &[&SelectionSet]) -> Value {
        let all = self.takes_deprecated(field);
        let fields = fields.iter().filter(|field| all || !is_deprecated(&field.node.directives));
        Value::List(fields.map(|field| self.object(Told::Field(&field.node), below)).collect())
    }

    fn inputs(&self, inputs: &'s [Positioned<InputValueDefinition>], field: &Field, below: &[&SelectionSet]) -> Value {
        let all = self.takes_deprecated(field);
        let inputs = inputs.iter().filter(|input| all || !is_deprecated(&input.node.directives));
        Value::List(inputs.map(|input| self.object(Told::Input(&input.node), below)).collect())
    }

    fn takes_deprecated(&self, field: &Field) -> bool {
        self.argument(field, "includeDeprecated") == Some(Value::Boolean(true))
    }

    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let value = field.get_argument(name)?.node.clone();
        value.into_const_with(|name| self.variables.get(&name).cloned().ok_or(())).ok()
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn word(text: &str) -> Value {
    Value::Enum(Name::new(text))
}

fn description(description: Option<&Positioned<String>>) -> Value {
    description.map_or(Value::Null, |description| text(&description.node))
}

fn kind_of(kind: &TypeKind) -> &'static str {
    match kind {
        TypeKind::Scalar => "SCALAR",
        TypeKind::Object(_) => "OBJECT",
        TypeKind::Interface(_) => "INTERFACE",
        TypeKind::Union(_) => "UNION",
        TypeKind::Enum(_) => "ENUM",
        TypeKind::InputObject(_) => "INPUT_OBJECT",
    }
}

/// The specification's word for a place of a directive; the parser's own word is the same in another case.
fn location_of(location: &impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for (index, letter) in format!("{location:?}").chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            word.push('_');
        }
        word.push(letter.to_ascii_uppercase());
    }
    word
}

fn is_deprecated(directives: &[Positioned<ConstDirective>]) -> bool {
    directives.iter().any(|directive| directive.node.name.node == "deprecated")
}

fn deprecation(directives: &[Positioned<ConstDirective>], field: &str) -> Value {
    match field {
        "isDeprecated" => Value::Boolean(is_deprecated(directives)),
        "deprecationReason" if is_deprecated(directives) => match argument_of(directives, "deprecated", "reason") {
            Value::Null => text("No longer supported"),
            reason => reason,
        },
        _ => Value::Null,
    }
}

fn argument_of(directives: &[Positioned<ConstDirective>], directive: &str, argument: &str) -> Value {
    let directive = directives.iter().find(|known| known.node.name.node == directive);
    let value = directive.and_then(|directive| directive.node.get_argument(argument));
    value.map_or(Value::Null, |value| value.node.clone())
}
