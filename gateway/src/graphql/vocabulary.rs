//! The domain's closed vocabularies as GraphQL enums: one implementation for all, with the Dutch term in every value's
//! description.

use std::borrow::Cow;
use std::fmt;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaEnumValue, MetaType, Registry};
use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned, ServerResult,
    Value,
};
use entity::{Code, CodeSet, Language};

/// A value of the vocabulary `C`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term<C>(pub C);

impl<C: Code> fmt::Debug for Term<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code())
    }
}

/// The values of a set, as a list.
pub(crate) fn terms<C: Code>(set: CodeSet<C>) -> Vec<Term<C>> {
    set.iter().map(Term).collect()
}

fn register<C: Code>(registry: &mut Registry) -> String {
    registry.create_input_type::<Term<C>, _>(async_graphql::registry::MetaTypeId::Enum, |_| MetaType::Enum {
        name: C::VOCABULARY.to_owned(),
        description: Some(C::DESCRIPTION.to_owned()),
        enum_values: C::ALL.iter().map(|value| (value.code().to_owned(), meta(*value))).collect(),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: Some(std::any::type_name::<Term<C>>()),
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    })
}

fn meta<C: Code>(value: C) -> MetaEnumValue {
    let (english, dutch) = (value.label(Language::En), value.label(Language::Nl));
    let description = if english.eq_ignore_ascii_case(dutch) {
        format!("{english}.")
    } else {
        format!("{english} (Dutch: {dutch}).")
    };
    MetaEnumValue {
        name: value.code().to_owned(),
        description: Some(description),
        deprecation: async_graphql::registry::Deprecation::NoDeprecated,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        directive_invocations: Vec::new(),
    }
}

impl<C: Code> InputType for Term<C> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(C::VOCABULARY)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register::<C>(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        let code = match &value {
            Value::Enum(name) => name.as_str(),
            // Variables carry enum values as strings.
            Value::String(text) => text.as_str(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        C::from_code(code).map(Self).ok_or_else(|| InputValueError::custom(format!("there is no value `{code}`")))
    }

    fn to_value(&self) -> Value {
        Value::Enum(Name::new(self.0.code()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<C: Code> OutputType for Term<C> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(C::VOCABULARY)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register::<C>(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Enum(Name::new(self.0.code())))
    }
}
