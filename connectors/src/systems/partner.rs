//! Partner platforms and directories of services: HSDS 3.0 (Open Referral), and beside it the alliance's own
//! `commitments` endpoint with the same conventions.
//!
//! <https://docs.openreferral.org/en/v3.0.0/hsds/api_reference.html>

mod attributes;
mod commitment;
mod organization;
mod service;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::SecondsFormat;
use entity::vocabulary::{RecordType, SourceKind};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::fields::identifier;
use super::paging::{More, Numbered};
use super::{Entry, paging, single};
use crate::api::{Answer, Api};
use crate::connector::{Connector, Manifest, Mapped, Page, ReadRequest, Refused, Replication, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::SourceSettings;

/// Records asked for at a time. A server may give fewer.
const PER_PAGE: usize = 100;
/// Records read by their identifiers at a time.
const AT_ONCE: usize = 4;

static MANIFEST: Manifest = Manifest {
    id: "partner",
    standard: "HSDS 3.0 (Open Referral), and the alliance's commitments",
    kind: SourceKind::Partner,
    mapping_version: 1,
    streams: Cow::Borrowed(&[
        // In this order: services point to organizations, commitments to both.
        StreamSpec {
            name: "organizations",
            replication: Replication::Full,
            records: &[RecordType::Partner],
            optional: false,
        },
        StreamSpec {
            name: "services",
            replication: Replication::Since,
            records: &[RecordType::Offer],
            optional: false,
        },
        StreamSpec {
            name: "commitments",
            replication: Replication::Since,
            records: &[RecordType::Commitment],
            optional: true,
        },
    ]),
};

/// The registry's entry.
pub(super) const ENTRY: Entry = Entry { manifest: &MANIFEST, build };

fn build(settings: &SourceSettings) -> Result<Arc<dyn Connector>> {
    if settings.base_url.is_none() {
        let message = format!("source `{}`: base_url is missing", settings.id);
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(Arc::new(Partner))
}

/// Speaks HSDS.
struct Partner;

#[async_trait]
impl Connector for Partner {
    fn manifest(&self) -> &Manifest {
        &MANIFEST
    }

    async fn read(&self, api: &Api, request: ReadRequest<'_>) -> Result<Page> {
        let place: Numbered = paging::place(request.token)?;
        let (number, per_page) = (place.page.to_string(), PER_PAGE.to_string());
        let since = request.since.map(|since| since.to_rfc3339_opts(SecondsFormat::Millis, true));
        let mut query = vec![("page", number.as_str()), ("per_page", per_page.as_str())];
        if !full_form(request.stream).is_empty() {
            query.push(("full", "true"));
        }
        if let Some(since) = &since {
            query.push(("modified_after", since));
        }
        let mut page = match api.get(request.stream, &query, &[]).await {
            Ok(answer) => page(&answer, &place)?,
            Err(error) if place.is_behind_the_last(&error) => Page::default(),
            Err(error) => return Err(error),
        };
        page.records = complete(api, request.stream, page.records).await?;
        Ok(page)
    }

    /// The alliance's `commitments` can be read as a list only; organizations change no faster than they are read.
    fn singles(&self) -> &'static [&'static str] {
        &["services"]
    }

    async fn read_one(&self, api: &Api, stream: &str, external_id: &str) -> Result<Option<Value>> {
        single::read(api, stream, external_id).await
    }

    fn map(&self, stream: &str, raw: &Value) -> std::result::Result<Mapped, Refused> {
        match stream {
            "organizations" => organization::map(raw),
            "services" => service::map(raw),
            _ => commitment::map(raw),
        }
    }
}

/// A page, whose records stand in `contents`. Of what tells whether there are more, any part may be missing.
fn page(answer: &Answer, place: &Numbered) -> Result<Page> {
    let mut body: Value = answer.json()?;
    let Some(Value::Array(records)) = body.get_mut("contents").map(Value::take) else {
        let message = "the answer has no list `contents`: is base_url that of an HSDS 3.0 service?";
        return Err(Error::new(ErrorKind::Malformed, message));
    };
    let total = body.get("total_items").and_then(Value::as_u64);
    let is_empty = body.get("empty").and_then(Value::as_bool).unwrap_or(false);
    let more = body
        .get("last_page")
        .and_then(Value::as_bool)
        .map(|is_last| !is_last)
        .or_else(|| body.get("total_pages")?.as_u64().map(|pages| place.page < pages))
        .or_else(|| total.map(|total| place.read + (records.len() as u64) < total))
        .map(|more| more && !is_empty);
    let next = place.following(&records, PER_PAGE, More::said(more))?;
    Ok(Page { next: next.as_ref().map(paging::token).transpose()?, records, total })
}

/// Keys of which a record in its full form has at least one; none for streams that have no other form.
fn full_form(stream: &str) -> &'static [&'static str] {
    match stream {
        "organizations" => &["organization_identifiers", "attributes"],
        "services" => &["attributes", "service_areas"],
        _ => &[],
    }
}

/// A record of a list, after the attempt to have it in full.
#[derive(Debug)]
enum Listed {
    /// It need not, or cannot, be read by its identifier.
    AsItCame(Value),
    /// It was read by its identifier.
    InFull(Value),
    /// There is nothing at its own address.
    NotFound(Value),
}

