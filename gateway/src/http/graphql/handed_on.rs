//! What of a request's headers goes on to partners' graphs. Where no partner is to have any, nothing is looked at.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use connectors::settings::SubgraphSettings;

/// The headers of clients' that partners' graphs are sent.
#[derive(Clone, Debug, Default)]
pub struct HandedOn(Arc<[HeaderName]>);

impl HandedOn {
    /// Those of subgraphs that are set so. What is no header's name was refused with the configuration.
    pub(super) fn to(subgraphs: &[SubgraphSettings]) -> Self {
        let names = subgraphs.iter().flat_map(|subgraph| {
            let SubgraphSettings { headers, .. } = subgraph;
            headers.forward.iter().chain(headers.rename.keys())
        });
        Self(names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect())
    }

    /// What of these is handed on. `None`: nothing.
    pub(super) fn of(&self, sent: &HeaderMap) -> Option<Arc<HeaderMap>> {
        let mut headers = HeaderMap::new();
        for name in self.0.iter().filter(|name| sent.contains_key(*name)) {
            headers.remove(name);
            sent.get_all(name).iter().for_each(|value| {
                headers.append(name.clone(), value.clone());
            });
        }
        (!headers.is_empty()).then(|| Arc::new(headers))
    }
}
