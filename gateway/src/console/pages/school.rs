//! `/schools/{brin}`: a school's card.

mod data;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use entity::Brin;
use entity::vocabulary::{NeedStatus, Theme};
use serde_json::json;

use self::data::{Data, Home, School};
use super::origin::Origin;
use crate::console::Console;
use crate::console::ask::{Behind, Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::{Frame, Live};
use crate::console::map::Map;
use crate::console::visit::Visit;
use crate::http::Refusal;

/// The statuses that the table of needs has a column for.
const STATUSES: [NeedStatus; 4] =
    [NeedStatus::Open, NeedStatus::PartlyCommitted, NeedStatus::Committed, NeedStatus::Fulfilled];

#[derive(Template)]
#[template(path = "school.html")]
struct Page<'a> {
    frame: &'a Frame,
    school: &'a School,
    behind: &'a [Behind],
    explore: Option<String>,
    live: Live,
    map: Option<Map>,
    themes: Vec<Row>,
    sources: Vec<SourceRow<'a>>,
}

/// A theme, and how many of its needs have each status.
struct Row {
    theme: Theme,
    counts: [usize; STATUSES.len()],
}

/// A source, and what the card has of it.
struct SourceRow<'a> {
    name: &'a str,
    records: usize,
    last_seen_at: DateTime<Utc>,
    is_stale: bool,
}

impl Page<'_> {
    fn statuses(&self) -> &'static [NeedStatus] {
        &STATUSES
    }

    fn home(&self, number: &usize) -> Option<&Home> {
        self.school.housing_options.edges.get(number.checked_sub(1)?).map(|edge| &edge.node)
    }
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(brin): Path<String>,
) -> Result<Response, Failed> {
    let brin: Brin = brin.parse().map_err(|_| Refusal::not_found())?;
    let variables = json!({ "brin": brin.as_str() });
    let told: Told<Data> = console.ask(&visit, Document::School, variables.clone()).await?;
    let school = told.data.school.as_ref().ok_or_else(Refusal::not_found)?;
    let homes = school.housing_options.edges.iter().map(|edge| edge.node.location);
    visit.page(&Page {
        frame: &visit.frame,
        school,
        behind: told.behind(),
        explore: visit.frame.explore(Document::School, &variables),
        live: Live::new(Document::SchoolChanged, &variables),
        map: Map::around(school.location, homes),
        themes: by_theme(school),
        sources: by_source(school),
    })
}

fn by_theme(school: &School) -> Vec<Row> {
    let mut rows: BTreeMap<Theme, [usize; STATUSES.len()]> = BTreeMap::new();
    for need in &school.needs.nodes {
        for theme in &need.themes {
            let counts = rows.entry(*theme).or_default();
            for (count, _) in counts.iter_mut().zip(STATUSES).filter(|(_, status)| *status == need.status) {
                *count += 1;
            }
        }
    }
    rows.into_iter().map(|(theme, counts)| Row { theme, counts }).collect()
}

/// Every source of the card, once.
fn by_source(school: &School) -> Vec<SourceRow<'_>> {
    let mut rows: BTreeMap<&str, SourceRow<'_>> = BTreeMap::new();
    for origin in origins(school) {
        let name = origin.source.name.as_str();
        let row = rows.entry(name).or_insert(SourceRow {
            name,
            records: 0,
            last_seen_at: origin.last_seen_at,
            is_stale: false,
        });
        row.records += 1;
        row.last_seen_at = row.last_seen_at.max(origin.last_seen_at);
        row.is_stale |= origin.is_stale;
    }
    rows.into_values().collect()
}

fn origins(school: &School) -> impl Iterator<Item = &Origin> {
    let needs = school.needs.nodes.iter().map(|need| &need.provenance);
    let commitments = school.committed_partners.edges.iter().flat_map(|edge| &edge.commitments);
    let homes = school.housing_options.edges.iter().map(|edge| &edge.node.provenance);
    let schemes = school.housing_schemes.iter().map(|scheme| &scheme.provenance);
    let commitments = commitments.map(|commitment| &commitment.provenance);
    [&school.provenance].into_iter().chain(needs).chain(commitments).chain(homes).chain(schemes)
}
