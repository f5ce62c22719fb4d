//! What of a partner's answer may be handed on.

use async_graphql::{PathSegment, ServerError, Value};
use serde::Deserialize;
use tracing::warn;

use crate::error::{Code, set_code};
use crate::federation::execute::Told;

/// The longest message of a partner's error that is handed on, in characters.
const LONGEST_MESSAGE: usize = 500;
/// The most errors of one answer that are handed on.
const MOST_ERRORS: usize = 100;

#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Option<Vec<Mistake>>,
}

/// An error as a partner tells it. What is no message, path or code is not read: it may be anything.
#[derive(Deserialize)]
struct Mistake {
    message: String,
    #[serde(default)]
    path: Option<Vec<PathSegment>>,
    #[serde(default)]
    extensions: Option<Value>,
}

/// A partner's answer. `None`: it is no GraphQL.
pub(super) fn read(body: &[u8]) -> Option<Answer> {
    let answer = serde_json::from_slice::<Answer>(body).ok();
    answer.filter(|answer| matches!(answer.data, Value::Object(_)) || answer.errors.is_some())
}

pub(super) fn told(name: &str, answer: Option<Answer>) -> Told {
    let Some(answer) = answer else {
        warn!(subgraph.name = name, "a subgraph gave an answer that is no GraphQL");
        return failed(name, Code::Unavailable, "gave an answer that is no GraphQL");
    };
    let errors = answer.errors.unwrap_or_default().into_iter().take(MOST_ERRORS).map(Mistake::handed_on);
    Told { data: answer.data, errors: errors.collect(), kept_for: None }
}

pub(super) fn failed(name: &str, code: Code, what: &str) -> Told {
    let mut error = ServerError::new(format!("The subgraph `{name}` {what}."), None);
    set_code(&mut error, code);
    Told { errors: vec![error], ..Told::default() }
}

impl Mistake {
    fn handed_on(self) -> ServerError {
        let message: String = self.message.chars().take(LONGEST_MESSAGE).collect();
        let mut error = ServerError::new(message, None);
        error.path = self.path.unwrap_or_default();
        let code = match &self.extensions {
            Some(Value::Object(extensions)) => extensions.get("code").filter(|code| matches!(code, Value::String(_))),
            _ => None,
        };
        match code {
            Some(code) => error.extensions.get_or_insert_default().set("code", code.clone()),
            None => set_code(&mut error, Code::SubgraphFailed),
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn errors_are_handed_on_without_what_they_are_not_asked_to_say() {
        let body = br#"{"data":{"a":1},"errors":[{"message":"no","path":["a",0],"locations":[{"line":1,"column":2}],
            "extensions":{"code":"MINE","stacktrace":["secret"]}},{"message":"no more"}]}"#;
        let told = told("p", read(body));
        assert_eq!(told.data, value!({ "a": 1 }));
        let errors = serde_json::to_value(&told.errors).unwrap();
        let expected = serde_json::json!([
            { "message": "no", "path": ["a", 0], "extensions": { "code": "MINE" } },
            { "message": "no more", "extensions": { "code": "SUBGRAPH_FAILED" } },
        ]);
        assert_eq!(errors, expected);
    }

    #[test]
    fn what_is_no_graphql_is_an_error_that_says_so() {
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            "{\"data\":3}",
            "{\"data\":null}",
            "{\"errors\":[{\"message\":1}]}",
            "{\"data\":{\"a\":",
        ] {
            let told = told("p", read(body.as_bytes()));
            assert_eq!(told.data, Value::Null, "{body}");
            assert_eq!(told.errors[0].message, "The subgraph `p` gave an answer that is no GraphQL.", "{body}");
        }
    }
}
