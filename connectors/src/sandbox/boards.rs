//! A school administration of school boards: OneRoster 1.2 rostering, with the alliance's `needs` beside it.
//!
//! Paths stand at the root of the system and below the standard's base path, so that either can be configured.

mod filter;
mod wire;

use std::sync::Arc;

use axum::extract::{Extension, OriginalUri, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Router, http::HeaderName};
use serde_json::{Map, Value, json};

use self::filter::Filter;
use self::wire::Item;
pub(super) use self::wire::{board_kvk, board_name, school_host, school_name};
use super::System;
use super::faults::Fault;
use super::sample::Sample;
use super::server::{Pairs, Shared, error, value};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

/// What can be listed.
#[derive(Clone, Copy)]
enum Collection {
    Orgs,
    Schools,
    Needs,
}

impl Collection {
    fn items(self, sample: &Sample) -> Vec<Item<'_>> {
        match self {
            Self::Orgs => {
                sample.boards.iter().map(Item::Board).chain(sample.schools.iter().map(Item::School)).collect()
            }
            Self::Schools => sample.schools.iter().map(Item::School).collect(),
            Self::Needs => sample.needs.iter().map(Item::Need).collect(),
        }
    }

    /// The name of the list, and of one of it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            // The standard answers both with a list of orgs.
            Self::Orgs | Self::Schools => ("orgs", "org"),
            Self::Needs => ("needs", "need"),
        }
    }
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    let paths = Router::new()
        .route("/orgs", get(async |shared, uri, query, fault| list(Collection::Orgs, shared, uri, query, fault)))
        .route("/schools", get(async |shared, uri, query, fault| list(Collection::Schools, shared, uri, query, fault)))
        .route("/needs", get(async |shared, uri, query, fault| list(Collection::Needs, shared, uri, query, fault)))
        .route("/orgs/{id}", get(async |shared, id| one(Collection::Orgs, shared, id)))
        .route("/schools/{id}", get(async |shared, id| one(Collection::Schools, shared, id)))
        .route("/needs/{id}", get(async |shared, id| one(Collection::Needs, shared, id)));
    Router::new().nest("/ims/oneroster/rostering/v1p2", paths.clone()).merge(paths)
}

fn list(
    collection: Collection,
    State(shared): State<Arc<Shared>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<Pairs>,
    fault: Option<Extension<Fault>>,
) -> Response {
    let (limit, mut offset) = match (number(&query, "limit", DEFAULT_LIMIT), number(&query, "offset", 0)) {
        (Ok(limit), Ok(offset)) if limit > 0 => (limit.min(MAX_LIMIT), offset),
        _ => return refuse("limit and offset must be numbers"),
    };
    if fault.is_some_and(|Extension(fault)| fault == Fault::SamePage) {
        offset = 0;
    }
    let filter = match Filter::parse(value(&query, "filter").unwrap_or_default()) {
        Ok(filter) => filter,
        Err(reason) => return refuse(&reason),
    };
    let sample = shared.read();
    let mut items = collection.items(&sample);
    items.retain(|item| filter.matches(item));
    match value(&query, "sort") {
        // They stand in the order of their sourcedIds.
        None | Some("sourcedId") => {}
        Some("dateLastModified") => items.sort_by_key(Item::modified),
        Some(field) => return refuse(&format!("sorting by `{field}` is not supported")),
    }
    if value(&query, "orderBy") == Some("desc") {
        items.reverse();
    }
    let page: Vec<Value> = items.iter().skip(offset).take(limit).map(|item| item.json(&shared.base_url)).collect();
    let body = Map::from_iter([(collection.names().0.to_owned(), Value::Array(page))]);
    let mut response = Json(Value::Object(body)).into_response();
    response.headers_mut().insert(HeaderName::from_static("x-total-count"), HeaderValue::from(items.len()));
    let links = links(&format!("{}{}", shared.base_url, uri.path()), &query, (limit, offset, items.len()));
    if let Ok(links) = HeaderValue::from_str(&links) {
        response.headers_mut().insert(header::LINK, links);
    }
    response
}

fn one(collection: Collection, State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let sample = shared.read();
    let items = collection.items(&sample);
    let Some(item) = items.iter().find(|item| item.sourced_id() == id) else {
        return error(Some(System::Boards), StatusCode::NOT_FOUND, "there is none with this sourcedId");
    };
    let body = Map::from_iter([(collection.names().1.to_owned(), item.json(&shared.base_url))]);
    Json(Value::Object(body)).into_response()
}

fn number(query: &Pairs, key: &str, otherwise: usize) -> Result<usize, std::num::ParseIntError> {
    value(query, key).map_or(Ok(otherwise), str::parse)
}

/// The standard's `Link` header: every page by its role.
fn links(path: &str, query: &Pairs, (limit, offset, total): (usize, usize, usize)) -> String {
    let link = |offset: usize, role: &str| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(query.iter().filter(|(key, _)| key != "limit" && key != "offset"));
        pairs.append_pair("limit", &limit.to_string()).append_pair("offset", &offset.to_string());
        format!("<{path}?{}>; rel=\"{role}\"", pairs.finish())
    };
    let last = total.saturating_sub(1) / limit * limit;
    let mut links = vec![link(0, "first"), link(last, "last")];
    if offset > 0 {
        links.push(link(offset.saturating_sub(limit), "prev"));
    }
    if offset + limit < total {
        links.push(link(offset + limit, "next"));
    }
    links.join(", ")
}

fn refuse(reason: &str) -> Response {
    error(Some(System::Boards), StatusCode::BAD_REQUEST, reason)
}

/// The standard's body of an error.
pub(super) fn error_body(status: StatusCode, text: &str) -> Value {
    let minor = match status {
        StatusCode::BAD_REQUEST => "invaliddata",
        StatusCode::UNAUTHORIZED => "unauthorisedrequest",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "unknownobject",
        StatusCode::TOO_MANY_REQUESTS => "server_busy",
        _ => "internal_server_error",
    };
    json!({
        "imsx_codeMajor": "failure",
        "imsx_severity": "error",
        "imsx_description": text,
        "imsx_CodeMinor": {"imsx_codeMinorField": [
            {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": minor}
        ]},
    })
}
