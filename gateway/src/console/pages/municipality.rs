//! `/municipalities/{code}`: where needs go unmet, what is overdue, and which homes there are.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::NaiveDate;
use entity::MunicipalityCode;
use entity::vocabulary::CommitmentStatus;
use serde::Deserialize;
use serde_json::json;

use super::area::{Coverage, Schools, longest};
use super::origin::{Count, Named};
use super::scheme::Scheme;
use crate::console::Console;
use crate::console::ask::{Behind, Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::Frame;
use crate::console::map::Map;
use crate::console::visit::Visit;
use crate::http::Refusal;

#[derive(Debug, Deserialize)]
struct Data {
    municipality: Option<Municipality>,
    overdue: Overdue,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Municipality {
    code: String,
    name: String,
    is_g4: bool,
    region: Option<Region>,
    coverage: Vec<Coverage>,
    schools: Schools,
    housing_options: Count,
    housing_schemes: Vec<Scheme>,
}

/// A region, and how many teachers it expects to lack.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Region {
    pub(in crate::console) name: String,
    #[serde(default)]
    pub(in crate::console) is_shrinking: bool,
    pub(in crate::console) expected_shortage: Vec<Shortage>,
}

/// How many teachers are expected to be lacking in a year, in FTE.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Shortage {
    pub(in crate::console) year: i32,
    pub(in crate::console) fte: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Overdue {
    total_count: i64,
    nodes: Vec<Commitment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commitment {
    title: String,
    status: CommitmentStatus,
    starts_on: Option<NaiveDate>,
    ends_on: Option<NaiveDate>,
    partner: Named,
    school: CommitmentSchool,
}

#[derive(Debug, Deserialize)]
struct CommitmentSchool {
    brin: String,
    name: String,
}

#[derive(Template)]
#[template(path = "municipality.html")]
struct Page<'a> {
    frame: &'a Frame,
    municipality: &'a Municipality,
    overdue: &'a Overdue,
    behind: &'a [Behind],
    explore: Option<String>,
    map: Option<Map>,
    most: i64,
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(code): Path<String>,
) -> Result<Response, Failed> {
    let code: MunicipalityCode = code.parse().map_err(|_| Refusal::not_found())?;
    let variables = json!({ "code": code.as_str() });
    let told: Told<Data> = console.ask(&visit, Document::Municipality, variables.clone()).await?;
    let municipality = told.data.municipality.as_ref().ok_or_else(Refusal::not_found)?;
    visit.page(&Page {
        frame: &visit.frame,
        municipality,
        overdue: &told.data.overdue,
        behind: told.behind(),
        explore: visit.frame.explore(Document::Municipality, &variables),
        map: municipality.schools.map(),
        most: longest(&municipality.coverage),
    })
}
