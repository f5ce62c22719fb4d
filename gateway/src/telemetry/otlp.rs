//! What the hub tells of itself, to a collector: by OTLP over HTTP in JSON
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).
//! Not by `opentelemetry-otlp`: with protobuf and its own metrics it takes as long to build as all else of telemetry
//! three times, and has an HTTP client of its own beside the hub's one way out.

mod exposition;
mod points;
mod pushed;
mod spans;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::Resource;
use serde_json::{Value as Json, json};
use tokio::runtime::Handle;
use tracing::{info, warn};
use url::Url;

pub(crate) use self::pushed::Pushed;
pub(super) use self::spans::Exporter;
use super::TelemetryError;
use crate::config::TelemetrySettings;

/// A collector may take this long to take what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where traces and metrics are sent.
#[derive(Debug)]
pub(crate) struct Collector {
    client: reqwest::Client,
    endpoint: Url,
    headers: HeaderMap,
    /// Where requests run: the SDK exports spans from a thread of its own.
    runtime: Handle,
    /// Who tells all of it.
    resource: Resource,
}

impl Collector {
    /// The one that is set, on the runtime that this is called in.
    pub(super) fn of(settings: &TelemetrySettings) -> Result<Option<Self>, TelemetryError> {
        let Some(endpoint) = &settings.otlp else { return Ok(None) };
        let resource = Resource::builder_empty().with_attributes([
            KeyValue::new("service.name", "alliance-hub"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", uuid::Uuid::now_v7().to_string()),
        ]);
        Ok(Some(Self {
            client: connectors::api::client()?,
            endpoint: endpoint.clone(),
            headers: settings.headers(),
            runtime: Handle::current(),
            resource: resource.build(),
        }))
    }

    /// Sends what there is of a signal. A collector that does not take it is told of in the log once, until it does again.
    ///
    /// # Errors
    /// Why it was not taken.
    async fn send(&self, signal: &Signal, body: Json) -> Result<(), String> {
        let mut url = self.endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", signal.name]);
        }
        let request = self.client.post(url).headers(self.headers.clone()).timeout(PATIENCE).json(&body);
        let sent = self.runtime.spawn(async move {
            let response = request.send().await.map_err(|error| error.without_url().to_string())?;
            let status = response.status();
            if status.is_success() { Ok(()) } else { Err(format!("it answered with status {}", status.as_u16())) }
        });
        let sent = sent.await.unwrap_or_else(|error| Err(error.to_string()));
        signal.went(&sent);
        sent
    }

    /// A `Resource`.
    fn resource(&self) -> Json {
        let about = self.resource.iter().map(|(key, value)| attribute(key.as_str(), value)).collect::<Vec<_>>();
        json!({ "attributes": about })
    }
}

/// Traces or metrics: a collector may take the one and not the other.
#[derive(Debug)]
struct Signal {
    /// As addresses have it.
    name: &'static str,
    /// What it means that a collector does not take it.
    otherwise: &'static str,
    is_failing: AtomicBool,
}

impl Signal {
    const fn new(name: &'static str, otherwise: &'static str) -> Self {
        Self { name, otherwise, is_failing: AtomicBool::new(false) }
    }

    /// Tells how it went, where that is new: the same happens each time until it is mended.
    fn went(&self, sent: &Result<(), String>) {
        let was_failing = self.is_failing.swap(sent.is_err(), Ordering::Relaxed);
        match sent {
            Ok(()) if was_failing => info!("the collector takes {} again", self.name),
            Err(why) if !was_failing => {
                warn!("the collector at telemetry.otlp takes no {}, {}: {why}", self.name, self.otherwise);
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Nanoseconds since 1970. As text: the format has it so, for numbers of JSON are not that exact.
fn nanos(since_1970: Duration) -> String {
    since_1970.as_nanos().to_string()
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
