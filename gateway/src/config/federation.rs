//! `[federation]`: the graph that partners' graphs are joined to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::auth::Identity;

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
    /// What partners tell of entities is kept up to so many bytes. 0: not at all.
    pub entity_cache_bytes: u64,
    /// Who holds the policies of partners' schemas (`@policy`), by name. One that is not here is held by nobody.
    pub policies: BTreeMap<String, PolicySettings>,
}

/// Who holds a policy: somebody with all that is named here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySettings {
    /// All of these scopes.
    pub scopes: Vec<String>,
    /// One of these organisations, where there are any: `operator`, `board:41775`, or all of a kind: `board`.
    pub organisations: Vec<String>,
}

impl PolicySettings {
    /// Whether this token's holder holds it. One that names nothing is held by nobody.
    #[must_use]
    pub fn is_held_by(&self, identity: &Identity) -> bool {
        let organisation = identity.organisation.as_ref().map(ToString::to_string);
        let is_one = |organisation: &String| {
            let kind = organisation.split(':').next();
            self.organisations.iter().any(|known| known == organisation || Some(known.as_str()) == kind)
        };
        let names_any = !self.scopes.is_empty() || !self.organisations.is_empty();
        names_any
            && self.scopes.iter().all(|scope| identity.holds(scope))
            && (self.organisations.is_empty() || organisation.as_ref().is_some_and(is_one))
    }
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
        Self {
            supergraph: None,
            local: true,
            poll_secs: 30,
            override_labels: Vec::new(),
            entity_cache_bytes: 64 * 1024 * 1024,
            policies: BTreeMap::new(),
        }
    }
}
