//! Requests to partners' live graphs, by subgraph.

use std::time::Duration;

use connectors::api::BreakerState;
use prometheus_client::registry::Registry;

use crate::telemetry::measure::{Count, Level, Timing, moments};

/// Requests, what came of them, and who is left alone.
pub(crate) struct SubgraphMetrics {
    requests: Count<2>,
    durations: Timing<1>,
    breakers: Level<2>,
}

impl SubgraphMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            requests: Count::new(
                registry,
                "subgraph_requests",
                "What a subgraph was asked, by outcome: ok, shared (another's request was under way), kept (nobody was asked), subscribed, or what failed",
                ["subgraph", "outcome"],
            ),
            durations: Timing::new(
                registry,
                ("subgraph_request_duration_seconds", "Time to a subgraph's whole answer, with all attempts"),
                ["subgraph"],
                moments,
            ),
            breakers: Level::new(
                registry,
                "subgraph_breaker_open",
                "1 where it failed so often that it is left alone for a while, by what is asked: queries, subscriptions",
                ["subgraph", "asked"],
            ),
        }
    }

    /// It was asked, with this outcome.
    pub(crate) fn asked(&self, subgraph: &str, outcome: &'static str) {
        self.requests.one([subgraph.to_owned().into(), outcome.into()]);
    }

    /// It was asked and took so long.
    pub(crate) fn took(&self, subgraph: &str, took: Duration) {
        self.durations.took(took, [subgraph.to_owned().into()]);
    }

    /// Whether it is asked for `what`: queries or subscriptions.
    pub(crate) fn breaker(&self, subgraph: &str, what: &'static str, state: BreakerState) {
        let is_left_alone = state != BreakerState::Closed;
        self.breakers.set(is_left_alone.into(), [subgraph.to_owned().into(), what.into()]);
    }
}
