//! Requests by operation: how many, how many of them failed, how long they took, and what they cost the store.

use std::time::Duration;

use prometheus_client::registry::Registry;

use crate::error::Code;
use crate::telemetry::measure::{Count, Timing, moments};
use crate::telemetry::names::Names;
use crate::telemetry::operation::{Operation, Outcome};

/// Requests by operation.
pub(crate) struct GraphqlMetrics {
    pub(super) names: Names,
    requests: Count<3>,
    durations: Timing<1>,
    errors: Count<1>,
    statements: Count<1>,
    events: Count<1>,
}

impl GraphqlMetrics {
    pub(super) fn new(registry: &mut Registry, most: usize) -> Self {
        Self {
            names: Names::new(most),
            requests: Count::new(
                registry,
                "graphql_requests",
                "Requests by operation: ok, with errors beside data (errors), or not executed (refused)",
                ["operation", "type", "outcome"],
            ),
            durations: Timing::new(
                registry,
                ("graphql_request_duration_seconds", "Time to execute a query or a mutation"),
                ["operation"],
                moments,
            ),
            errors: Count::new(registry, "graphql_errors", "Errors in answers, by their stable code", ["code"]),
            statements: Count::new(
                registry,
                "graphql_statements",
                "Statements that answering cost the store, by operation",
                ["operation"],
            ),
            events: Count::new(registry, "graphql_events", "Answers that subscriptions gave", ["operation"]),
        }
    }

    /// A request has its answer, or its first.
    pub(crate) fn answered(&self, operation: &Operation, outcome: Outcome, took: Duration) {
        let label = self.names.label(operation.name(), outcome != Outcome::Refused);
        self.requests.one([label.clone(), operation.kind().into(), outcome.word().into()]);
        if !operation.is_subscription() {
            self.durations.took(took, [label.clone()]);
        }
        self.statements.add(operation.statements().into(), [label]);
    }

    /// An answer has an error of this code.
    pub(crate) fn failed(&self, code: Code) {
        self.errors.one([code.text().into()]);
    }

    /// A subscription has given an answer.
    pub(crate) fn told(&self, operation: &Operation) {
        self.events.one([self.names.label(operation.name(), false)]);
    }
}
