//! `/sources`: how fresh what the hub tells is; and for operators, how each source was read last, live, and a way to read
//! one now.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use entity::vocabulary::SyncMode;
use serde::Deserialize;
use serde_json::json;

use super::answer::{UserError, refused};
use super::source::{Source, address};
use crate::auth::scope;
use crate::console::Console;
use crate::console::ask::{Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::{Frame, Live};
use crate::console::visit::Visit;

#[derive(Debug, Deserialize)]
struct Data {
    sources: Vec<Source>,
}

#[derive(Template)]
#[template(path = "sources.html")]
struct Page<'a> {
    frame: &'a Frame,
    sources: &'a [Source],
    /// Whether the visitor may read a source now.
    runs: bool,
    /// `None`: nothing here is for this visitor to watch.
    live: Option<Live>,
    explore: Option<String>,
}

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Result<Response, Failed> {
    let operates = visit.holds(scope::SYNC_READ);
    let document = if operates { Document::Operations } else { Document::Sources };
    let variables = json!({});
    let told: Told<Data> = console.ask(&visit, document, variables.clone()).await?;
    let explore = visit.frame.explore(document, &variables);
    let live = operates.then(|| Live::new(Document::Runs, &json!({})));
    let runs = visit.holds(scope::SYNC_RUN);
    visit.page(&Page { frame: &visit.frame, sources: &told.data.sources, runs, live, explore })
}

/// What the form carries.
#[derive(Deserialize)]
pub(in crate::console) struct Wanted {
    token: String,
    source: String,
    /// `FULL`: everything, anew. What is due where it is not there.
    mode: Option<SyncMode>,
    /// There where somebody said that what is gone may be deleted, however much it is.
    release: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    start_sync: Payload,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    user_errors: Vec<UserError>,
}

/// `POST /sources`: reads a source now, and leads to where that can be watched.
pub(in crate::console) async fn sync(
    State(console): State<Console>,
    visit: Visit,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Failed> {
    visit.must_have_made(&wanted.token)?;
    let variables =
        json!({ "source": wanted.source, "mode": wanted.mode, "allowMassDelete": wanted.release.is_some() });
    let told: Told<Started> = console.ask(&visit, Document::Sync, variables).await?;
    match told.data.start_sync.user_errors.first() {
        None => Ok(Redirect::to(&address(&wanted.source)).into_response()),
        Some(error) => Err(refused(error).into()),
    }
}
