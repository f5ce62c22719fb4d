//! Joins the subgraphs that are set: asks each for its schema, composes them, and looks again now and then. A new
//! supergraph goes live only where it composes and can be planned over; else the last one stays.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Value, Variables};
use connectors::api::{self, Subgraph};
use connectors::settings::SubgraphSettings;
use entity::Clock;
use futures::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::Federation;
use super::compose::{Composing, Grafbase, Part};
use super::memory::Memory;
use super::partner::Partner;
use super::roots;
use super::supergraph::{HUB, NotTaken};
use crate::graphql::Caller;

/// The first wait after the hub itself has failed, and the longest.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(600);

const SERVICE: &str = "query { _service { sdl } }";

/// The subgraphs that are set, and what is known of their schemas.
pub(super) struct Joining {
    federation: Federation,
    subgraphs: Vec<SubgraphSettings>,
    asked: HashMap<String, Arc<Partner>>,
    /// The schema that each has told last.
    known: HashMap<String, String>,
    /// What was composed last, whatever came of it.
    tried: Vec<Part>,
    /// That is to be tried once more, for the hub itself failed. `None`: whatever came of it stands.
    again: Option<Again>,
    /// What is live.
    live: Vec<Part>,
    memory: Memory,
}

impl Joining {
    pub(super) fn new(federation: Federation, subgraphs: &[SubgraphSettings]) -> anyhow::Result<Self> {
        let client = api::client()?;
        let mut asked = HashMap::new();
        for settings in subgraphs.iter().filter(|settings| settings.schema.is_none()) {
            let subgraph = Subgraph::new(&client, settings, Clock::system())?;
            asked.insert(settings.name.clone(), Arc::new(Partner::new(subgraph, federation.0.metrics.clone())));
        }
        let subgraphs = subgraphs.to_vec();
        let memory = Memory::new(federation.0.graph.db().clone(), Clock::system());
        let known = HashMap::new();
        Ok(Self { federation, subgraphs, asked, known, tried: Vec::new(), again: None, live: Vec::new(), memory })
    }

    /// Takes what was known before the hub was started: a partner that is down now is joined as it was.
    async fn recall(&mut self) {
        let addresses = self.subgraphs.iter().filter(|settings| settings.schema.is_none());
        let addresses = addresses.map(|settings| (settings.name.as_str(), settings.url.to_string())).collect();
        self.known = self.memory.recall(&addresses).await;
    }

    /// Looks at every schema, and joins them where any has changed. A subgraph that has never told its schema is left out
    /// until it does: what it has cannot be asked for, and nothing else suffers.
    pub(super) async fn look(&mut self) {
        let told = join_all(self.subgraphs.iter().map(|settings| self.schema(settings))).await;
        for (settings, told) in self.subgraphs.iter().zip(told) {
            let (name, url) = (&settings.name, settings.url.as_str());
            match told {
                Ok(sdl) => {
                    self.known.insert(name.clone(), sdl);
                    self.memory.fetched(name, url).await;
                }
                Err(problem) => {
                    warn!(subgraph.name = name, "the schema of a subgraph cannot be had: {problem}");
                    self.memory.is_silent(name, url, &problem).await;
                }
            }
        }
        self.try_all().await;
    }

    async fn try_all(&mut self) {
        let mut parts = Vec::new();
        if self.federation.0.settings.local {
            let sdl = crate::graphql::federation_sdl().to_owned();
            parts.push(Part { name: HUB.to_owned(), url: String::new(), sdl });
        }
        for settings in &self.subgraphs {
            if let Some(sdl) = self.known.get(&settings.name) {
                let (name, url) = (settings.name.clone(), settings.url.to_string());
                parts.push(Part { name, url, sdl: sdl.clone() });
            }
        }
        let is_due = self.again.as_ref().is_some_and(|again| Instant::now() >= again.at);
        if parts == self.tried && !is_due || self.known.is_empty() {
            return;
        }
        let before = self.again.take().filter(|_| parts == self.tried);
        self.tried.clone_from(&parts);
        match self.join(parts.clone()).await {
            Ok(()) => {
                self.memory.joined(&parts).await;
                self.live = parts;
            }
            Err(error) if !matches!(error.downcast_ref(), Some(NotTaken::Unfit(_))) => {
                let again = Again::after(before);
                error!(
                    error = error.as_ref() as &dyn std::error::Error,
                    wait_secs = again.wait.as_secs(),
                    "the hub failed to join the subgraphs, and tries again: {error}"
                );
                let problem = format!("The hub itself failed to join it, and tries again: {error:#}");
                for part in parts.iter().filter(|part| !part.url.is_empty() && !self.live.contains(part)) {
                    self.memory.failed(&part.name, &part.url, &problem).await;
                }
                self.again = Some(again);
            }
            Err(error) => {
                error!(error = error.as_ref() as &dyn std::error::Error, "the subgraphs cannot be joined: {error}");
                // Which of those that have changed is to blame cannot be told.
                for part in parts.iter().filter(|part| !part.url.is_empty() && !self.live.contains(part)) {
                    self.memory.failed(&part.name, &part.url, &format!("{error:#}")).await;
                }
            }
        }
    }

