//! An answer as it goes out: the form of GraphQL's specification.

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use serde::Serialize;

/// What goes out. Without `data` where nothing was executed, as the specification wants it.
#[derive(Serialize)]
pub(crate) struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    extensions: &'a std::collections::BTreeMap<String, Value>,
}

impl<'a> Answer<'a> {
    /// What goes out of a response.
    pub(crate) fn of(response: &'a GraphqlResponse) -> Self {
        let data = (!was_not_executed(response)).then_some(&response.data);
        Self { data, errors: &response.errors, extensions: &response.extensions }
    }
}

/// Whether nothing was executed. async-graphql writes `data: null` in both cases; an error that a field raised has a
/// path, one that kept the request from being executed has none.
pub(crate) fn was_not_executed(response: &GraphqlResponse) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}
