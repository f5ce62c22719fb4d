//! `/municipalities/{code}`: where needs go unmet, what is overdue, and which homes there are.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use entity::MunicipalityCode;
use serde::Deserialize;
use serde_json::json;

use super::area::{Coverage, OverdueRow, Schools, longest};
use super::origin::Count;
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
    schools: Schools,
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
struct Commitment {
    #[serde(flatten)]
    commitment: super::area::Commitment,
    school: CommitmentSchool,
}

impl Overdue {
    fn rows(&self) -> Vec<OverdueRow<'_>> {
        let rows = self.nodes.iter().map(|Commitment { commitment, school }| OverdueRow {
            commitment,
            brin: &school.brin,
            school: &school.name,
        });
        rows.collect()
    }
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
    schools: &'a Schools,
    overdue: Vec<OverdueRow<'a>>,
    overdue_count: i64,
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
        schools: &told.data.schools,
        overdue: told.data.overdue.rows(),
        overdue_count: told.data.overdue.total_count,
        behind: told.behind(),
        explore: visit.frame.explore(Document::Municipality, &variables),
        map: told.data.schools.map(),
        most: longest(&municipality.coverage),
    })
}