    async fn join(&self, parts: Vec<Part>) -> anyhow::Result<()> {
        let composed = tokio::task::spawn_blocking(move || Grafbase.compose(&parts)).await;
        let refused = |reasons: Vec<String>| NotTaken::Unfit(reasons.join("; "));
        let supergraph =
            composed.unwrap_or_else(|_| Err(vec!["the composition panicked".to_owned()])).map_err(refused)?;
        self.federation.join(supergraph, &self.subgraphs).await
    }

    /// A subgraph's schema, or why it cannot be had at present.
    async fn schema(&self, settings: &SubgraphSettings) -> Result<String, String> {
        if let Some(file) = &settings.schema {
            let text = tokio::fs::read_to_string(file).await;
            return text.map_err(|error| format!("{} cannot be read: {error}.", file.display()));
        }
        let nothing = || "It is not asked.".to_owned();
        let asked = self.asked.get(&settings.name).ok_or_else(nothing)?;
        let mut told = asked.ask(SERVICE, &Variables::default(), &Caller::default(), false).await;
        let sdl = match &mut told.data {
            Value::Object(data) => data.swap_remove("_service").map(Value::into_json),
            _ => None,
        };
        let sdl = sdl.and_then(Result::ok).and_then(|service| Some(service.get("sdl")?.as_str()?.to_owned()));
        match sdl {
            Some(sdl) => roots::named(asked, sdl).await,
            None => Err(match told.errors.into_iter().next() {
                Some(error) => error.message,
                None => "It answers, and has no `_service { sdl }`.".to_owned(),
            }),
        }
    }

    /// Looks now and then, until the hub stops.
    pub(super) fn keep(mut self, shutdown: CancellationToken) -> JoinHandle<()> {
        tokio::spawn(async move {
            let every = self.federation.0.settings.poll();
            let mut next = Instant::now() + every;
            loop {
                let again = self.again.as_ref().map(|again| again.at).filter(|again| *again < next);
                if shutdown.run_until_cancelled(sleep_until(again.unwrap_or(next))).await.is_none() {
                    return;
                }
                if again.is_some() {
                    self.try_all().await;
                } else {
                    self.look().await;
                    next = Instant::now() + every;
                }
            }
        })
    }
}

/// When something is tried once more, and how long that is waited for: twice as long each time.
struct Again {
    at: Instant,
    wait: Duration,
}

impl Again {
    fn after(before: Option<Self>) -> Self {
        let wait = before.map_or(SOON, |before| before.wait.saturating_mul(2)).min(LATE);
        Self { at: Instant::now() + wait, wait }
    }
}

impl Federation {
    /// The graph as it is set: with the supergraph in the file that is named, or with the subgraphs that are listed, which
    /// are looked at again now and then until `shutdown`.
    ///
    /// # Errors
    /// What is wrong with the file, or with a subgraph's settings. A subgraph that cannot be asked is no error.
    pub async fn joined(
        self,
        subgraphs: &[SubgraphSettings],
        shutdown: CancellationToken,
    ) -> anyhow::Result<(Self, Option<JoinHandle<()>>)> {
        self.0.graph.roster().list(subgraphs);
        if let Some(file) = &self.0.settings.supergraph {
            self.join_file(file, subgraphs).await?;
            return Ok((self, None));
        }
        if subgraphs.is_empty() {
            return Ok((self, None));
        }
        let mut joining = Joining::new(self.clone(), subgraphs)?;
        joining.recall().await;
        joining.look().await;
        Ok((self, Some(joining.keep(shutdown))))
    }

    /// Whether partners' graphs are joined.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.live().is_some()
    }
}
