//! `/commitments/answer`: a board accepts or declines what a partner proposes to one of its schools.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use entity::Brin;
use entity::vocabulary::CommitmentStatus;
use serde::Deserialize;
use serde_json::json;

use crate::console::Console;
use crate::console::ask::{Failed, Told};
use crate::console::documents::Document;
use crate::console::visit::Visit;
use crate::error::Code;
use crate::http::Refusal;

/// What the form carries.
#[derive(Deserialize)]
pub(in crate::console) struct Answer {
    token: String,
    id: String,
    /// The version that the board read: what changed since then is read again first.
    version: i32,
    status: CommitmentStatus,
    /// The school whose card leads here.
    brin: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    set_commitment_status: Payload,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    user_errors: Vec<UserError>,
}

/// Why something was not done.
#[derive(Debug, Deserialize)]
pub(super) struct UserError {
    message: String,
    code: String,
}

pub(in crate::console) async fn send(
    State(console): State<Console>,
    visit: Visit,
    Form(answer): Form<Answer>,
) -> Result<Response, Failed> {
    visit.must_have_made(&answer.token)?;
    let brin: Brin = answer.brin.parse().map_err(|_| Refusal::not_found())?;
    let variables = json!({ "id": answer.id, "status": answer.status, "version": answer.version });
    let told: Told<Data> = console.ask(&visit, Document::Answer, variables).await?;
    match told.data.set_commitment_status.user_errors.as_slice() {
        [] => Ok(Redirect::to(&format!("/schools/{}#proposed", brin.as_str())).into_response()),
        [error, ..] => Err(refused(error).into()),
    }
}

/// Why the API did not do what was asked.
pub(super) fn refused(error: &UserError) -> Refusal {
    let code = match error.code.as_str() {
        "FORBIDDEN" => Code::Forbidden,
        "NOT_FOUND" => Code::NotFound,
        _ => Code::BadUserInput,
    };
    Refusal::of_code(code, error.message.clone())
}
