//! A new supergraph: read, held against the one before, and tried out before it is live.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use anyhow::Context;
use connectors::api::{self, Subgraph};
use connectors::settings::SubgraphSettings;
use entity::Clock;
use tracing::{info, warn};

use super::Federation;
use super::partner::Partner;
use super::supergraph::{HUB, NotTaken, Supergraph};

/// A supergraph, and whom to ask.
pub(super) struct Live {
    pub(super) supergraph: Supergraph,
    pub(super) partners: HashMap<String, Arc<Partner>>,
}

impl Federation {
    pub(super) async fn join_file(&self, file: &Path, subgraphs: &[SubgraphSettings]) -> anyhow::Result<()> {
        let text = tokio::fs::read_to_string(file).await;
        let text = text.with_context(|| format!("federation.supergraph: {} cannot be read", file.display()))?;
        self.join(text, subgraphs).await.with_context(|| format!("federation.supergraph: {}", file.display()))
    }

    /// Answers over this supergraph from now on; requests that are under way end with the one before. A subgraph is asked
    /// where it is set to be, and else where the supergraph says.
    ///
    /// # Errors
    /// What is wrong with it: then everything stays as it was.
    pub async fn join(&self, supergraph: String, subgraphs: &[SubgraphSettings]) -> anyhow::Result<()> {
        let inner = Arc::clone(&self.0);
        // Reading it takes a while, and the planner may panic.
        let read = tokio::task::spawn_blocking(move || Supergraph::read(&supergraph, &inner.graph, &inner.settings));
        let supergraph = read.await.unwrap_or_else(|_| Err(NotTaken::Unfit("it cannot be read".to_owned())))?;
        let before = self.live();
        for (field, error) in &supergraph.unplanned {
            let what = format!("`Query.{field}` cannot be planned: {error}");
            let fields = |before: &Arc<Live>| before.supergraph.definition.fields("Query")?.get(field).map(|_| ());
            let was_planned = |before: &Arc<Live>| !before.supergraph.unplanned.contains_key(field);
            if before.as_ref().is_some_and(|before| fields(before).is_some() && was_planned(before)) {
                return Err(error.as_reason(format!("{what}; it could be before")).into());
            }
            warn!(field.name = field.as_str(), "a field of a new supergraph will not be answered: {what}");
        }
        let mut partners = HashMap::new();
        let client = api::client()?;
        for (name, url) in &supergraph.subgraphs {
            if supergraph.has_hub() && name == HUB {
                continue;
            }
            let set = subgraphs.iter().find(|settings| settings.name == *name);
            let settings = match set {
                Some(settings) => settings.clone(),
                None => serde_json::from_value(serde_json::json!({ "name": name, "url": url })).map_err(|_| {
                    NotTaken::Unfit(format!(
                        "the subgraph `{name}` has no address: give it one in a [[subgraph]] of that name"
                    ))
                })?,
            };
            // What is known of a partner, its token and how it does, is known of it still.
            let known = before.as_ref().and_then(|before| before.partners.get(name));
            let known = known.filter(|known| set.is_some() || known.subgraph().settings().url == settings.url);
            let partner = match known {
                Some(known) => Arc::clone(known),
                None => {
                    let subgraph = Subgraph::new(&client, &settings, Clock::system())?;
                    Arc::new(Partner::new(subgraph, self.0.metrics.clone()))
                }
            };
            partners.insert(name.clone(), partner);
        }
        let live = Arc::new(Live { supergraph, partners });
        self.try_out(&live).await?;
        self.0.graph.roster().ask(&live.partners);
        info!(subgraphs.count = live.supergraph.subgraphs.len(), "a supergraph is live");
        *self.0.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live);
        Ok(())
    }
}
