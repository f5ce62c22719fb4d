//! Requests by address, and streams that are open.

use std::time::Duration;

use axum::http::Method;
use prometheus_client::registry::Registry;

use crate::error::Code;
use crate::telemetry::measure::{Count, Inside, Level, Timing, Value, moments};

/// Requests and streams.
pub(crate) struct HttpMetrics {
    requests: Count<3>,
    durations: Timing<1>,
    in_flight: Level<0>,
    refusals: Count<1>,
    streams: Level<1>,
}

impl HttpMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            requests: Count::new(
                registry,
                "http_requests",
                "Requests that were answered, by route, method and status",
                ["route", "method", "status"],
            ),
            durations: Timing::new(
                registry,
                ("http_request_duration_seconds", "Time until an answer began"),
                ["route"],
                moments,
            ),
            in_flight: Level::new(registry, "http_requests_in_flight", "Requests whose answer has not begun", []),
            refusals: Count::new(
                registry,
                "http_refusals",
                "Requests that were refused before GraphQL had a say, by code",
                ["code"],
            ),
            streams: Level::new(registry, "streams_open", "WebSockets and event streams that are open", ["kind"]),
        }
    }

    /// A request has come. It counts as in flight until what is returned is dropped.
    pub(crate) fn began(&self) -> Inside {
        self.in_flight.enter([])
    }

    /// A request has its answer. `route` is as the router has it; `None` where there is nothing.
    pub(crate) fn answered(&self, route: Option<&str>, method: &Method, status: u16, took: Duration) {
        let route = route.map_or(Value::Borrowed("other"), |route| Value::Owned(route.to_owned()));
        self.requests.one([route.clone(), known(method).into(), status.to_string().into()]);
        self.durations.took(took, [route]);
    }

    /// A request was refused with this code.
    pub(crate) fn refused(&self, code: Code) {
        self.refusals.one([code.text().into()]);
    }

    /// A stream is open until what is returned is dropped.
    pub(crate) fn opened(&self, kind: &'static str) -> Inside {
        self.streams.enter([kind.into()])
    }
}

/// A client may make methods up.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
