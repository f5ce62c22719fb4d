//! What answers are kept under: everything that decides what an answer says, but for the store.

use async_graphql::{Value, Variables};
use sha2::{Digest, Sha256};

use crate::graphql::{Hash, Language, Visibility};

/// What an answer is kept under.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The document's text.
    pub(crate) document: Hash,
    /// The operation's name, where one is given.
    pub(crate) operation: Option<String>,
    /// The variables, in one way of writing them.
    pub(crate) variables: Vec<u8>,
    /// The language of texts.
    pub(crate) language: Language,
    /// Who may see what.
    pub(crate) visibility: Visibility,
}

impl Key {
    /// Under one name for all replicas, which know no more of each other than that.
    pub(super) fn digest(&self, around: &[&str]) -> String {
        let mut digest = Sha256::new();
        let visibility = format!("{:?} {:?} {:?}", self.operation, self.language, self.visibility);
        let parts = around.iter().map(|part| part.as_bytes()).chain([
            self.document.as_slice(),
            visibility.as_bytes(),
            self.variables.as_slice(),
        ]);
        for part in parts {
            // With its length, so that two parts are never read as other two.
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The variables, with the fields of objects in the order of their names. Equal ones may be written otherwise (1 and 1.0):
/// then they are kept apart.
pub(crate) fn canonical(variables: &Variables) -> Vec<u8> {
    let mut written = Vec::new();
    for (name, value) in variables.iter() {
        text(name, &mut written);
        write(value, &mut written);
    }
    written
}

fn write(value: &Value, written: &mut Vec<u8>) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            written.push(b'{');
            for (name, value) in fields {
                text(name, written);
                write(value, written);
            }
            written.push(b'}');
        }
        Value::List(values) => {
            written.push(b'[');
            values.iter().for_each(|value| write(value, written));
            written.push(b']');
        }
        Value::String(value) => text(value, written),
        Value::Enum(name) => {
            written.push(b'E');
            text(name, written);
        }
        Value::Binary(bytes) => {
            written.push(b'B');
            written.extend_from_slice(&bytes.len().to_be_bytes());
            written.extend_from_slice(bytes);
        }
        Value::Number(number) => {
            written.extend_from_slice(number.to_string().as_bytes());
            written.push(b',');
        }
        Value::Boolean(true) => written.push(b't'),
        Value::Boolean(false) => written.push(b'f'),
        Value::Null => written.push(b'n'),
    }
}

fn text(text: &str, written: &mut Vec<u8>) {
    written.push(b'"');
    written.extend_from_slice(&text.len().to_be_bytes());
    written.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: serde_json::Value) -> Vec<u8> {
        canonical(&Variables::from_json(value))
    }

    #[test]
    fn the_order_of_fields_does_not_matter_and_everything_else_does() {
        let one: Variables = serde_json::from_str(r#"{"a": {"x": 1, "y": [1, 2]}, "b": null}"#).unwrap();
        let other: Variables = serde_json::from_str(r#"{"b": null, "a": {"y": [1, 2], "x": 1}}"#).unwrap();
        assert_eq!(canonical(&one), canonical(&other));
        let different = [
            json!({}),
            json!({ "a": null }),
            json!({ "a": "" }),
            json!({ "a": "n" }),
            json!({ "a": [] }),
            json!({ "a": {} }),
            json!({ "a": [1, 2] }),
            json!({ "a": [12] }),
            json!({ "a": [[1], 2] }),
            json!({ "a": "1", "b": "2" }),
            json!({ "a": "1\"b\"2" }),
            json!({ "ab": 1 }),
            json!({ "a": true }),
            json!({ "a": false }),
        ];
        for (index, one) in different.iter().enumerate() {
            for other in &different[..index] {
                assert_ne!(written(one.clone()), written(other.clone()), "{one} {other}");
            }
        }
    }
}
