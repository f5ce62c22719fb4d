//! `/municipalities`: the four big cities, the shrinking regions with the teachers they expect to lack, and every
//! municipality.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::area::{Coverage, longest};
use super::municipality::Region;
use super::origin::Count;
use super::schools::PageInfo;
use crate::console::Console;
use crate::console::ask::{Behind, Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::Frame;
use crate::console::visit::Visit;

#[derive(Debug, Deserialize)]
struct Data {
    g4: Nodes<City>,
    shrinking: Nodes<Shrinking>,
    municipalities: List,
}

#[derive(Debug, Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct City {
    code: String,
    name: String,
    coverage: Vec<Coverage>,
}

impl City {
    fn total(&self, of: fn(&Coverage) -> i64) -> i64 {
        self.coverage.iter().map(of).sum()
    }

    /// Needs that nobody has stepped into, counted once for each of their themes.
    fn unmet(&self) -> i64 {
        self.total(|row| row.unmet_needs)
    }

    /// Needs that are open, counted once for each of their themes.
    fn open(&self) -> i64 {
        self.total(|row| row.open_needs)
    }
}

#[derive(Debug, Deserialize)]
struct Shrinking {
    code: String,
    name: String,
    region: Option<Region>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    total_count: i64,
    page_info: PageInfo,
    nodes: Vec<Municipality>,
}

#[derive(Debug, Deserialize)]
struct Municipality {
    code: String,
    name: String,
    schools: Count,
}

/// A shrinking region with its municipalities.
struct RegionRow<'a> {
    region: &'a Region,
    municipalities: Vec<&'a Shrinking>,
}

/// What an address may ask.
#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct Wanted {
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "country.html")]
struct Page<'a> {
    frame: &'a Frame,
    data: &'a Data,
    regions: Vec<RegionRow<'a>>,
    behind: &'a [Behind],
    explore: Option<String>,
    next: Option<String>,
    most: i64,
    most_fte: f64,
}

impl Page<'_> {
    /// How long the bar of an expected shortage is, of 100.
    fn fte_bar(&self, fte: &f64) -> String {
        format!("{:.1}", if self.most_fte > 0.0 { fte / self.most_fte * 100.0 } else { 0.0 })
    }
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failed> {
    let variables = json!({ "after": wanted.after });
    let told: Told<Data> = console.ask(&visit, Document::Country, variables.clone()).await?;
    let data = &told.data;
    let mut regions: BTreeMap<&str, RegionRow<'_>> = BTreeMap::new();
    for municipality in &data.shrinking.nodes {
        let Some(region) = &municipality.region else { continue };
        let row = regions.entry(&region.name).or_insert_with(|| RegionRow { region, municipalities: Vec::new() });
        row.municipalities.push(municipality);
    }
    let regions: Vec<_> = regions.into_values().collect();
    let shortages = regions.iter().flat_map(|row| &row.region.expected_shortage);
    let info = &data.municipalities.page_info;
    let next = info.end_cursor.as_ref().filter(|_| info.has_next_page).map(|cursor| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        format!("/municipalities?{}", query.append_pair("after", cursor).finish())
    });
    visit.page(&Page {
        frame: &visit.frame,
        data,
        behind: told.behind(),
        explore: visit.frame.explore(Document::Country, &variables),
        next,
        most: longest(data.g4.nodes.iter().flat_map(|city| &city.coverage)),
        most_fte: shortages.map(|shortage| shortage.fte).fold(0.0, f64::max),
        regions,
    })
}
