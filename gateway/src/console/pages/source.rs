//! `/sources/{id}`: one source; and for operators, its runs as they happen, what could not be taken and why, what to do
//! about it, and the ways to read it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use connectors::sync::INTERFACE;
use entity::vocabulary::SourceKind;
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;

use super::runs::{Health, Page as Nodes, Run};
use crate::auth::scope;
use crate::console::Console;
use crate::console::ask::{Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::{Frame, Live};
use crate::console::visit::Visit;
use crate::http::Refusal as HttpRefusal;

#[derive(Debug, Deserialize)]
struct Data {
    source: Option<Source>,
}

/// A source. What a page does not ask for, or is not for its visitor, is empty.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: SourceKind,
    pub(super) connector: String,
    pub(super) health: Health,
    pub(super) last_succeeded_at: Option<DateTime<Utc>>,
    pub(super) next_run_at: Option<DateTime<Utc>>,
    pub(super) record_count: i64,
    pub(super) refused_count: i64,
    /// Its last runs, the latest first.
    #[serde(default)]
    runs: Nodes<Run>,
    #[serde(default)]
    refusals: Nodes<Refusal>,
}

impl Source {
    /// Where its page is.
    pub(super) fn address(&self) -> String {
        address(&self.id)
    }

    /// Its last run. `None`: it was never read, or that is not for this visitor.
    pub(super) fn last_run(&self) -> Option<&Run> {
        self.runs.nodes.first()
    }

    /// The run that waits for an operator's word, where the last one that came to an end does.
    fn held(&self) -> Option<&Run> {
        self.runs.nodes.iter().find(|run| !run.is_running()).filter(|run| run.is_held())
    }

    /// Whether it is being read.
    pub(super) fn is_read(&self) -> bool {
        self.last_run().is_some_and(Run::is_running)
    }

    /// Whether it can be read: what the hub brings itself, and what others write to it, is not.
    pub(super) fn is_readable(&self) -> bool {
        self.health != Health::Disabled && self.kind != SourceKind::Hub && self.connector != INTERFACE
    }
}

/// Where the page of the source with this id is.
pub(super) fn address(id: &str) -> String {
    format!("/sources/{}", form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>())
}

/// A record that could not be taken.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    stream: String,
    external_id: Option<String>,
    reasons: Vec<String>,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    payload: Option<String>,
}

#[derive(Template)]
#[template(path = "source.html")]
struct Page<'a> {
    frame: &'a Frame,
    source: &'a Source,
    /// Whether runs and refusals are for this visitor.
    operates: bool,
    /// Whether the visitor may read it now.
    runs: bool,
    live: Option<Live>,
    explore: Option<String>,
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, Failed> {
    let operates = visit.holds(scope::SYNC_READ);
    let variables = json!({ "id": id, "operates": operates });
    let told: Told<Data> = console.ask(&visit, Document::Source, variables.clone()).await?;
    let source = told.data.source.as_ref().ok_or_else(HttpRefusal::not_found)?;
    visit.page(&Page {
        frame: &visit.frame,
        source,
        operates,
        runs: visit.holds(scope::SYNC_RUN) && source.is_readable(),
        live: operates.then(|| Live::new(Document::Runs, &json!({ "source": source.id }))),
        explore: visit.frame.explore(Document::Source, &variables),
    })
}