/// Records in their full form: those that came without, from a server that takes no notice of `full`, are read by their
/// identifiers.
async fn complete(api: &Api, collection: &str, records: Vec<Value>) -> Result<Vec<Value>> {
    let records: Vec<Listed> = stream::iter(records)
        .map(|record| async move {
            let Some(path) = address_of_full_form(collection, &record) else { return Ok(Listed::AsItCame(record)) };
            match api.get(&path, &[], &[]).await {
                Ok(answer) => answer.json().map(Listed::InFull),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(Listed::NotFound(record)),
                Err(error) => Err(error),
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(kept(records))
}

/// What is not found has vanished since the list was made, and is left out. Where nothing at all is found, the server
/// rather gives no records by their identifiers: all would then count as gone, so they are kept as they were listed.
fn kept(records: Vec<Listed>) -> Vec<Value> {
    let found = records.iter().any(|record| matches!(record, Listed::InFull(_)));
    let missing = records.iter().filter(|record| matches!(record, Listed::NotFound(_))).count();
    let gives_none = !found && missing > 1;
    records
        .into_iter()
        .filter_map(|record| match record {
            Listed::AsItCame(record) | Listed::InFull(record) => Some(record),
            Listed::NotFound(record) => gives_none.then_some(record),
        })
        .collect()
}

/// Where the record is to be had in full. `None` where it came so, or where nobody could ask for it.
fn address_of_full_form(collection: &str, record: &Value) -> Option<String> {
    let keys = full_form(collection);
    if keys.is_empty() || keys.iter().any(|key| record.get(key).is_some()) {
        return None;
    }
    // An identifier with a slash would be the address of something else.
    let id = identifier(record.get("id")).filter(|id| !id.contains('/'))?;
    Some(format!("{collection}/{id}"))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;

    fn answer(body: &Value) -> Answer {
        Answer {
            headers: HeaderMap::new(),
            body: body.to_string().into(),
            url: "https://partners.example/services".parse().unwrap(),
        }
    }

    /// The number of the page that this first page leads to.
    fn next(body: Value) -> Option<u64> {
        let token = page(&answer(&body), &Numbered::default()).unwrap().next?;
        Some(paging::place::<Numbered>(Some(&token)).unwrap().page)
    }

    #[test]
    fn a_page_leads_on_by_whatever_the_server_says() {
        assert_eq!(next(json!({"contents": [{}], "last_page": false, "total_pages": 1})), Some(2));
        assert_eq!(next(json!({"contents": [{}], "last_page": true, "total_pages": 3})), None);
        assert_eq!(next(json!({"contents": [{}], "total_pages": 2})), Some(2));
        assert_eq!(next(json!({"contents": [{}], "total_pages": 1})), None);
        assert_eq!(next(json!({"contents": [{}], "total_items": 2})), Some(2));
        assert_eq!(next(json!({"contents": [{}], "total_items": 1})), None);
        assert_eq!(next(json!({"contents": [{}]})), Some(2));
    }

    #[test]
    fn an_empty_page_is_the_last_whatever_else_it_says() {
        assert_eq!(next(json!({"contents": [], "last_page": false})), None);
        assert_eq!(next(json!({"contents": [], "empty": true, "total_pages": 9})), None);
    }

    #[test]
    fn a_server_that_takes_no_notice_of_the_page_does_not_go_on_for_ever() {
        let body = json!({"contents": [{"id": 1}], "last_page": false});
        let token = page(&answer(&body), &Numbered::default()).unwrap().next.unwrap();
        let second: Numbered = paging::place(Some(&token)).unwrap();
        assert_eq!(page(&answer(&body), &second).unwrap_err().kind(), ErrorKind::Paging);
        assert_eq!(page(&answer(&json!({"contents": [{"id": 1}]})), &second).unwrap().next, None);
    }

    #[test]
    fn an_answer_without_contents_is_malformed() {
        let error = page(&answer(&json!([{"id": 1}])), &Numbered::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }

    #[test]
    fn only_what_came_in_short_form_is_read_by_its_identifier() {
        let short = json!({"id": 7, "name": "Stichting Voorbeeld"});
        assert_eq!(address_of_full_form("services", &short).as_deref(), Some("services/7"));
        assert_eq!(address_of_full_form("organizations", &short).as_deref(), Some("organizations/7"));
        assert_eq!(address_of_full_form("commitments", &short), None);
        assert_eq!(address_of_full_form("services", &json!({"id": 7, "attributes": []})), None);
        assert_eq!(address_of_full_form("services", &json!({"id": "a/b"})), None);
        assert_eq!(address_of_full_form("services", &json!({"name": "nameless"})), None);
    }

    #[test]
    fn one_that_vanished_is_left_out_but_not_all_at_once() {
        let record = |id: u32| json!({"id": id});
        let one = vec![Listed::InFull(record(1)), Listed::NotFound(record(2)), Listed::AsItCame(record(3))];
        assert_eq!(kept(one), [record(1), record(3)]);
        assert!(kept(vec![Listed::NotFound(record(1))]).is_empty());
        assert_eq!(kept(vec![Listed::NotFound(record(1)), Listed::NotFound(record(2))]), [record(1), record(2)]);
    }

    #[test]
    fn every_record_of_the_fixtures_is_taken() {
        let pages = [
            ("organizations", include_str!("../../../tests/fixtures/partner/organizations/page-1.json")),
            ("services", include_str!("../../../tests/fixtures/partner/services/page-1.json")),
            ("commitments", include_str!("../../../tests/fixtures/partner/commitments/page-1.json")),
        ];
        for (stream, text) in pages {
            let body: Value = serde_json::from_str(text).unwrap();
            let records = body["contents"].as_array().unwrap();
            assert!(!records.is_empty());
            for raw in records {
                let mapped = Partner.map(stream, raw);
                assert!(matches!(mapped, Ok(Mapped::Record { .. })), "{mapped:?}");
            }
        }
    }
}
