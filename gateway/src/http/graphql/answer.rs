//! From a GraphQL response to what goes out.

use async_graphql::{Response as GraphqlResponse, Value};
use axum::Extension;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::accept::MediaType;
use crate::error::{Code, code_of};
use crate::graphql::{Answer, was_not_executed};
use crate::http::Refusal;
use crate::http::auth::ScopesMissing;

/// What else than its address decides what a request is answered.
pub(super) const VARY: &str = "accept, accept-language, authorization";

/// The answer to a request.
pub(super) fn one(media_type: MediaType, response: GraphqlResponse) -> Response {
    let status = status(media_type, &response);
    let mut written = write(media_type, status, &Answer::of(&response));
    if was_not_executed(&response)
        && let Some(missing) = scopes_missing(&response)
    {
        written.extensions_mut().insert(missing);
    }
    written.headers_mut().extend(response.http_headers);
    written
}

/// The scopes that would let a request be answered of which nothing may be. `None`: that is not why it was refused.
fn scopes_missing(response: &GraphqlResponse) -> Option<ScopesMissing> {
    let error = response.errors.first()?;
    if !matches!(code_of(error)?, Code::Forbidden | Code::Unauthenticated) {
        return None;
    }
    let scopes = match error.extensions.as_ref()?.get("scopes") {
        Some(Value::List(scopes)) => scopes.as_slice(),
        _ => &[],
    };
    let text = |scope: &Value| match scope {
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    Some(ScopesMissing(scopes.iter().filter_map(text).collect()))
}

/// The answers to a list of requests: each tells for itself what became of it.
pub(super) fn batch(media_type: MediaType, mut responses: Vec<GraphqlResponse>) -> Response {
    let mut headers = HeaderMap::new();
    responses.iter_mut().for_each(|response| headers.extend(std::mem::take(&mut response.http_headers)));
    let answers: Vec<_> = responses.iter().map(Answer::of).collect();
    let mut written = write(media_type, StatusCode::OK, &answers);
    written.headers_mut().extend(headers);
    written
}

/// What is refused before GraphQL has a say.
pub(super) fn refused(media_type: MediaType, refusal: &Refusal) -> Response {
    (Extension(refusal.code()), write(media_type, refusal.status(), &refusal.body())).into_response()
}

fn status(media_type: MediaType, response: &GraphqlResponse) -> StatusCode {
    if !was_not_executed(response) {
        return StatusCode::OK;
    }
    let code = response.errors.first().and_then(code_of);
    match media_type {
        MediaType::GraphqlResponse => code.map_or(StatusCode::BAD_REQUEST, Code::status),
        MediaType::Json => code.filter(|code| code.is_of_http()).map_or(StatusCode::OK, Code::status),
    }
}

fn write(media_type: MediaType, status: StatusCode, body: &impl Serialize) -> Response {
    // What is not kept here is for nobody to keep: it is somebody's own, an error, or soon over.
    let uncached = (header::CACHE_CONTROL, "no-store");
    let headers = [(header::CONTENT_TYPE, media_type.content_type()), uncached, (header::VARY, VARY)];
    match serde_json::to_vec(body) {
        Ok(body) => (status, headers, body).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer could not be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, headers, r#"{"errors":[{"message":"Internal error"}]}"#).into_response()
        }
    }
}
