//! Spans to a collector, by OTLP over HTTP in JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).
//! Not by `opentelemetry-otlp`: with protobuf and its own metrics it takes as long to build as all else of telemetry
//! three times, and has an HTTP client of its own beside the hub's one way out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value as Json, json};
use tokio::runtime::Handle;
use tracing::{info, warn};
use url::Url;

use super::TelemetryError;

/// A collector may take this long to take a batch; then it is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends spans to a collector. What it does not take is lost: traces are no accounts.
#[derive(Debug)]
pub(super) struct Exporter {
    client: reqwest::Client,
    url: Url,
    /// Where requests run: the SDK exports from a thread of its own.
    runtime: Handle,
    resource: Resource,
    is_failing: AtomicBool,
}

impl Exporter {
    /// Sends to the collector at `endpoint`, on the runtime that this is called in.
    pub(super) fn new(endpoint: &Url) -> Result<Self, TelemetryError> {
        let mut url = endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "traces"]);
        }
        Ok(Self {
            client: connectors::api::client()?,
            url,
            runtime: Handle::current(),
            resource: Resource::builder_empty().build(),
            is_failing: AtomicBool::new(false),
        })
    }

    async fn send(&self, body: Json) -> Result<(), String> {
        let request = self.client.post(self.url.clone()).timeout(PATIENCE).json(&body);
        let sent = self.runtime.spawn(async move {
            let response = request.send().await.map_err(|error| error.without_url().to_string())?;
            let status = response.status();
            if status.is_success() { Ok(()) } else { Err(format!("it answered with status {}", status.as_u16())) }
        });
        sent.await.unwrap_or_else(|error| Err(error.to_string()))
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let outcome = self.send(request(&self.resource, &batch)).await;
        // Told once: the same happens with every batch until the collector is back.
        match (outcome, self.is_failing.load(Ordering::Relaxed)) {
            (Ok(()), true) => {
                self.is_failing.store(false, Ordering::Relaxed);
                info!("the collector takes traces again");
                Ok(())
            }
            (Ok(()), false) => Ok(()),
            (Err(why), was_failing) => {
                self.is_failing.store(true, Ordering::Relaxed);
                if !was_failing {
                    warn!("the collector at telemetry.otlp takes no traces, which are lost until it does: {why}");
                }
                Err(OTelSdkError::InternalFailure(why))
            }
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.clone();
    }
}

/// An `ExportTraceServiceRequest`.
fn request(resource: &Resource, batch: &[SpanData]) -> Json {
    let about = resource.iter().map(|(key, value)| attribute(key.as_str(), value)).collect::<Vec<_>>();
    json!({ "resourceSpans": [{
        "resource": { "attributes": about },
        "scopeSpans": [{ "scope": { "name": "hub" }, "spans": batch.iter().map(span).collect::<Vec<_>>() }],
    }] })
}

fn span(span: &SpanData) -> Json {
    let events = span.events.iter().map(|event| {
        json!({
            "timeUnixNano": nanos(event.timestamp), "name": event.name, "attributes": attributes(&event.attributes),
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
        "startTimeUnixNano": nanos(span.start_time),
        "endTimeUnixNano": nanos(span.end_time),
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

/// Nanoseconds since 1970. As text: the format has it so, for numbers of JSON are not that exact.
fn nanos(time: SystemTime) -> String {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

fn attributes(attributes: &[KeyValue]) -> Vec<Json> {
    attributes.iter().map(|each| attribute(each.key.as_str(), &each.value)).collect()
}

fn attribute(key: &str, value: &Value) -> Json {
    json!({ "key": key, "value": any_value(value) })
}

fn any_value(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::I64(value) => json!({ "intValue": value.to_string() }),
        Value::F64(value) => json!({ "doubleValue": value }),
        Value::Array(Array::String(texts)) => {
            let texts = texts.iter().map(|text| json!({ "stringValue": text.as_str() })).collect::<Vec<_>>();
            json!({ "arrayValue": { "values": texts } })
        }
        other => json!({ "stringValue": other.as_str() }),
    }
}
