//! What is done with partner systems, by source: heard from the engine, which does not know that anybody counts.

use std::time::Duration;

use ::connectors::ErrorKind;
use ::connectors::sync::{Observer, RunReport};
use axum::http::HeaderMap;
use entity::Code;
use prometheus_client::registry::Registry;

use super::Metrics;
use crate::telemetry::measure::{Count, Timing, Value, moments, whiles};
use crate::telemetry::traces;

/// Runs and requests by source.
pub(super) struct ConnectorMetrics {
    runs: Count<2>,
    run_durations: Timing<1>,
    records: Count<2>,
    requests: Count<2>,
    request_durations: Timing<1>,
    tokens: Count<2>,
    retries: Count<2>,
}

impl ConnectorMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            runs: Count::new(registry, "sync_runs", "Runs that ended, by status", ["source", "status"]),
            run_durations: Timing::new(
                registry,
                ("sync_run_duration_seconds", "How long runs took"),
                ["source"],
                whiles,
            ),
            records: Count::new(
                registry,
                "sync_records",
                "Records that runs read, by what came of them; and those no longer told of (deleted)",
                ["source", "outcome"],
            ),
            requests: Count::new(
                registry,
                "source_requests",
                "Requests to a source, by outcome: ok, or what failed",
                ["source", "outcome"],
            ),
            request_durations: Timing::new(
                registry,
                ("source_request_duration_seconds", "Time until a source's answer began"),
                ["source"],
                moments,
            ),
            tokens: Count::new(
                registry,
                "source_tokens",
                "Tokens asked for, by outcome: ok, or what failed",
                ["source", "outcome"],
            ),
            retries: Count::new(
                registry,
                "source_retries",
                "Pages that were asked for again, by why",
                ["source", "reason"],
            ),
        }
    }
}

fn outcome(failure: Option<ErrorKind>) -> Value {
    failure.map_or("ok", ErrorKind::name).into()
}

impl Observer for Metrics {
    fn ended(&self, report: &RunReport, took: Duration) {
        let metrics = &self.0.connectors;
        let source = || Value::Owned(report.source_id.clone());
        metrics.runs.one([source(), report.status.code().to_ascii_lowercase().into()]);
        metrics.run_durations.took(took, [source()]);
        let tally = report.tally;
        for (outcome, number) in [
            ("created", tally.created),
            ("updated", tally.updated),
            ("unchanged", tally.unchanged),
            ("deleted", tally.deleted),
            ("refused", tally.refused),
        ] {
            metrics.records.add(number.into(), [source(), outcome.into()]);
        }
    }

    fn sending(&self, headers: &mut HeaderMap) {
        traces::hand_on(headers);
    }

    fn answered(&self, source_id: &str, failure: Option<ErrorKind>, took: Duration) {
        let metrics = &self.0.connectors;
        metrics.requests.one([source_id.to_owned().into(), outcome(failure)]);
        metrics.request_durations.took(took, [source_id.to_owned().into()]);
    }

    fn token_fetched(&self, source_id: &str, failure: Option<ErrorKind>) {
        self.0.connectors.tokens.one([source_id.to_owned().into(), outcome(failure)]);
    }

    fn retried(&self, source_id: &str, failure: ErrorKind) {
        self.0.connectors.retries.one([source_id.to_owned().into(), failure.name().into()]);
    }
}
