//! `/graphql`: GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>), by POST, and by GET for
//! queries and subscriptions; as server-sent events to who asks for them; and over WebSocket at `/graphql/ws`. Reads
//! requests and writes answers; what executes them is handed in.

mod accept;
mod admission;
mod event_stream;
mod request;
mod socket;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request, Response as GraphqlResponse, Value};
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use serde::Serialize;

use super::auth::{Asker, ScopesMissing};
use super::{Refusal, Streams};
use crate::graphql::{Caller, Language, operation_type};
use accept::MediaType;

pub use admission::{Admit, Payload, anybody, by_token};
pub use socket::Close;

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, POST");
/// Where a WebSocket is opened.
pub(super) const SOCKET_PATH: &str = "/graphql/ws";
const ONLY_POST: HeaderValue = HeaderValue::from_static("POST");

/// `/graphql` and `/graphql/ws`, answered by `executor`. `admit` says who asks over a WebSocket.
pub fn routes<E: Executor>(executor: E, streams: &Streams, admit: Admit) -> Router {
    Router::new()
        .route("/graphql", route(executor.clone(), streams.clone()))
        .route(SOCKET_PATH, socket::route(executor, streams.clone(), admit))
}

/// The route of `/graphql`, answered by `executor`.
fn route<E: Executor>(executor: E, streams: Streams) -> MethodRouter {
    let (by_get, streams_by_get) = (executor.clone(), streams.clone());
    get(async move |asker: Option<Extension<Asker>>, headers: HeaderMap, RawQuery(query): RawQuery| {
        match read_get(&headers, query.as_deref()) {
            Ok((media_type, request)) => {
                execute(&by_get, &streams_by_get, (asker, &headers), media_type, request).await
            }
            Err(response) => *response,
        }
    })
    .post(async move |asker: Option<Extension<Asker>>, headers: HeaderMap, body: Result<Bytes, BytesRejection>| {
        match read_post(&headers, body) {
            Ok((media_type, request)) => execute(&executor, &streams, (asker, &headers), media_type, request).await,
            Err(response) => *response,
        }
    })
    .fallback(async || ([(header::ALLOW, ALLOWED)], Refusal::method_not_allowed()))
}

/// Executes a request, and answers once or with a stream of events, as the client takes it.
async fn execute<E: Executor>(
    executor: &E,
    streams: &Streams,
    (asker, headers): (Option<Extension<Asker>>, &HeaderMap),
    media_type: MediaType,
    mut request: Request,
) -> Response {
    let is_subscription = operation_type(&mut request) == Some(OperationType::Subscription);
    let caller = caller(asker, headers);
    if accept::wants_events(headers, is_subscription) {
        let caller = Caller { last_event: event_stream::last_event(headers), ..caller };
        return event_stream::answer(executor, request.data(caller), streams);
    }
    answer(media_type, executor.execute(request.data(caller)).await)
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
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Caller {
        language: language.and_then(Language::accepted).unwrap_or_default(),
        identity,
        idempotency_key: text("idempotency-key"),
        traceparent: text("traceparent"),
        ..Caller::default()
    }
}

fn media_type(headers: &HeaderMap) -> Result<MediaType, Box<Response>> {
    // Who takes events only is told in JSON why there are none.
    let json = || accept::takes_events(headers).then_some(MediaType::Json);
    accept::negotiate(headers).or_else(json).ok_or_else(|| Box::new(Refusal::not_acceptable().into_response()))
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

impl<'a> Answer<'a> {
    fn of(response: &'a GraphqlResponse) -> Self {
        Self {
            data: (!was_not_executed(response)).then_some(&response.data),
            errors: &response.errors,
            extensions: &response.extensions,
        }
    }
}

/// Whether the request was kept from being executed. async-graphql writes `data: null` in any case; but an error that a
/// field raised has a path, and one that stands before all execution has none.
fn was_not_executed(response: &GraphqlResponse) -> bool {
    response.data == async_graphql::Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

fn answer(media_type: MediaType, response: GraphqlResponse) -> Response {
    let is_refused = was_not_executed(&response);
    let missing = if is_refused { forbidden(&response) } else { None };
    let status = match (&missing, media_type) {
        (Some((status, _)), _) => *status,
        (None, MediaType::GraphqlResponse) if is_refused => StatusCode::BAD_REQUEST,
        (None, MediaType::GraphqlResponse | MediaType::Json) => StatusCode::OK,
    };
    let mut written = write(media_type, status, &Answer::of(&response));
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
