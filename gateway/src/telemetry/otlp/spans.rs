//! Spans on their way to a collector. What it does not take is lost: traces are no accounts.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value as Json, json};

use super::{Collector, Signal, attributes, nanos};

/// Sends spans to a collector.
#[derive(Debug)]
pub(in crate::telemetry) struct Exporter {
    collector: Arc<Collector>,
    signal: Signal,
}

impl Exporter {
    pub(in crate::telemetry) fn new(collector: &Arc<Collector>) -> Self {
        Self { collector: Arc::clone(collector), signal: Signal::new("traces", "which are lost until it does") }
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.collector.send(&self.signal, request(&self.collector, &batch)).await;
        sent.map_err(OTelSdkError::InternalFailure)
    }
}

/// An `ExportTraceServiceRequest`.
fn request(collector: &Collector, batch: &[SpanData]) -> Json {
    json!({ "resourceSpans": [{
        "resource": collector.resource(),
        "scopeSpans": [{ "scope": { "name": "hub" }, "spans": batch.iter().map(span).collect::<Vec<_>>() }],
    }] })
}

fn span(span: &SpanData) -> Json {
    let events = span.events.iter().map(|event| {
        json!({
            "timeUnixNano": since_1970(event.timestamp), "name": event.name, "attributes": attributes(&event.attributes),
            "droppedAttributesCount": event.dropped_attributes_count,
        })
    });
    let mut json = json!({
        "traceId": span.span_context.trace_id().to_string(),
        "spanId": span.span_context.span_id().to_string(),
        "traceState": span.span_context.trace_state().header(),
        "flags": span.span_context.trace_flags().to_u8(),
        "name": span.name,
        "kind": kind(&span.span_kind),
        "startTimeUnixNano": since_1970(span.start_time),
        "endTimeUnixNano": since_1970(span.end_time),
        "attributes": attributes(&span.attributes),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": events.collect::<Vec<_>>(),
        "droppedEventsCount": span.events.dropped_count,
        "status": status(&span.status),
    });
    if span.parent_span_id != SpanId::INVALID {
        json["parentSpanId"] = json!(span.parent_span_id.to_string());
    }
    json
}

fn kind(kind: &SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn status(status: &Status) -> Json {
    match status {
        Status::Unset => json!({}),
        Status::Ok => json!({ "code": 1 }),
        Status::Error { description } => json!({ "code": 2, "message": description }),
    }
}

fn since_1970(time: SystemTime) -> String {
    nanos(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}
