//! What holds for every request: an id, a trace, a count, a line in the log, a bound on its time, when to come again if
//! it cannot be answered now, and that a panic harms it alone.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument, debug, error, info, info_span};
use uuid::Uuid;

use super::Refusal;
use crate::error::Code;
use crate::telemetry::{Metrics, traces};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Whoever is told to come again later may do so after these seconds (RFC 9110, section 10.2.3), unless another time was
/// said: what is away at one moment is mostly back in a few.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");
/// The longest id that is taken over from a client or a proxy.
const LONGEST_ID: usize = 64;

/// The id of a request: in its answer's `x-request-id`, in the log, and among the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// What every request keeps to.
#[derive(Clone)]
pub(super) struct Watch {
    /// It may take this long until its answer begins.
    pub(super) request_timeout: Duration,
    /// Counts it.
    pub(super) metrics: Metrics,
}

/// Gives a request its id and its trace, bounds its time, counts it, and logs what became of it: never its query.
pub(super) async fn observe(State(watch): State<Watch>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers().get(&REQUEST_ID));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let span = info_span!(
        "gateway.http.request",
        otel.kind = "server",
        request.id = %id,
        trace.id = Empty,
        http.method = %method,
        http.path = %path,
        http.status = Empty,
    );
    // What is told of the request elsewhere, as in the audit trail, belongs to the same trace.
    let trace = traces::follow(&span, request.headers_mut());
    span.record("trace.id", trace.as_str());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let in_flight = watch.metrics.http().began();
    request.extensions_mut().insert(RequestId(id.clone()));

    let answer = timeout(watch.request_timeout, AssertUnwindSafe(next.run(request)).catch_unwind());
    let mut response = match answer.instrument(span.clone()).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            span.in_scope(|| error!(panic = said(panic.as_ref()), "a request's handler panicked"));
            Refusal::internal(&id).into_response()
        }
        Err(_) => Refusal::timeout().into_response(),
    };

    drop(in_flight);
    let (status, took) = (response.status().as_u16(), started.elapsed());
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    watch.metrics.http().answered(route.as_ref().map(MatchedPath::as_str), &method, status, took);
    if let Some(code) = response.extensions().get::<Code>() {
        watch.metrics.http().refused(*code);
    }
    span.record("http.status", status);
    // Tells all of it itself, and stands in no span: the log reads and writes a span's fields for each line within it.
    macro_rules! tell {
        ($level:ident) => {
            $level!(
                parent: None,
                request.id = id,
                trace.id = trace,
                http.method = %method,
                http.path = path,
                http.status = status,
                duration_ms,
                "answered {method} {path} with {status}"
            )
        };
    }
    match path.as_str() {
        // Probes come every few seconds and say the same.
        "/livez" | "/readyz" | "/metrics" => tell!(debug),
        _ => tell!(info),
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::SERVICE_UNAVAILABLE.as_u16() {
        headers.entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
    }
    response
}

/// The id that the client or a proxy gave, if it can stand in a log; else a new one.
fn request_id(given: Option<&HeaderValue>) -> String {
    let is_plain = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let given = given.and_then(|id| id.to_str().ok()).filter(is_plain);
    given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over_only_where_it_can_stand_in_a_log() {
        assert_eq!(request_id(Some(&HeaderValue::from_static("trace-1.a_B"))), "trace-1.a_B");
        let long = "a".repeat(65);
        for id in ["", "two words", "line\\nbreak", long.as_str()] {
            let taken = request_id(Some(&HeaderValue::from_str(id).unwrap()));
            assert_ne!(taken, id);
            assert_eq!(taken.len(), 36);
        }
    }
}
