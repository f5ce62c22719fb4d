//! `/subgraphs`: partners' live graphs, for operators: which are joined, whether they are asked, and why one is not.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::console::Console;
use crate::console::ask::{Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::Frame;
use crate::console::visit::Visit;

#[derive(Debug, Deserialize)]
struct Data {
    subgraphs: Vec<Subgraph>,
}

/// A partner's live graph.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subgraph {
    name: String,
    url: String,
    state: Joined,
    schema_hash: Option<String>,
    live_since: Option<DateTime<Utc>>,
    fetched_at: Option<DateTime<Utc>>,
    fetch_error: Option<String>,
    composition_error: Option<String>,
    breaker: Option<Breaker>,
    subscription_breaker: Option<Breaker>,
}

impl Subgraph {
    /// What keeps the schema that it told last out, a sentence each. Empty: nothing does.
    fn reasons(&self) -> impl Iterator<Item = &str> {
        self.composition_error.iter().flat_map(|error| error.lines()).filter(|line| !line.trim().is_empty())
    }
}

/// How a subgraph is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Joined {
    Live,
    LiveAsBefore,
    LeftOut,
    NotLookedAt,
}

impl Joined {
    /// In Dutch and in English.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Live => ("aangesloten", "live"),
            Self::LiveAsBefore => ("aangesloten zoals eerder", "live as before"),
            Self::LeftOut => ("niet aangesloten", "left out"),
            Self::NotLookedAt => ("nog niet bekeken", "not looked at"),
        }
    }

    /// As a class of the styles.
    fn class(self) -> &'static str {
        match self {
            Self::Live => "active",
            Self::LiveAsBefore => "open",
            Self::LeftOut => "broken",
            Self::NotLookedAt => "draft",
        }
    }
}

/// Whether a subgraph is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Breaker {
    Closed,
    Open,
    HalfOpen,
}

impl Breaker {
    /// In Dutch and in English.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Closed => ("dicht: wordt bevraagd", "closed: it is asked"),
            Self::Open => ("open: even met rust gelaten", "open: left alone for a while"),
            Self::HalfOpen => ("half open: een verzoek op proef", "half open: one request on trial"),
        }
    }

    /// As a class of the styles.
    fn class(self) -> &'static str {
        match self {
            Self::Closed => "active",
            Self::Open => "broken",
            Self::HalfOpen => "open",
        }
    }
}

#[derive(Template)]
#[template(path = "subgraphs.html")]
struct Page<'a> {
    frame: &'a Frame,
    subgraphs: &'a [Subgraph],
    explore: Option<String>,
}

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Result<Response, Failed> {
    visit.must_be_signed_in()?;
    let variables = json!({});
    let told: Told<Data> = console.ask(&visit, Document::Subgraphs, variables.clone()).await?;
    let explore = visit.frame.explore(Document::Subgraphs, &variables);
    visit.page(&Page { frame: &visit.frame, subgraphs: &told.data.subgraphs, explore })
}
