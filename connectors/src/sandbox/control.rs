//! Steers the sandbox over HTTP, for people: an overview, changes to what is served, faults on request.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::System;
use super::faults::FaultPlan;
use super::oauth::client_of;
use super::sample::{Entry, Sample, Shelf, key_of};
use super::server::Shared;

/// `GET /sandbox`: what there is, and who may read it.
pub(super) async fn overview(State(shared): State<Arc<Shared>>) -> Html<String> {
    let mut page = String::from("<!doctype html><meta charset=\"utf-8\"><title>Sandbox</title><h1>Sandbox</h1>");
    let sample = shared.read();
    let counters = shared.tallies.read();
    let base = &shared.base_url;
    // Writing to a string does not fail.
    let _ = write!(
        page,
        "<p>Token endpoint: <code>{base}/oauth/token</code> ({} tokens issued). Faults planned: {}. A school with \
         something everywhere: <code>{}</code>.<table><tr><th>System<th>Address<th>Client<th>Secret<th>Scope<th>Requests",
        counters.tokens_issued,
        shared.faults.count(),
        sample.sample_brin().unwrap_or_default(),
    );
    for system in System::ALL {
        let (client, name) = (client_of(system), system.name());
        let _ = write!(
            page,
            "<tr><td>{name}<td><code>{base}/{name}</code><td><code>{}</code><td><code>{}</code><td><code>{}</code><td>{}",
            client.id,
            client.secret,
            client.scope,
            counters.of(system).requests,
        );
    }
    let _ = write!(
        page,
        "</table><p>{} schools, {} boards, {} needs, {} partners, {} offers, {} commitments, {} homes, {} schemes, all \
         invented.",
        sample.schools.live().count(),
        sample.boards.live().count(),
        sample.needs.live().count(),
        sample.partners.len(),
        sample.offers.len(),
        sample.commitments.len(),
        sample.homes.len(),
        sample.schemes.len(),
    );
    Html(page)
}

/// A change to one record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    kind: Kind,
    /// Its identifier, as its system sends it; of a school the BRIN code, of a board its number.
    id: String,
    /// Keys that it serves from now on instead of its own.
    #[serde(default)]
    set: Map<String, Value>,
    /// Whether it is deleted, in the way of its system.
    #[serde(default)]
    delete: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Board,
    School,
    Need,
    Partner,
    Offer,
    Commitment,
    Home,
    Scheme,
}

/// `POST /sandbox/changes`: `{"kind": "need", "id": "need-000001", "set": {"title": "…"}}`, or `"delete": true`.
pub(super) async fn change(State(shared): State<Arc<Shared>>, Json(change): Json<Change>) -> Response {
    let Some(key) = key_of(&change.id) else { return (StatusCode::NOT_FOUND, "no such identifier\n").into_response() };
    let mut sample = shared.write();
    let Sample { boards, schools, needs, partners, offers, commitments, homes, schemes, .. } = &mut *sample;
    let found = match change.kind {
        Kind::Board => apply(boards, key, change),
        Kind::School => apply(schools, key, change),
        Kind::Need => apply(needs, key, change),
        Kind::Partner => apply(partners, key, change),
        Kind::Offer => apply(offers, key, change),
        Kind::Commitment => apply(commitments, key, change),
        Kind::Home => apply(homes, key, change),
        Kind::Scheme => apply(schemes, key, change),
    };
    if found { StatusCode::NO_CONTENT.into_response() } else { StatusCode::NOT_FOUND.into_response() }
}

fn apply<T: Entry>(shelf: &mut Shelf<T>, key: u32, change: Change) -> bool {
    if change.delete {
        return shelf.remove(key);
    }
    shelf.change(key, |entry| {
        for (name, value) in change.set {
            entry.overlay().set(&name, value);
        }
    })
}

/// `POST /sandbox/faults`: `{"fault": {"status": {"code": 503}}, "target": "boards", "times": 2}`.
pub(super) async fn add_fault(State(shared): State<Arc<Shared>>, Json(plan): Json<FaultPlan>) -> StatusCode {
    shared.faults.add(plan);
    StatusCode::NO_CONTENT
}

/// `DELETE /sandbox/faults`.
pub(super) async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.faults.clear();
    StatusCode::NO_CONTENT
}
