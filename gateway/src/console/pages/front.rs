//! `/`: find a school, and how things stand.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use entity::vocabulary::Theme;
use serde::Deserialize;
use serde_json::json;

use super::origin::Count;
use super::schools::Found;
use crate::console::Console;
use crate::console::ask::{Behind, Failed, Told};
use crate::console::documents::Document;
use crate::console::failure::takes_pages;
use crate::console::frame::Frame;
use crate::console::visit::Visit;
use crate::http::Refusal;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    schools: Count,
    needs: Count,
    offers: Count,
    housing_options: Count,
    pressing: Pressing,
    themes: Vec<ThemeCount>,
}

#[derive(Debug, Deserialize)]
struct Pressing {
    nodes: Vec<Found>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThemeCount {
    theme: Theme,
    open_needs: i64,
}

#[derive(Template)]
#[template(path = "front.html")]
struct Page<'a> {
    frame: &'a Frame,
    data: &'a Data,
    behind: &'a [Behind],
    explore: Option<String>,
    /// The largest count of open needs of a theme: the longest bar.
    most: i64,
}

impl Page<'_> {
    /// How long a bar is, of 100.
    fn bar(&self, count: &i64) -> i64 {
        if self.most == 0 { 0 } else { count * 100 / self.most }
    }
}

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Result<Response, Failed> {
    if !takes_pages(&visit.headers) {
        return Err(Refusal::not_found().into());
    }
    let variables = json!({});
    let told: Told<Data> = console.ask(&visit, Document::Front, variables.clone()).await?;
    let most = told.data.themes.iter().map(|theme| theme.open_needs).max().unwrap_or_default();
    let explore = visit.frame.explore(Document::Front, &variables);
    visit.page(&Page { frame: &visit.frame, data: &told.data, behind: told.behind(), explore, most })
}
