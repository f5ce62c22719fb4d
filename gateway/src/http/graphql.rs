//! `/graphql`: GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>), by POST, and by GET for
//! queries and subscriptions; as server-sent events to who asks for them; and over WebSocket at `/graphql/ws`. Reads
//! requests and writes answers; what executes them is handed in.
//!
//! A page of another site cannot change anything here in a visitor's name: what a browser sends unasked is a GET, which
//! only reads (and whose answer that page may not see), or a form, which is no JSON. Who is signed in to the console asks in their own name only from this hub's own pages, which send a
//! header that others cannot (`http::auth`).

mod accept;
mod admission;
mod answer;
mod bulk;
mod event_stream;
mod handed_on;
mod kept;
mod request;
mod socket;

use std::sync::Arc;

use async_graphql::Request;
use async_graphql::parser::types::OperationType;
use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::extract::rejection::BytesRejection;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use super::auth::Asker;
use super::client::{self, ClientAddress};
use super::{Refusal, RequestId, Streams};
use crate::config::{LimitSettings, Network, Settings};
use crate::graphql::{Answered, Answering, Caller, Language, operation_type};
use accept::MediaType;
use handed_on::HandedOn;

pub use admission::{Admit, Payload, anybody, by_token, or_by_session};
pub use socket::Close;

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, POST");
/// Where a WebSocket is opened.
pub(super) const SOCKET_PATH: &str = "/graphql/ws";

/// What is read of a request, and whom it is believed to be from.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The longest variables, in bytes of JSON.
    pub variables_bytes: usize,
    /// Requests in one body, as a list. 1: lists are not taken.
    pub batch_size: usize,
    /// The proxies whose word is taken for where a request came from.
    pub trusted_proxies: Vec<Network>,
    /// The headers that partners' graphs are sent.
    pub handed_on: HandedOn,
}

impl Intake {
    /// As it is set.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let LimitSettings { variables_bytes, batch_size, .. } = settings.limits;
        let trusted_proxies = settings.http.trusted_proxies.clone();
        Self { variables_bytes, batch_size, trusted_proxies, handed_on: HandedOn::to(&settings.subgraphs) }
    }
}

impl Default for Intake {
    fn default() -> Self {
        Self::of(&Settings::default())
    }
}

/// `/graphql` and `/graphql/ws`, answered by `executor`. `admit` says who asks over a WebSocket.
pub fn routes<E: Answering>(executor: E, streams: &Streams, admit: Admit, intake: Intake) -> Router {
    let proxies: Arc<[Network]> = intake.trusted_proxies.as_slice().into();
    let handed_on = intake.handed_on.clone();
    Router::new()
        .route("/graphql", route(executor.clone(), streams.clone(), intake))
        .route(SOCKET_PATH, socket::route(executor, streams.clone(), admit))
        .layer(middleware::from_fn_with_state(proxies, client::tell))
        .layer(Extension(handed_on))
}

/// The route of `/graphql`, answered by `executor`.
fn route<E: Answering>(executor: E, streams: Streams, intake: Intake) -> MethodRouter {
    let endpoint = Arc::new(Endpoint { executor, streams, intake });
    let by_get = Arc::clone(&endpoint);
    get(async move |extensions: Extensions, headers: HeaderMap, RawQuery(query): RawQuery| {
        by_get.get(&extensions, &headers, query.as_deref()).await
    })
    .post(async move |extensions: Extensions, headers: HeaderMap, body: Result<Bytes, BytesRejection>| {
        endpoint.post(&extensions, &headers, body).await
    })
    .fallback(async || ([(header::ALLOW, ALLOWED)], Refusal::method_not_allowed()))
}

struct Endpoint<E> {
    executor: E,
    streams: Streams,
    intake: Intake,
}

impl<E: Answering> Endpoint<E> {
    async fn get(&self, extensions: &Extensions, headers: &HeaderMap, query: Option<&str>) -> Response {
        let Some(media_type) = media_type(headers) else { return Refusal::not_acceptable().into_response() };
        let caller = Caller { only_reads: true, ..caller(extensions, headers) };
        match request::from_query(query.unwrap_or_default(), &self.intake) {
            Ok(request) => self.one(media_type, headers, request, caller).await,
            Err(refusal) => answer::refused(media_type, &refusal),
        }
    }

    async fn post(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
    ) -> Response {
        let Some(media_type) = media_type(headers) else { return Refusal::not_acceptable().into_response() };
        let requests = match self.read(headers, body) {
            Ok(requests) => requests,
            Err(refusal) => return answer::refused(media_type, &refusal),
        };
        let caller = caller(extensions, headers);
        match requests {
            request::Body::One(request) => self.one(media_type, headers, *request, caller).await,
            request::Body::Batch(requests) => {
                // One after another: a batch is no way to ask for more at once.
                let mut responses = Vec::with_capacity(requests.len());
                for request in requests {
                    responses.push(self.executor.execute(request.data(caller.clone())).await);
                }
                answer::batch(media_type, responses)
            }
        }
    }

    /// Executes a request, and answers once or with a stream of events, as the client takes it.
    async fn one(&self, media_type: MediaType, headers: &HeaderMap, mut request: Request, caller: Caller) -> Response {
        // What kind it is matters only to who takes events.
        let is_subscription =
            accept::takes_events(headers) && operation_type(&mut request) == Some(OperationType::Subscription);
        if accept::wants_events(headers, is_subscription) {
            let caller = Caller { last_event: event_stream::last_event(headers), ..caller };
            return event_stream::answer(&self.executor, request.data(caller), &self.streams);
        }
        match self.executor.answer(request.data(caller)).await {
            Answered::Response(response) => answer::one(media_type, response),
            Answered::Kept(kept, told) => kept::answer(media_type, headers, &kept, told),
        }
    }

    fn read(&self, headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<request::Body, Refusal> {
        if !request::is_json(headers) {
            return Err(Refusal::unsupported_media_type());
        }
        let body = body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(),
            _ => Refusal::bad_request("The body could not be read to its end."),
        })?;
        request::from_json(&body, &self.intake)
    }
}

/// Who asks, as HTTP knows it.
pub(crate) fn caller(extensions: &Extensions, headers: &HeaderMap) -> Caller {
    let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let identity = extensions.get::<Asker>().and_then(|Asker(identity)| identity.clone());
    // Only one that was found good: what somebody only says is not passed on.
    let authorization = headers.get(header::AUTHORIZATION).filter(|_| identity.is_some()).cloned();
    let authorization = authorization.map(|mut value| {
        value.set_sensitive(true);
        value
    });
    Caller {
        authorization,
        identity,
        language: language.and_then(Language::accepted).unwrap_or_default(),
        address: extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address),
        request_id: extensions.get::<RequestId>().map(|RequestId(id)| id.clone()),
        idempotency_key: text("idempotency-key"),
        traceparent: text("traceparent"),
        headers: extensions.get::<HandedOn>().and_then(|handed_on| handed_on.of(headers)),
        ..Caller::default()
    }
}

fn media_type(headers: &HeaderMap) -> Option<MediaType> {
    // Who takes events only is told in JSON why there are none.
    let json = || accept::takes_events(headers).then_some(MediaType::Json);
    accept::negotiate(headers).or_else(json)
}

#[cfg(test)]
mod tests;
