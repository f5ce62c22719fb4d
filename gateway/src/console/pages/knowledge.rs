//! `/knowledge`: initiatives with their conditions and effects, by theme and by text.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use entity::Code;
use entity::vocabulary::Theme;
use serde::Deserialize;
use serde_json::json;

use super::origin::Named;
use crate::console::Console;
use crate::console::ask::{Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::Frame;
use crate::console::visit::Visit;

/// Nobody looks for more than this, in characters.
const LONGEST: usize = 100;

#[derive(Debug, Deserialize)]
struct Data {
    initiatives: List,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    total_count: i64,
    nodes: Vec<Initiative>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initiative {
    slug: String,
    name: String,
    municipality: Option<Municipality>,
    region: Option<Named>,
    themes: Vec<Theme>,
    summary: String,
    starting_points: Vec<String>,
    conditions: Vec<String>,
    effects: Vec<String>,
    partners: Vec<Partner>,
    schools: Schools,
}

#[derive(Debug, Deserialize)]
struct Municipality {
    code: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Partner {
    name: String,
    website: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Schools {
    nodes: Vec<School>,
}

#[derive(Debug, Deserialize)]
struct School {
    brin: String,
    name: String,
}

/// What an address may ask.
#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct Wanted {
    #[serde(default)]
    q: String,
    /// A theme's code. Empty: any.
    #[serde(default)]
    theme: String,
}

#[derive(Template)]
#[template(path = "knowledge.html")]
struct Page<'a> {
    frame: &'a Frame,
    list: &'a List,
    text: &'a str,
    theme: Option<Theme>,
    explore: Option<String>,
}

impl Page<'_> {
    fn themes(&self) -> &'static [Theme] {
        Theme::ALL
    }
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failed> {
    let text: String = wanted.q.trim().chars().take(LONGEST).collect();
    let theme = Theme::from_code(&wanted.theme);
    let variables = json!({ "filter": {
        "themes": theme.map(|theme| [theme.code()]),
        "text": Some(&text).filter(|text| !text.is_empty()),
    } });
    let told: Told<Data> = console.ask(&visit, Document::Knowledge, variables.clone()).await?;
    let explore = visit.frame.explore(Document::Knowledge, &variables);
    visit.page(&Page { frame: &visit.frame, list: &told.data.initiatives, text: &text, theme, explore })
}
