//! GraphQL over server-sent events: the distinct connections mode of graphql-sse
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>). Each answer is a `next` event, and `complete`
//! says that there are no more. An end without it means that the connection was lost: clients connect again.
//!
//! Events of the change feed have the feed's cursor as their id. A browser's `EventSource` sends the last one that it saw
//! when it connects again, and goes on behind it.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_graphql::{Executor, Request, Response as GraphqlResponse, Value};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::stream::{BoxStream, StreamExt, unfold};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{Instrument, info};

use crate::graphql::Answer;
use crate::http::{Refusal, Streams};

/// The event that a client saw last.
const LAST_EVENT_ID: &str = "last-event-id";

/// The end. Not by axum's `Event`, which leaves empty data out: a browser's `EventSource` passes over an event without.
const COMPLETE: &str = "event: complete\ndata:\n\n";
/// A comment: keeps proxies from closing a connection that is silent.
const AWAKE: &str = ":\n\n";
const INTERNAL: &str = r#"{"errors":[{"message":"Internal error","extensions":{"code":"INTERNAL"}}]}"#;

type Queue = mpsc::Sender<Bytes>;

/// The id of the event that the client saw last, where it connects again.
pub(super) fn last_event(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(LAST_EVENT_ID)?.to_str().ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// Executes the request, and streams what comes of it.
pub(super) fn answer<E: Executor>(executor: &E, request: Request, streams: &Streams) -> Response {
    let Some(place) = streams.enter("events") else { return Refusal::too_many_streams().into_response() };
    let (queue, waiting) = mpsc::channel(streams.settings.queue);
    let responses = executor.execute_stream(request, None);
    let (patience, awake) = (streams.settings.slow_reader(), streams.settings.ping());
    let shutdown = streams.shutdown().clone();
    // A task of its own: the connection only asks for events while the client takes them, and this must end without.
    let telling = async move {
        let gone = queue.clone();
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = gone.closed() => {}
            () = tell(responses, &queue, patience, awake) => {}
        }
        drop(place);
    };
    tokio::spawn(telling.in_current_span());
    let events = unfold(waiting, async |mut waiting: mpsc::Receiver<Bytes>| {
        waiting.recv().await.map(|event| (Ok::<_, Infallible>(event), waiting))
    });
    let mut response = Body::from_stream(events).into_response();
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept, accept-language"),
        // Nginx would else collect events until a buffer is full.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Tells every answer, then that there are no more; or nothing more, where the client does not take it. Says that it is
/// awake where there is nothing to tell for as long as `awake`.
async fn tell(mut responses: BoxStream<'static, GraphqlResponse>, queue: &Queue, patience: Duration, awake: Duration) {
    loop {
        let told = match timeout(awake, AssertUnwindSafe(responses.next()).catch_unwind()).await {
            Ok(Ok(Some(response))) => next(&response),
            Ok(Ok(None)) => break,
            Ok(Err(_)) => {
                tracing::error!("an operation panicked");
                put(queue, event(None, INTERNAL), patience).await;
                break;
            }
            Err(_) => Bytes::from_static(AWAKE.as_bytes()),
        };
        if !put(queue, told, patience).await {
            return;
        }
    }
    put(queue, Bytes::from_static(COMPLETE.as_bytes()), patience).await;
}

fn next(response: &GraphqlResponse) -> Bytes {
    let id = match response.extensions.get("cursor") {
        Some(Value::String(cursor)) => Some(cursor.as_str()),
        _ => None,
    };
    match serde_json::to_string(&Answer::of(response)) {
        Ok(answer) => event(id, &answer),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer could not be written as JSON");
            event(id, INTERNAL)
        }
    }
}

/// A `next` event. JSON as it is written here has no line breaks, and a cursor has none either.
fn event(id: Option<&str>, answer: &str) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: next\n{id}data: {answer}\n\n").into()
}

/// Puts an event into the queue. `false` where the client is gone or took nothing for too long.
async fn put(queue: &Queue, event: Bytes, patience: Duration) -> bool {
    match timeout(patience, queue.send(event)).await {
        Ok(sent) => sent.is_ok(),
        Err(_) => {
            info!("a client was cut off: it took nothing for {} seconds", patience.as_secs());
            false
        }
    }
}
