//! `/sources/{id}`: one source; and for operators, its runs as they happen, what could not be taken and why, what to do
//! about it, and the ways to read it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use entity::vocabulary::SourceKind;
use serde::Deserialize;
use serde_json::json;

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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    id: String,
    name: String,
    kind: SourceKind,
    connector: String,
    health: Health,
    last_succeeded_at: Option<DateTime<Utc>>,
    next_run_at: Option<DateTime<Utc>>,
    record_count: i64,
    refused_count: i64,
    #[serde(default)]
    runs: Nodes<Run>,
    #[serde(default)]
    refusals: Nodes<Refusal>,
}

impl Source {
    /// Its last run.
    fn last_run(&self) -> Option<&Run> {
        self.runs.nodes.first()
    }

    /// The run that waits for an operator's word, where the last one that came to an end does.
    fn held(&self) -> Option<&Run> {
        self.runs.nodes.iter().find(|run| !run.is_running()).filter(|run| run.is_held())
    }

    /// Whether it is being read.
    fn is_read(&self) -> bool {
        self.last_run().is_some_and(Run::is_running)
    }
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
        runs: visit.holds(scope::SYNC_RUN) && source.health.is_readable(source.kind, &source.connector),
        live: operates.then(|| Live::new(Document::Runs, &json!({ "source": source.id }))),
        explore: visit.frame.explore(Document::Source, &variables),
    })
}
