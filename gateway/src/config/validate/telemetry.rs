//! `[telemetry]` and `[metrics]`.

use axum::http::{HeaderName, HeaderValue};
use connectors::settings::Secret;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::has_credentials;
use crate::config::Settings;
use crate::config::auth::is_confidential;
use crate::config::read::{Reader, fetch};

/// How often metrics are sent, by the name that OpenTelemetry has for it
/// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#periodic-exporting-metricreader>).
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";

pub(super) fn check(settings: &mut Settings, reader: &mut Reader<'_>) {
    log_filter(settings, reader);
    collector(settings, reader);
    if settings.metrics.listen.is_some_and(|listen| listen == settings.http.listen && listen.port() != 0) {
        reader.problem("metrics.listen", "is http.listen: choose another port, or remove it to serve /metrics there");
    }
}

/// That a secret is sent to the collector in the clear, where it is.
pub(super) fn warning(settings: &Settings) -> Option<String> {
    let telemetry = &settings.telemetry;
    let url = telemetry.otlp.as_ref().filter(|url| !telemetry.otlp_headers.is_empty() && !is_confidential(url))?;
    Some(format!(
        "telemetry.otlp_headers: they are sent to {} unencrypted; use https",
        url.host_str().unwrap_or_default()
    ))
}

fn log_filter(settings: &mut Settings, reader: &mut Reader<'_>) {
    let what = "is no log filter: expected a level (info), or levels by module (info,connectors=debug)";
    if EnvFilter::try_new(&settings.telemetry.log).is_err() {
        reader.problem("telemetry.log", what);
    }
    if let Some(filter) = reader.environment().get("RUST_LOG") {
        if EnvFilter::try_new(&filter).is_err() {
            reader.problem_at("environment variable RUST_LOG".to_owned(), "", what);
        }
        settings.telemetry.log = filter;
    }
}

fn collector(settings: &mut Settings, reader: &mut Reader<'_>) {
    let telemetry = &mut settings.telemetry;
    let is_an_address = |url: &Url| matches!(url.scheme(), "http" | "https") && url.query().is_none();
    if telemetry.otlp.as_ref().is_some_and(|url| !is_an_address(url) || has_credentials(url)) {
        reader.problem("telemetry.otlp", "expected a collector's address, as http://collector:4318");
    }
    if let Some(interval) = reader.environment().get(INTERVAL) {
        match interval.trim().parse() {
            Ok(interval) => telemetry.metrics_every_ms = interval,
            Err(_) => {
                let what = "is no interval: expected milliseconds, as 60000; 0 where no metrics are to be sent";
                reader.problem_at(format!("environment variable {INTERVAL}"), "", what);
            }
        }
    }
    if telemetry.otlp.is_none() && !telemetry.otlp_headers.is_empty() {
        reader.problem("telemetry.otlp_headers", "has no effect without telemetry.otlp: add that, or remove this");
    }
    for (name, secret) in &mut telemetry.otlp_headers {
        let key = format!("telemetry.otlp_headers.{name}");
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            reader.problem(&key, "is no name of a header: expected one as authorization");
        }
        match fetch(secret, reader.environment()) {
            Ok(text) if HeaderValue::from_str(&text).is_err() => {
                reader.problem(&key, "cannot stand in a header: expected one line of plain text");
            }
            Ok(text) => *secret = Secret::Resolved(text),
            Err(what) => reader.problem(&key, what),
        }
    }
}
