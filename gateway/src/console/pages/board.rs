//! `/boards/{number}`: a board's schools, and where their needs go unmet.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use entity::SchoolBoardNumber;
use serde::Deserialize;
use serde_json::json;

use super::area::{Coverage, OverdueRow, Schools, longest};
use super::origin::Origin;
use crate::console::Console;
use crate::console::ask::{Behind, Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::Frame;
use crate::console::map::Map;
use crate::console::visit::Visit;
use crate::http::Refusal;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    school_board: Option<Board>,
    schools: Schools,
}

#[derive(Debug, Deserialize)]
struct Board {
    number: String,
    name: String,
    coverage: Vec<Coverage>,
    provenance: Origin,
}

#[derive(Template)]
#[template(path = "board.html")]
struct Page<'a> {
    frame: &'a Frame,
    board: &'a Board,
    schools: &'a Schools,
    overdue: Vec<OverdueRow<'a>>,
    behind: &'a [Behind],
    explore: Option<String>,
    map: Option<Map>,
    most: i64,
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(number): Path<String>,
) -> Result<Response, Failed> {
    let number: SchoolBoardNumber = number.parse().map_err(|_| Refusal::not_found())?;
    let variables = json!({ "number": number.as_str() });
    let told: Told<Data> = console.ask(&visit, Document::Board, variables.clone()).await?;
    let board = told.data.school_board.as_ref().ok_or_else(Refusal::not_found)?;
    visit.page(&Page {
        frame: &visit.frame,
        board,
        schools: &told.data.schools,
        overdue: told.data.schools.late(),
        behind: told.behind(),
        explore: visit.frame.explore(Document::Board, &variables),
        map: told.data.schools.map(),
        most: longest(&board.coverage),
    })
}
