//! The partner's records in the shapes of the standards, page by page.

use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::script::Fault;
use super::{Entry, Inner, Standard, lock};

/// Answers a request for a page.
pub(super) fn page(inner: &Inner, uri: &Uri, fault: Option<&Fault>) -> Response {
    let query: Vec<(String, String)> = url_query(uri);
    let value = |key: &str| query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let number = |key: &str| value(key).and_then(|text| text.parse::<usize>().ok());
    match (inner.standard, uri.path().rsplit('/').next().unwrap_or_default()) {
        (Standard::OneRoster, "orgs") => {
            let records = if value("filter").is_some() { Vec::new() } else { orgs() };
            json_with(json!({ "orgs": records }), "x-total-count", records_len(&records))
        }
        (Standard::OneRoster, "needs") => {
            let since = value("filter").and_then(|filter| filter.split('\'').nth(1)?.parse().ok());
            let cut = cut(inner, since, number("offset").unwrap_or(0), fault);
            let records: Vec<Value> = drifted(cut.entries.iter().map(need).collect(), fault);
            json_with(json!({ "needs": records }), "x-total-count", cut.total)
        }
        (Standard::Hsds, "organizations") => {
            let cut = cut(inner, None, (number("page").unwrap_or(1) - 1) * inner.page_size, fault);
            let records: Vec<Value> = drifted(cut.entries.iter().map(organization).collect(), fault);
            Json(json!({ "contents": records, "total_items": cut.total, "last_page": cut.is_last })).into_response()
        }
        (Standard::Hsds, "services") => Json(json!({ "contents": [], "last_page": true })).into_response(),
        (Standard::Vera, "publicaties") => {
            let cut = cut(inner, None, (number("pagina").unwrap_or(1) - 1) * inner.page_size, fault);
            let records: Vec<Value> = drifted(cut.entries.iter().map(publication).collect(), fault);
            json_with(Value::Array(records), "x-parameters-aantal", cut.total)
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A part of the partner's list.
struct Cut {
    entries: Vec<Entry>,
    total: i64,
    is_last: bool,
}

fn cut(inner: &Inner, since: Option<DateTime<Utc>>, offset: usize, fault: Option<&Fault>) -> Cut {
    let mut all: Vec<Entry> = lock(&inner.entries).clone();
    all.retain(|entry| since.is_none_or(|since| entry.modified >= since));
    all.sort_by(|a, b| a.id.cmp(&b.id));
    if fault == Some(&Fault::Reordered) {
        all.reverse();
    }
    if fault == Some(&Fault::Contradiction)
        && let Some(first) = all.first().cloned()
    {
        all.insert(1, Entry { title: format!("{}?", first.title), ..first });
    }
    let offset = match fault {
        Some(Fault::SamePage) => 0,
        // As where a record was put in before it since the last page.
        Some(Fault::Repeated) => offset.saturating_sub(1).min(all.len()),
        _ => offset.min(all.len()),
    };
    let end = (offset + inner.page_size).min(all.len());
    let entries = all[offset..end].to_vec();
    if fault == Some(&Fault::Empty) {
        return Cut { entries: Vec::new(), total: 0, is_last: true };
    }
    let lie = if let Some(Fault::Total(by)) = fault { *by } else { 0 };
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX) + lie;
    Cut { is_last: end == all.len() && fault != Some(&Fault::SamePage), entries, total: total.max(0) }
}

fn drifted(mut records: Vec<Value>, fault: Option<&Fault>) -> Vec<Value> {
    if fault == Some(&Fault::Drifted) {
        records.iter_mut().for_each(|record| record["nieuw"] = json!(true));
    }
    records
}

fn orgs() -> Vec<Value> {
    vec![
        json!({ "sourcedId": "board", "dateLastModified": "2026-01-01T00:00:00Z", "name": "Stichting Verzonnen", "type": "district", "identifier": "99001" }),
        json!({ "sourcedId": "school", "dateLastModified": "2026-01-01T00:00:00Z", "name": "De Verzonnen School", "type": "school", "identifier": "99AA00", "parent": { "sourcedId": "board" } }),
    ]
}

fn need(entry: &Entry) -> Value {
    let modified = entry.modified.to_rfc3339_opts(SecondsFormat::Millis, true);
    if entry.gone {
        return json!({ "sourcedId": entry.id, "status": "tobedeleted", "dateLastModified": modified });
    }
    let theme = if entry.invalid { "MAGIC" } else { "TEACHER_HOUSING" };
    json!({
        "sourcedId": entry.id, "status": "active", "dateLastModified": modified, "org": { "sourcedId": "school" },
        "title": entry.title, "themes": [theme], "contact": { "email": "iemand@school.example" },
    })
}

fn organization(entry: &Entry) -> Value {
    let name = if entry.invalid { Value::Null } else { json!(entry.title) };
    json!({ "id": entry.id, "name": name, "organization_identifiers": [], "email": "iemand@partner.example" })
}

fn publication(entry: &Entry) -> Value {
    let status = if entry.invalid { "???" } else { "GEP" };
    json!({
        "id": entry.id, "status": { "code": status }, "modules": [{ "code": "SOC" }],
        "eenheden": [{
            "naam": entry.title, "soort": { "code": "WOO" }, "brutohuur": 750.5,
            "adres": { "gemeente": { "code": "0363", "naam": "Amsterdam" } },
        }],
    })
}

fn json_with(body: Value, name: &'static str, count: i64) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(name, HeaderValue::from(count));
    response
}

fn records_len(records: &[Value]) -> i64 {
    i64::try_from(records.len()).unwrap_or(i64::MAX)
}

fn url_query(uri: &Uri) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://partner{uri}")).expect("an address");
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
