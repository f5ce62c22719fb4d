//! Messages to partners' own systems.

use std::time::Duration;

use prometheus_client::registry::Registry;

use crate::telemetry::measure::{Count, Timing, moments};

/// Attempts, and what became of deliveries.
pub(crate) struct WebhookMetrics {
    attempts: Count<1>,
    durations: Timing<0>,
    deliveries: Count<1>,
}

impl WebhookMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            attempts: Count::new(registry, "webhook_attempts", "Attempts to send a message, by outcome", ["outcome"]),
            durations: Timing::new(
                registry,
                ("webhook_attempt_duration_seconds", "Time to read a message, to send it and to have its answer"),
                [],
                moments,
            ),
            deliveries: Count::new(registry, "webhook_deliveries", "Messages that ended, by status", ["status"]),
        }
    }

    /// An attempt has ended so, after so long.
    pub(crate) fn attempted(&self, outcome: &'static str, took: Duration) {
        self.attempts.one([outcome.into()]);
        self.durations.took(took, []);
    }

    /// A message is delivered, dead or skipped.
    pub(crate) fn ended(&self, status: &str) {
        self.deliveries.one([status.to_ascii_lowercase().into()]);
    }
}
