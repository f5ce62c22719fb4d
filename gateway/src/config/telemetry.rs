//! `[telemetry]` and `[metrics]`: what the hub tells of itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use connectors::settings::Secret;
use serde::Deserialize;
use url::Url;

use crate::telemetry::OPERATIONS;

/// `[telemetry]`: what is logged, to standard error, traced and told apart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySettings {
    /// Which messages: a level, or levels by module (`info,connectors=debug`). `RUST_LOG` wins where it is set.
    pub log: String,
    /// In which form.
    pub format: LogFormat,
    /// Where traces and metrics are sent: a collector's OTLP over HTTP. `None`: nowhere.
    pub otlp: Option<Url>,
    /// What the collector is told with each request, by header: who sends it.
    pub otlp_headers: BTreeMap<String, Secret>,
    /// Which share of the traces is sent, 0 to 1.
    pub sample_ratio: f64,
    /// How long spans wait to be sent together.
    pub export_every_ms: u64,
    /// How often metrics are sent. 0: never. `OTEL_METRIC_EXPORT_INTERVAL` wins where it is set.
    pub metrics_every_ms: u64,
    /// Requests that take longer are told of in the log.
    pub slow_ms: u64,
    /// How many operations metrics tell apart, beside those of trusted documents.
    pub operations: usize,
}

impl TelemetrySettings {
    /// How long spans wait to be sent together.
    #[must_use]
    pub fn export_every(&self) -> Duration {
        Duration::from_millis(self.export_every_ms)
    }

    /// How often metrics are sent. `None`: never.
    #[must_use]
    pub fn metrics_every(&self) -> Option<Duration> {
        (self.metrics_every_ms > 0).then(|| Duration::from_millis(self.metrics_every_ms))
    }

    /// What the collector is told with each request: what of it can be told, and none of it in any log.
    pub(crate) fn headers(&self) -> HeaderMap {
        let readable = self.otlp_headers.iter().filter_map(|(name, value)| {
            let Secret::Resolved(value) = value else { return None };
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        });
        readable.collect()
    }

    /// Requests that take longer are told of in the log.
    #[must_use]
    pub fn slow(&self) -> Duration {
        Duration::from_millis(self.slow_ms)
    }
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            format: LogFormat::default(),
            otlp: None,
            otlp_headers: BTreeMap::new(),
            sample_ratio: 1.0,
            export_every_ms: 5000,
            metrics_every_ms: 60_000,
            slow_ms: 1000,
            operations: OPERATIONS,
        }
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// `[metrics]`: where they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSettings {
    /// A port of their own, for `/metrics`, `/livez` and `/readyz`. `None`: the gateway tells its own at its address, a
    /// worker tells none.
    pub listen: Option<SocketAddr>,
}
