//! `/graphql`: GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>), by POST, and by GET for
//! queries. Reads requests and writes answers; what executes them is handed in.

mod accept;
mod request;

use async_graphql::{Executor, Request, Response as GraphqlResponse, Value};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde::Serialize;

use super::Refusal;
use super::auth::{Asker, ScopesMissing};
use crate::graphql::{Caller, Language};
use accept::MediaType;

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, POST");
const ONLY_POST: HeaderValue = HeaderValue::from_static("POST");

/// The route of `/graphql`, answered by `executor`.
pub fn route<E: Executor>(executor: E) -> MethodRouter {
    let by_get = executor.clone();
    get(async move |asker: Option<Extension<Asker>>, headers: HeaderMap, RawQuery(query): RawQuery| {
        let (media_type, request) = match read_get(&headers, query.as_deref()) {
            Ok(read) => read,
            Err(response) => return *response,
        };
        answer(media_type, by_get.execute(request.data(caller(asker, &headers))).await)
    })
    .post(async move |asker: Option<Extension<Asker>>, headers: HeaderMap, body: Result<Bytes, BytesRejection>| {
        let (media_type, request) = match read_post(&headers, body) {
            Ok(read) => read,
            Err(response) => return *response,
        };
        answer(media_type, executor.execute(request.data(caller(asker, &headers))).await)
    })
    .fallback(async || ([(header::ALLOW, ALLOWED)], Refusal::method_not_allowed()))
}

type Read = Result<(MediaType, Request), Box<Response>>;

fn read_post(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Read {
    let media_type = media_type(headers)?;
    let refuse = |refusal: Refusal| Box::new(refuse(media_type, &refusal));
    if !request::is_json(headers) {
        return Err(refuse(Refusal::unsupported_media_type()));
    }
    let body = body.map_err(|rejection| {
        refuse(match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(),
            _ => Refusal::bad_request("The body could not be read to its end."),
        })
    })?;
    let request = request::from_json(&body).map_err(refuse)?;
    Ok((media_type, request))
}

fn read_get(headers: &HeaderMap, query: Option<&str>) -> Read {
    let media_type = media_type(headers)?;
    let refuse = |refusal: Refusal| Box::new(refuse(media_type, &refusal));
    let mut request = request::from_query(query.unwrap_or_default()).map_err(refuse)?;
    if request::is_mutation(&mut request) {
        let mut response = refuse(Refusal::method_not_allowed());
        response.headers_mut().insert(header::ALLOW, ONLY_POST);
        return Err(response);
    }
    Ok((media_type, request))
}

fn caller(asker: Option<Extension<Asker>>, headers: &HeaderMap) -> Caller {
    let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let identity = asker.and_then(|Extension(Asker(identity))| identity);
    Caller { language: language.and_then(Language::accepted).unwrap_or_default(), identity }
}

fn media_type(headers: &HeaderMap) -> Result<MediaType, Box<Response>> {
    accept::negotiate(headers).ok_or_else(|| Box::new(Refusal::not_acceptable().into_response()))
}

/// What goes out. Without `data` where nothing was executed, as the specification wants it.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a async_graphql::Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [async_graphql::ServerError],
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    extensions: &'a std::collections::BTreeMap<String, async_graphql::Value>,
}

fn answer(media_type: MediaType, response: GraphqlResponse) -> Response {
    // async-graphql writes `data: null` in both cases. An error that a field raised has a path; one that kept the
    // request from being executed has none.
    let is_refused = response.data == async_graphql::Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty());
    let missing = if is_refused { forbidden(&response) } else { None };
    let status = match (&missing, media_type) {
        (Some((status, _)), _) => *status,
        (None, MediaType::GraphqlResponse) if is_refused => StatusCode::BAD_REQUEST,
        (None, MediaType::GraphqlResponse | MediaType::Json) => StatusCode::OK,
    };
    let answer = Answer {
        data: (!is_refused).then_some(&response.data),
        errors: &response.errors,
        extensions: &response.extensions,
    };
    let mut written = write(media_type, status, &answer);
    written.headers_mut().extend(response.http_headers);
    if let Some((_, missing)) = missing {
        written.extensions_mut().insert(missing);
    }
    written
}

/// How a request is refused of which nothing may be answered, and the scopes that would let it be.
fn forbidden(response: &GraphqlResponse) -> Option<(StatusCode, ScopesMissing)> {
    let extensions = response.errors.first()?.extensions.as_ref()?;
    let status = match extensions.get("code")? {
        Value::String(code) if code == "FORBIDDEN" => StatusCode::FORBIDDEN,
        Value::String(code) if code == "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
        _ => return None,
    };
    let scopes = match extensions.get("scopes") {
        Some(Value::List(scopes)) => scopes.clone(),
        _ => Vec::new(),
    };
    let text = |scope| match scope {
        Value::String(text) => Some(text),
        _ => None,
    };
    Some((status, ScopesMissing(scopes.into_iter().filter_map(text).collect())))
}

fn refuse(media_type: MediaType, refusal: &Refusal) -> Response {
    write(media_type, refusal.status(), &refusal.body())
}

fn write(media_type: MediaType, status: StatusCode, body: &impl Serialize) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type.content_type()), (header::VARY, "accept, accept-language")];
    match serde_json::to_vec(body) {
        Ok(body) => (status, headers, body).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer could not be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, headers, r#"{"errors":[{"message":"Internal error"}]}"#).into_response()
        }
    }
}

#[cfg(test)]
mod tests;
