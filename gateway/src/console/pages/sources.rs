//! `/sources`: how fresh what the hub tells is; and for operators, what was read lately, what could not be taken and why,
//! and a way to read a source now.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use entity::vocabulary::{SourceKind, SyncMode, SyncStatus};
use serde::Deserialize;
use serde_json::json;

use super::answer::{UserError, refused};
use crate::auth::scope;
use crate::console::Console;
use crate::console::ask::{Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::Frame;
use crate::console::visit::Visit;

#[derive(Debug, Deserialize)]
struct Data {
    sources: Vec<Source>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    id: String,
    name: String,
    kind: SourceKind,
    health: Health,
    last_succeeded_at: Option<DateTime<Utc>>,
    next_run_at: Option<DateTime<Utc>>,
    record_count: i64,
    refused_count: i64,
    /// `None`: not asked for.
    runs: Option<Nodes<Run>>,
    refusals: Option<Nodes<Refusal>>,
}

impl Source {
    fn runs(&self) -> &[Run] {
        self.runs.as_ref().map(|runs| runs.nodes.as_slice()).unwrap_or_default()
    }

    fn refusals(&self) -> &[Refusal] {
        self.refusals.as_ref().map(|refusals| refusals.nodes.as_slice()).unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Health {
    Healthy,
    Late,
    Failing,
    NeverSynced,
    Disabled,
}

impl Health {
    /// In Dutch and in English.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Healthy => ("actueel", "up to date"),
            Self::Late => ("te laat", "late"),
            Self::Failing => ("mislukt", "failing"),
            Self::NeverSynced => ("nog nooit gelezen", "never read"),
            Self::Disabled => ("uitgezet", "switched off"),
        }
    }

    /// As a class of the styles.
    fn class(self) -> &'static str {
        match self {
            Self::Healthy => "active",
            Self::Late | Self::NeverSynced => "open",
            Self::Failing => "broken",
            Self::Disabled => "draft",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    status: SyncStatus,
    mode: SyncMode,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    read: i64,
    created: i64,
    updated: i64,
    deleted: i64,
    refused: i64,
    error: Option<String>,
}

impl Run {
    fn class(&self) -> &'static str {
        match self.status {
            SyncStatus::Succeeded => "active",
            SyncStatus::Failed => "broken",
            SyncStatus::Running => "draft",
            SyncStatus::Partial | SyncStatus::Held | SyncStatus::Cancelled => "open",
        }
    }

    /// How long it took, in seconds.
    fn seconds(&self) -> Option<i64> {
        Some((self.finished_at? - self.started_at).num_seconds())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    stream: String,
    external_id: Option<String>,
    reasons: Vec<String>,
    last_seen_at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "sources.html")]
struct Page<'a> {
    frame: &'a Frame,
    sources: &'a [Source],
    /// Whether the visitor may read a source now.
    runs: bool,
    explore: Option<String>,
}

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Result<Response, Failed> {
    let document = if visit.holds(scope::SYNC_READ) { Document::Operations } else { Document::Sources };
    let variables = json!({});
    let told: Told<Data> = console.ask(&visit, document, variables.clone()).await?;
    let explore = visit.frame.explore(document, &variables);
    visit.page(&Page { frame: &visit.frame, sources: &told.data.sources, runs: visit.holds(scope::SYNC_RUN), explore })
}

/// What the form carries.
#[derive(Deserialize)]
pub(in crate::console) struct Wanted {
    token: String,
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    start_sync: Payload,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    user_errors: Vec<UserError>,
}

/// `/sources/sync`: reads a source now.
pub(in crate::console) async fn sync(
    State(console): State<Console>,
    visit: Visit,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Failed> {
    visit.must_have_made(&wanted.token)?;
    let variables = json!({ "source": wanted.source });
    let told: Told<Started> = console.ask(&visit, Document::Sync, variables).await?;
    match told.data.start_sync.user_errors.first() {
        None => Ok(Redirect::to("/sources").into_response()),
        Some(error) => Err(refused(error).into()),
    }
}
