//! A housing allocation system of municipalities and corporations: VERA 4.3 Woonruimteverdeling, with the alliance's
//! `voorrangsregelingen` beside it.

mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::System;
use super::faults::Fault;
use super::sample::{Entry, Shelf, key_of, publication_id, scheme_id};
use super::server::{Pairs, Shared, error, value};

const DEFAULT_PER_PAGE: usize = 20;
const MAX_PER_PAGE: usize = 100;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/publicaties", get(publications))
        .route("/publicaties/{id}", get(publication))
        .route("/voorrangsregelingen", get(schemes))
        .route("/voorrangsregelingen/{id}", get(scheme))
}

async fn publications(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<Pairs>,
    fault: Option<Extension<Fault>>,
) -> Response {
    list(&shared.read().homes, &headers, &query, fault, wire::publication)
}

async fn schemes(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<Pairs>,
    fault: Option<Extension<Fault>>,
) -> Response {
    list(&shared.read().schemes, &headers, &query, fault, wire::scheme)
}

async fn publication(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let sample = shared.read();
    let home = key_of(&id).filter(|key| publication_id(*key) == id).and_then(|key| sample.homes.get(key));
    home.map_or_else(missing, |home| Json(wire::publication(home)).into_response())
}

async fn scheme(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let sample = shared.read();
    let scheme = sample.schemes.iter().find(|scheme| scheme_id(scheme.number) == id);
    scheme.map_or_else(missing, |scheme| Json(wire::scheme(scheme)).into_response())
}

/// A page: a bare array, with everything about it in headers.
fn list<T: Entry>(
    shelf: &Shelf<T>,
    headers: &HeaderMap,
    query: &Pairs,
    fault: Option<Extension<Fault>>,
    json: fn(&T) -> Value,
) -> Response {
    let asked = headers.get("x-parameters-aantalperpagina").map(|header| header.to_str().unwrap_or_default().parse());
    let per_page = match asked {
        None => DEFAULT_PER_PAGE,
        Some(Ok(count)) if count > 0 => MAX_PER_PAGE.min(count),
        Some(_) => return refuse("X-Parameters-AantalPerPagina moet een getal boven nul zijn"),
    };
    let Some(mut start) = start(shelf, query, per_page) else {
        return refuse("de cursor of de pagina is onbekend");
    };
    if fault.is_some_and(|Extension(fault)| fault == Fault::SamePage) {
        start = 0;
    }
    let page: Vec<&T> = shelf.iter().skip(start).take(per_page).collect();
    let mut response = Json(Value::Array(page.iter().map(|entry| json(entry)).collect())).into_response();
    let about = response.headers_mut();
    about.insert(HeaderName::from_static("x-parameters-aantal"), HeaderValue::from(shelf.len()));
    about.insert(HeaderName::from_static("x-parameters-aantalperpagina"), HeaderValue::from(per_page));
    about.insert(HeaderName::from_static("x-parameters-pagina"), HeaderValue::from(start / per_page + 1));
    // The last page has none: that is how a reader knows.
    if let Some(last) = page.last().filter(|_| start + page.len() < shelf.len())
        && let Ok(cursor) = HeaderValue::from_str(&cursor_after(last.key()))
    {
        about.insert(HeaderName::from_static("x-parameters-cursor"), cursor);
    }
    response
}

/// Where a page starts; `None` where what was asked is not understood.
fn start<T: Entry>(shelf: &Shelf<T>, query: &Pairs, per_page: usize) -> Option<usize> {
    if let Some(cursor) = value(query, "cursor") {
        // A cursor names the last record that was sent, so that nothing is skipped when records before it go.
        let key = key_in(cursor)?;
        return Some(shelf.iter().take_while(|entry| entry.key() <= key).count());
    }
    let page: usize = value(query, "pagina").map_or(Ok(1), str::parse).ok()?;
    page.checked_sub(1)?.checked_mul(per_page)
}

fn cursor_after(key: u32) -> String {
    URL_SAFE_NO_PAD.encode(format!("na {key}"))
}

fn key_in(cursor: &str) -> Option<u32> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    plain.strip_prefix("na ")?.parse().ok()
}

fn refuse(reason: &str) -> Response {
    error(Some(System::Housing), StatusCode::BAD_REQUEST, reason)
}

fn missing() -> Response {
    error(Some(System::Housing), StatusCode::NOT_FOUND, "niet gevonden")
}
