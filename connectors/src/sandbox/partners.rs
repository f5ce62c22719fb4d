//! A directory of partners: HSDS 3.0 (Open Referral), with the alliance's `commitments` beside it.
//!
//! As in the standard, lists are short unless `full=true` is asked for, deleted records simply vanish, and ids are
//! UUIDs.

mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};

use super::System;
use super::faults::Fault;
use super::sample::{Offer, key_of, organization_id, service_id};
use super::server::{Pairs, Shared, error, value};

const DEFAULT_PER_PAGE: usize = 50;
const MAX_PER_PAGE: usize = 200;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/services", get(services))
        .route("/services/{id}", get(service))
        .route("/organizations", get(organizations))
        .route("/organizations/{id}", get(organization))
        .route("/taxonomy_terms", get(taxonomy_terms))
        .route("/commitments", get(commitments))
}

async fn services(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Pairs>,
    fault: Option<Extension<Fault>>,
) -> Response {
    let (Ok(window), Ok(after)) = (Window::new(&query, fault.as_ref()), modified_after(&query)) else {
        return refuse();
    };
    let (organization, term) = (value(&query, "organization_id"), value(&query, "taxonomy_term_id"));
    let matches = |offer: &&Offer| {
        at_or_after(offer.modified, after)
            && organization.is_none_or(|id| organization_id(offer.partner) == id)
            && term.is_none_or(|id| wire::has_term(offer, id))
    };
    let sample = shared.read();
    let offers: Vec<&Offer> = sample.offers.iter().filter(matches).collect();
    let full = is_full(&query, fault.as_ref());
    window.answer(&offers, |offer| wire::service(offer, sample.partners.get(offer.partner), full))
}

async fn service(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let sample = shared.read();
    let offer = key_of(&id).filter(|key| service_id(*key) == id).and_then(|key| sample.offers.get(key));
    let json = offer.map(|offer| wire::service(offer, sample.partners.get(offer.partner), true));
    json.map_or_else(missing, |json| Json(json).into_response())
}

async fn organizations(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Pairs>,
    fault: Option<Extension<Fault>>,
) -> Response {
    let Ok(window) = Window::new(&query, fault.as_ref()) else { return refuse() };
    let sample = shared.read();
    let partners: Vec<_> = sample.partners.iter().collect();
    let full = is_full(&query, fault.as_ref());
    window.answer(&partners, |partner| wire::organization(partner, full))
}

async fn organization(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let sample = shared.read();
    let partner = key_of(&id).filter(|key| organization_id(*key) == id).and_then(|key| sample.partners.get(key));
    partner.map_or_else(missing, |partner| Json(wire::organization(partner, true)).into_response())
}

async fn taxonomy_terms(Query(query): Query<Pairs>, fault: Option<Extension<Fault>>) -> Response {
    let Ok(window) = Window::new(&query, fault.as_ref()) else { return refuse() };
    window.answer(&wire::terms(), |term| term.json())
}

async fn commitments(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Pairs>,
    fault: Option<Extension<Fault>>,
) -> Response {
    let (Ok(window), Ok(after)) = (Window::new(&query, fault.as_ref()), modified_after(&query)) else {
        return refuse();
    };
    let sample = shared.read();
    let commitments: Vec<_> =
        sample.commitments.iter().filter(|commitment| at_or_after(commitment.modified, after)).collect();
    window.answer(&commitments, |commitment| {
        let offer = commitment.offer.and_then(|offer| sample.offers.get(offer));
        wire::commitment(commitment, offer)
    })
}

fn is_full(query: &Pairs, fault: Option<&Extension<Fault>>) -> bool {
    value(query, "full") == Some("true") && fault.is_none_or(|Extension(fault)| *fault != Fault::IgnoresFull)
}

/// What was asked is not understood.
struct NotUnderstood;

/// The date that `modified_after` names, inclusive; a day begins at midnight UTC.
fn modified_after(query: &Pairs) -> Result<Option<DateTime<Utc>>, NotUnderstood> {
    let Some(text) = value(query, "modified_after") else { return Ok(None) };
    let instant = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    let day = || text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    instant.or_else(|_| day()).map(Some).map_err(|_| NotUnderstood)
}

/// Compares in milliseconds, which is what records show.
fn at_or_after(modified: DateTime<Utc>, after: Option<DateTime<Utc>>) -> bool {
    after.is_none_or(|after| modified.timestamp_millis() >= after.timestamp_millis())
}

/// Which page is asked for.
struct Window {
    page: usize,
    per_page: usize,
}

impl Window {
    fn new(query: &Pairs, fault: Option<&Extension<Fault>>) -> Result<Self, NotUnderstood> {
        let number = |key, otherwise| value(query, key).map_or(Ok(otherwise), str::parse).map_err(|_| NotUnderstood);
        let (page, per_page): (usize, usize) = (number("page", 1)?, number("per_page", DEFAULT_PER_PAGE)?);
        if page == 0 || per_page == 0 {
            return Err(NotUnderstood);
        }
        let same = fault.is_some_and(|Extension(fault)| *fault == Fault::SamePage);
        Ok(Self { page: if same { 1 } else { page }, per_page: per_page.min(MAX_PER_PAGE) })
    }

    /// The standard's page.
    fn answer<T>(&self, items: &[T], json: impl Fn(&T) -> Value) -> Response {
        let pages = items.len().div_ceil(self.per_page);
        let start = (self.page - 1).saturating_mul(self.per_page);
        let contents: Vec<Value> = items.iter().skip(start).take(self.per_page).map(json).collect();
        Json(json!({
            "total_items": items.len(),
            "total_pages": pages,
            "page_number": self.page,
            "size": contents.len(),
            "first_page": self.page == 1,
            "last_page": self.page >= pages,
            "empty": contents.is_empty(),
            "contents": contents,
        }))
        .into_response()
    }
}

fn refuse() -> Response {
    error(Some(System::Partners), StatusCode::BAD_REQUEST, "page, per_page or modified_after is not understood")
}

fn missing() -> Response {
    error(Some(System::Partners), StatusCode::NOT_FOUND, "there is none with this id")
}
