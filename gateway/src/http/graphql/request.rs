//! From HTTP to a GraphQL request, or to why it is none.

use std::collections::BTreeMap;

use async_graphql::{Extensions, Request, Variables};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::Intake;
use super::bulk;
use crate::graphql::DOCUMENT_ID;
use crate::http::Refusal;

/// What a body holds.
pub(super) enum Body {
    One(Box<Request>),
    Batch(Vec<Request>),
}

/// Whether the body is JSON in UTF-8. A page of another site cannot send that without asking first (CORS), which is
/// what keeps it from writing in a visitor's name.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(text) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|part| part.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8"))
}

/// The parts of a request, not unpacked yet.
type Parts<'a> = BTreeMap<String, &'a RawValue>;

/// Reads a body.
pub(super) fn from_json(body: &[u8], intake: &Intake) -> Result<Body, Refusal> {
    match body.trim_ascii_start().first() {
        None => Err(Refusal::bad_request("The body is empty. Send a JSON object with `query`.")),
        Some(b'{') => {
            let parts: Parts<'_> = unpack(body)?;
            from_parts(&parts, intake.variables_bytes).map(Box::new).map(Body::One)
        }
        Some(b'[') if intake.batch_size <= 1 => {
            let _: &RawValue = unpack(body)?;
            Err(Refusal::bad_request("Batches are not taken. Send one request at a time."))
        }
        Some(b'[') => {
            let requests: Vec<&RawValue> = unpack(body)?;
            if requests.len() > intake.batch_size {
                return Err(Refusal::limit("batch_size", requests.len(), intake.batch_size));
            }
            if requests.is_empty() {
                return Err(Refusal::bad_request("The batch is empty."));
            }
            let read = |request: &&RawValue| {
                let parts: Parts<'_> = serde_json::from_str(request.get())
                    .map_err(|_| Refusal::bad_request("Each request of a batch must be a JSON object with `query`."))?;
                from_parts(&parts, intake.variables_bytes)
            };
            requests.iter().map(read).collect::<Result<_, _>>().map(Body::Batch)
        }
        Some(_) => {
            let _: &RawValue = unpack(body)?;
            Err(Refusal::bad_request("The body must be a JSON object with `query`."))
        }
    }
}

fn unpack<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Refusal::bad_request(format!("The body is not JSON: see {place}."))
    })
}

/// Reads the query string of an address, in which `variables` and `extensions` are JSON.
pub(super) fn from_query(query: &str, intake: &Intake) -> Result<Request, Refusal> {
    let mut texts: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let (name, value) = match name.as_ref() {
            "query" => ("query", serde_json::value::to_raw_value(&text)),
            "operationName" => ("operationName", serde_json::value::to_raw_value(&text)),
            "documentId" => ("documentId", serde_json::value::to_raw_value(&text)),
            "variables" | "extensions" if text.trim().is_empty() => continue,
            "variables" => ("variables", RawValue::from_string(text.into_owned())),
            "extensions" => ("extensions", RawValue::from_string(text.into_owned())),
            _ => continue,
        };
        let value = value.map_err(|_| Refusal::bad_request(format!("`{name}` must be a JSON object.")))?;
        if texts.insert(name, value).is_some() {
            return Err(Refusal::bad_request(format!("`{name}` is given twice.")));
        }
    }
    let parts = texts.iter().map(|(name, value)| ((*name).to_owned(), value.as_ref())).collect();
    from_parts(&parts, intake.variables_bytes)
}

/// Reads the fields of a request that came in a message, whose length is bounded already.
pub(super) fn from_fields(fields: &Map<String, Value>) -> Result<Request, Refusal> {
    let mut texts = BTreeMap::new();
    for (name, value) in fields {
        let text =
            serde_json::value::to_raw_value(value).map_err(|_| Refusal::bad_request("The message is not JSON."))?;
        texts.insert(name.clone(), text);
    }
    let parts = texts.iter().map(|(name, value)| (name.clone(), value.as_ref())).collect();
    from_parts(&parts, usize::MAX)
}

fn from_parts(parts: &Parts<'_>, variables_bytes: usize) -> Result<Request, Refusal> {
    let document_id = text(parts, "documentId")?.filter(|id| !id.is_empty());
    let extensions: Option<Extensions> = object(parts, "extensions", variables_bytes)?;
    let query = text(parts, "query")?.unwrap_or_default();
    let names_document = document_id.is_some()
        || extensions.as_ref().is_some_and(|extensions| extensions.contains_key("persistedQuery"));
    if query.trim().is_empty() && !names_document {
        return Err(Refusal::bad_request("`query` is missing."));
    }
    let mut request = Request::new(query);
    request.operation_name = text(parts, "operationName")?.filter(|name| !name.is_empty());
    request.variables = object::<Variables>(parts, "variables", variables_bytes)?.unwrap_or_default();
    request.extensions = extensions.unwrap_or_default();
    if let Some(id) = document_id {
        request.extensions.insert(DOCUMENT_ID.to_owned(), id.into());
    }
    Ok(request)
}

fn given<'a>(parts: &Parts<'a>, name: &str) -> Option<&'a str> {
    parts.get(name).map(|value| value.get()).filter(|value| *value != "null")
}

fn text(parts: &Parts<'_>, name: &str) -> Result<Option<String>, Refusal> {
    let Some(value) = given(parts, name) else { return Ok(None) };
    let must_be = |_| Refusal::bad_request(format!("`{name}` must be a string."));
    serde_json::from_str(value).map(Some).map_err(must_be)
}

fn object<T: DeserializeOwned>(parts: &Parts<'_>, name: &'static str, most_bytes: usize) -> Result<Option<T>, Refusal> {
    let Some(value) = given(parts, name) else { return Ok(None) };
    let must_be = || Refusal::bad_request(format!("`{name}` must be a JSON object."));
    if !value.starts_with('{') {
        return Err(must_be());
    }
    if value.len() > most_bytes {
        return Err(Refusal::limit("variables_bytes", value.len(), most_bytes));
    }
    let values = bulk::values(value);
    if values > bulk::MOST_VALUES {
        return Err(Refusal::limit("variables_values", values, bulk::MOST_VALUES));
    }
    serde_json::from_str(value).map(Some).map_err(|_| must_be())
}
