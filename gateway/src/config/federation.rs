//! `[federation]`: the graph that partners' graphs are joined to.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// `[federation]`: the graph that partners' graphs are joined to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FederationSettings {
    /// The file of a supergraph that was composed elsewhere. Its graph named `hub`, if any, is the hub itself.
    pub supergraph: Option<PathBuf>,
    /// Whether the hub's own schema takes part.
    pub local: bool,
    /// How often subgraphs are asked for their schemas.
    pub poll_secs: u64,
    /// The labels of `@override` that hold, beside those that name a share of requests.
    pub override_labels: Vec<String>,
}

impl FederationSettings {
    /// How often subgraphs are asked for their schemas.
    #[must_use]
    pub fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_secs.max(1))
    }
}

impl Default for FederationSettings {
    fn default() -> Self {
        Self { supergraph: None, local: true, poll_secs: 30, override_labels: Vec::new() }
    }
}
