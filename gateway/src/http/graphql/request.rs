//! From HTTP to a GraphQL request, or to why it is none.

use async_graphql::parser::types::{DocumentOperations, OperationType};
use async_graphql::{Extensions, Request, Variables};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::http::Refusal;

/// Whether the body is JSON in UTF-8. A page of another site cannot send that without asking first (CORS), which is
/// what keeps it from writing in a visitor's name.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(text) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|part| part.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8"))
}

/// Reads a body.
pub(super) fn from_json(body: &[u8]) -> Result<Request, Refusal> {
    if body.trim_ascii().is_empty() {
        return Err(Refusal::bad_request("The body is empty. Send a JSON object with `query`."));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => from_fields(fields),
        Ok(Value::Array(_)) => Err(Refusal::bad_request("Batches are not taken. Send one request at a time.")),
        Ok(_) => Err(Refusal::bad_request("The body must be a JSON object with `query`.")),
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            Err(Refusal::bad_request(format!("The body is not JSON: see {place}.")))
        }
    }
}

/// Reads the query string of an address, in which `variables` and `extensions` are JSON.
pub(super) fn from_query(query: &str) -> Result<Request, Refusal> {
    let mut fields = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let value = match name.as_ref() {
            "query" | "operationName" => Value::String(text.into_owned()),
            "variables" | "extensions" if text.trim().is_empty() => Value::Null,
            "variables" | "extensions" => serde_json::from_str(&text)
                .map_err(|_| Refusal::bad_request(format!("`{name}` must be a JSON object.")))?,
            _ => continue,
        };
        if fields.insert(name.clone().into_owned(), value).is_some() {
            return Err(Refusal::bad_request(format!("`{name}` is given twice.")));
        }
    }
    from_fields(fields)
}

/// Whether the operation that would be executed is a mutation. A document that cannot be parsed is left to whoever
/// executes it, and says why.
pub(super) fn is_mutation(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let is_mutation = |kind: OperationType| kind == OperationType::Mutation;
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => is_mutation(operation.node.ty),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name.as_str()).is_some_and(|operation| is_mutation(operation.node.ty))
        }
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().any(|operation| is_mutation(operation.node.ty))
        }
    }
}

/// Reads the fields of a request, wherever they stood.
pub(super) fn from_fields(mut fields: Map<String, Value>) -> Result<Request, Refusal> {
    let query = match fields.remove("query") {
        Some(Value::String(query)) if !query.trim().is_empty() => query,
        Some(Value::String(_)) | Some(Value::Null) | None => {
            return Err(Refusal::bad_request("`query` is missing."));
        }
        Some(_) => return Err(Refusal::bad_request("`query` must be a string.")),
    };
    let mut request = Request::new(query);
    match fields.remove("operationName") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name.is_empty() => {}
        Some(Value::String(name)) => request = request.operation_name(name),
        Some(_) => return Err(Refusal::bad_request("`operationName` must be a string.")),
    }
    if let Some(variables) = object(&mut fields, "variables")? {
        request = request.variables(Variables::from_json(Value::Object(variables)));
    }
    if let Some(extensions) = object(&mut fields, "extensions")? {
        let extensions: Result<Extensions, _> = serde_json::from_value(Value::Object(extensions));
        request.extensions = extensions.map_err(|_| Refusal::bad_request("`extensions` must be a JSON object."))?;
    }
    Ok(request)
}

fn object(fields: &mut Map<String, Value>, name: &str) -> Result<Option<Map<String, Value>>, Refusal> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Refusal::bad_request(format!("`{name}` must be a JSON object."))),
    }
}
