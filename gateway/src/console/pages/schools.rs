//! `/schools`: found by a text, or all by name; and what may be meant while somebody types.

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::origin::Named;
use crate::console::Console;
use crate::console::ask::{Behind, Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::Frame;
use crate::console::visit::Visit;

/// Schools on a page.
const PAGE: usize = 25;
/// Schools that are suggested.
const SUGGESTED: usize = 8;
/// Nobody looks for more than this, in characters.
const LONGEST: usize = 100;

/// A school in a list.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Found {
    pub(in crate::console) brin: String,
    pub(in crate::console) name: String,
    address: Option<City>,
    pub(in crate::console) board: Option<Named>,
    municipality: Option<Named>,
    pub(in crate::console) summary: Summary,
}

#[derive(Debug, Deserialize)]
struct City {
    city: Option<String>,
}

/// What a list tells of a school.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Summary {
    pub(in crate::console) open_needs: i64,
    pub(in crate::console) available_homes: i64,
}

impl Found {
    /// Where it is.
    pub(in crate::console) fn place(&self) -> Option<&str> {
        let city = self.address.as_ref().and_then(|address| address.city.as_deref());
        city.or(self.municipality.as_ref().map(|municipality| municipality.name.as_str()))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    total_count: i64,
    page_info: PageInfo,
    nodes: Vec<Found>,
}

/// Where a list goes on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct PageInfo {
    pub(in crate::console) has_next_page: bool,
    pub(in crate::console) end_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
enum Data {
    #[serde(rename = "search")]
    Found(List),
    #[serde(rename = "schools")]
    All(List),
}

/// What an address may ask.
#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct Wanted {
    #[serde(default)]
    q: String,
    after: Option<String>,
}

impl Wanted {
    fn text(&self) -> String {
        self.q.trim().chars().take(LONGEST).collect()
    }
}

#[derive(Template)]
#[template(path = "schools.html")]
struct Page<'a> {
    frame: &'a Frame,
    text: &'a str,
    list: &'a List,
    behind: &'a [Behind],
    explore: Option<String>,
    /// Where the list goes on.
    next: Option<String>,
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failed> {
    let text = wanted.text();
    let (document, variables) = if text.is_empty() {
        (Document::Schools, json!({ "after": wanted.after }))
    } else {
        (Document::Find, json!({ "text": text, "first": PAGE, "after": wanted.after }))
    };
    let told: Told<Data> = console.ask(&visit, document, variables.clone()).await?;
    let (Data::Found(list) | Data::All(list)) = &told.data;
    // Who knows the code wants that school.
    if let [only] = list.nodes.as_slice()
        && only.brin.eq_ignore_ascii_case(&text)
    {
        return Ok(Redirect::to(&format!("/schools/{}", only.brin)).into_response());
    }
    let next = list.page_info.end_cursor.as_ref().filter(|_| list.page_info.has_next_page).map(|cursor| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !text.is_empty() {
            query.append_pair("q", &text);
        }
        format!("/schools?{}", query.append_pair("after", cursor).finish())
    });
    let explore = visit.frame.explore(document, &variables);
    visit.page(&Page { frame: &visit.frame, text: &text, list, behind: told.behind(), explore, next })
}

/// `/schools/suggestions`: the schools that somebody may mean who has typed this far, as JSON.
pub(in crate::console) async fn suggest(
    State(console): State<Console>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failed> {
    let text = wanted.text();
    let mut suggestions = Vec::new();
    if !text.is_empty() {
        let variables = json!({ "text": text, "first": SUGGESTED });
        let told: Told<Data> = console.ask(&visit, Document::Find, variables).await?;
        let (Data::Found(list) | Data::All(list)) = told.data;
        let suggestion = |school: &Found| json!({ "brin": school.brin, "name": school.name, "place": school.place() });
        suggestions = list.nodes.iter().map(suggestion).collect();
    }
    Ok(([(header::CACHE_CONTROL, "private, no-cache")], Json(Value::Array(suggestions))).into_response())
}
