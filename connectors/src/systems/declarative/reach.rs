//! Looking into answers and records: where a value stands, and what must hold of it.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::mistakes::Mistakes;
use crate::api::Answer;
use crate::settings::ConditionSettings;
use crate::systems::fields::identifier;

/// Where an answer has a value.
#[derive(Debug)]
pub(super) enum Reach {
    /// In its body.
    Body(JsonPath),
    /// In a header.
    Header(String),
}

impl Reach {
    /// The value there, as text. `None` where there is none, or an empty one.
    pub(super) fn text(&self, answer: &Answer, body: &Value) -> Option<String> {
        match self {
            Self::Body(path) => path.query(body).iter().find_map(|value| match value {
                Value::Bool(value) => Some(value.to_string()),
                value => identifier_of_any_length(value),
            }),
            Self::Header(name) => answer.header(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
        }
    }

    /// The number there.
    pub(super) fn number(&self, answer: &Answer, body: &Value) -> Option<u64> {
        self.text(answer, body)?.parse().ok()
    }
}

/// Cursors and addresses are longer than any identifier.
fn identifier_of_any_length(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        value => identifier(Some(value)),
    }
}

/// What must hold of a record, or of an answer.
#[derive(Debug)]
pub(super) struct Condition {
    path: JsonPath,
    is: Option<Vec<String>>,
    is_not: Vec<String>,
}

impl Condition {
    /// What `settings` say.
    pub(super) fn compile(settings: &ConditionSettings, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let path = mistakes.json_path(&settings.path)?;
        let texts = |texts: &Vec<String>| texts.iter().map(|text| folded(text)).collect();
        let (is, is_not) = (settings.is.as_ref().map(texts), settings.is_not.as_ref().map(texts));
        if is.is_some() && is_not.is_some() {
            mistakes.note("expected one of is and is_not");
        }
        Some(Self { path, is, is_not: is_not.unwrap_or_default() })
    }

    /// Whether it holds.
    pub(super) fn holds(&self, value: &Value) -> bool {
        let among = |texts: &[String], value: &Value| word(value).is_some_and(|word| texts.contains(&folded(&word)));
        let mut found = self.path.query(value).all().into_iter();
        match &self.is {
            Some(texts) => found.any(|value| among(texts, value)),
            None if !self.is_not.is_empty() => !found.any(|value| among(&self.is_not, value)),
            None => found.any(is_something),
        }
    }
}

/// What is compared without regard to case and to white space around it.
pub(super) fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A value as a word: text, a number, true or false.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        value => identifier(Some(value)),
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}
