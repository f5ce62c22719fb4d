//! School boards' administration systems: OneRoster 1.2 rostering service (1EdTech), and beside it the alliance's own
//! `needs` endpoint with the same conventions.
//!
//! <https://www.imsglobal.org/spec/oneroster/v1p2>

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::SecondsFormat;
use entity::vocabulary::{RecordType, SourceKind};
use entity::{Brin, SchoolBoardNumber};
use serde_json::Value;

use super::fields::{Fields, at, identifier, number, web_address};
use super::{Entry, paging, single};
use crate::api::{Answer, Api};
use crate::connector::{Connector, Manifest, Mapped, Page, ReadRequest, Refused, Replication, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Contact, Need, Record, Reference, School, SchoolBoard as Board};
use crate::settings::SourceSettings;

/// Where the rostering service lies below a server's root.
const BASE_PATH: &str = "ims/oneroster/rostering/v1p2";
/// Records asked for at a time. A server may give fewer.
const LIMIT: usize = 100;

static MANIFEST: Manifest = Manifest {
    id: "school_board",
    standard: "OneRoster 1.2 rostering, and the alliance's needs",
    kind: SourceKind::SchoolBoard,
    mapping_version: 1,
    streams: Cow::Borrowed(&[
        StreamSpec {
            name: "orgs",
            replication: Replication::Since,
            records: &[RecordType::SchoolBoard, RecordType::School],
            optional: false,
        },
        StreamSpec { name: "needs", replication: Replication::Since, records: &[RecordType::Need], optional: true },
    ]),
};

/// The registry's entry.
pub(super) const ENTRY: Entry = Entry { manifest: &MANIFEST, build };

fn build(settings: &SourceSettings) -> Result<Arc<dyn Connector>> {
    let base_url = settings.base_url.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::Configuration, format!("source `{}`: base_url is missing", settings.id))
    })?;
    // Some write the service's address, some the server's.
    let is_service = base_url.path().trim_end_matches('/').ends_with(BASE_PATH);
    Ok(Arc::new(SchoolBoard { prefix: if is_service { "" } else { BASE_PATH } }))
}

/// Speaks OneRoster.
struct SchoolBoard {
    prefix: &'static str,
}

#[async_trait]
impl Connector for SchoolBoard {
    fn manifest(&self) -> &Manifest {
        &MANIFEST
    }

    async fn read(&self, api: &Api, request: ReadRequest<'_>) -> Result<Page> {
        let offset: usize = paging::place(request.token)?;
        let since = request
            .since
            .map(|since| format!("dateLastModified>='{}'", since.to_rfc3339_opts(SecondsFormat::Millis, true)));
        let (limit, offset_text) = (LIMIT.to_string(), offset.to_string());
        // Sorted by what does not change, so that a change while paging moves no record from one page to another.
        let mut query = vec![
            ("limit", limit.as_str()),
            ("offset", offset_text.as_str()),
            ("sort", "sourcedId"),
            ("orderBy", "asc"),
        ];
        if let Some(filter) = &since {
            query.push(("filter", filter));
        }
        let answer = api.get(&format!("{}/{}", self.prefix, request.stream), &query, &[]).await?;
        page(&answer, request.stream, offset)
    }

    fn singles(&self) -> &'static [&'static str] {
        &["needs"]
    }

    /// One record stands under the singular of its collection's name.
    async fn read_one(&self, api: &Api, stream: &str, external_id: &str) -> Result<Option<Value>> {
        let Some(mut body) = single::read(api, &format!("{}/{stream}", self.prefix), external_id).await? else {
            return Ok(None);
        };
        match body.get_mut(stream.trim_end_matches('s')).map(Value::take) {
            Some(record) if record.is_object() => Ok(Some(record)),
            _ => {
                let message =
                    "the answer is not the record that was asked for: is base_url that of a OneRoster 1.2 service?";
                Err(Error::new(ErrorKind::Malformed, message))
            }
        }
    }

    fn map(&self, stream: &str, raw: &Value) -> std::result::Result<Mapped, Refused> {
        match stream {
            "needs" => need(raw),
            _ => org(raw),
        }
    }
}

/// A page of a collection, which stands under its own name. The next begins behind what came, however much was asked
/// for; the last is empty, or the one that fills the total where the server counts it.
fn page(answer: &Answer, collection: &str, offset: usize) -> Result<Page> {
    let mut body: Value = answer.json()?;
    let Some(Value::Array(records)) = body.get_mut(collection).map(Value::take) else {
        let message = format!("the answer has no list `{collection}`: is base_url that of a OneRoster 1.2 service?");
        return Err(Error::new(ErrorKind::Malformed, message));
    };
    let total = answer.header("X-Total-Count").and_then(|text| text.trim().parse::<u64>().ok());
    let end = offset + records.len();
    let says_next = answer.header("Link").map(|link| link.contains("rel=\"next\"") || link.contains("rel=next"));
    let more = match (records.is_empty(), says_next, total) {
        (true, ..) => false,
        (false, Some(true), _) => true,
        // Totals lie: behind a page that is full, one more is tried.
        (false, _, Some(total)) => (end as u64) < total || records.len() >= LIMIT,
        (false, Some(false), None) => false,
        (false, None, None) => true,
    };
    Ok(Page { records, next: more.then(|| end.to_string()), total })
}

fn org(raw: &Value) -> std::result::Result<Mapped, Refused> {
    let mut fields = Fields::new(raw);
    let external_id = fields.id("sourcedId");
    let modified_at = fields.instant(&["dateLastModified"]);
    let kind = raw.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let record_type = match kind.as_str() {
        "school" => RecordType::School,
        "district" => RecordType::SchoolBoard,
        _ => return Ok(Mapped::Ignored("an organisation that is neither school nor board")),
    };
    if let (true, Some(external_id)) = (is_deleted(raw), external_id.clone()) {
        return Ok(Mapped::Deleted { external_id, record_type, modified_at });
    }
    let name = fields.line(&["name"]);
    if name.is_none() {
        fields.fault("`name` is missing");
    }
    let record = match record_type {
        RecordType::School => school(raw, &mut fields, name).map(Record::School),
        _ => board(raw, &mut fields, name).map(Record::SchoolBoard),
    };
    let mapped = external_id.clone().zip(record).map(|(external_id, record)| Mapped::Record {
        external_id,
        modified_at,
        record: Box::new(record),
    });
    fields.finish(external_id, mapped)
}

fn school(raw: &Value, fields: &mut Fields<'_>, name: Option<String>) -> Option<School> {
    let code = identifier(raw.get("identifier")).unwrap_or_default();
    // The four characters of the institution alone stand for its main location.
    let code = if code.len() == 4 { format!("{code}00") } else { code };
    let brin = code.parse::<Brin>().map_err(|error| fields.fault(format!("`identifier`: {error}"))).ok();
    let point = match (metadata(raw, "latitude"), metadata(raw, "longitude")) {
        (Some(latitude), Some(longitude)) => {
            entity::GeoPoint::new(number(latitude).unwrap_or(f64::NAN), number(longitude).unwrap_or(f64::NAN))
        }
        _ => None,
    };
    Some(School {
        brin: brin?,
        name,
        address: None,
        location: point,
        denomination: None,
        #[expect(clippy::cast_possible_truncation, reason = "a whole number in range, by the filter")]
        pupils: metadata(raw, "pupils")
            .and_then(number)
            .filter(|pupils| pupils.fract() == 0.0 && (0.0..1e6).contains(pupils))
            .map(|pupils| pupils as i32),
        disadvantage_score: metadata(raw, "disadvantageScore").and_then(number),
        website: metadata(raw, "website").and_then(Value::as_str).and_then(web_address),
        board: at(raw, &["parent", "sourcedId"]).and_then(|id| identifier(Some(id))).map(Reference::External),
        municipality: None,
    })
}

fn board(raw: &Value, fields: &mut Fields<'_>, name: Option<String>) -> Option<Board> {
    let number = identifier(raw.get("identifier")).unwrap_or_default();
    let number =
        number.parse::<SchoolBoardNumber>().map_err(|error| fields.fault(format!("`identifier`: {error}"))).ok()?;
    let kvk = metadata(raw, "kvk").and_then(|kvk| identifier(Some(kvk))).and_then(|kvk| kvk.parse().ok());
    Some(Board { number, name, kvk })
}

/// A value of `metadata`, whose keys implementers may prefix with a name space and a dot or colon.
fn metadata<'a>(raw: &'a Value, name: &str) -> Option<&'a Value> {
    let metadata = raw.get("metadata")?.as_object()?;
    metadata
        .get(name)
        .or_else(|| {
            let prefixed = |key: &&String| key.rsplit(['.', ':']).next() == Some(name);
            metadata.keys().find(prefixed).and_then(|key| metadata.get(key))
        })
        .filter(|value| !value.is_null())
}

fn need(raw: &Value) -> std::result::Result<Mapped, Refused> {
    let mut fields = Fields::new(raw);
    let external_id = fields.id("sourcedId");
    let modified_at = fields.instant(&["dateLastModified"]);
    if let (true, Some(external_id)) = (is_deleted(raw), external_id.clone()) {
        return Ok(Mapped::Deleted { external_id, record_type: RecordType::Need, modified_at });
    }
    let school = at(raw, &["org", "sourcedId"]).and_then(|id| identifier(Some(id)));
    if school.is_none() {
        fields.fault("`org.sourcedId` is missing");
    }
    let title = fields.line(&["title"]);
    if title.is_none() {
        fields.fault("`title` is missing");
    }
    let (starts_on, ends_on) = fields.term(&["startsOn"], &["endsOn"]);
    let themes = fields.codes(&["themes"]);
    if themes.is_none_or(|themes| themes.is_empty()) {
        fields.fault("`themes` is missing");
    }
    let contact = Contact {
        name: fields.line(&["contact", "name"]),
        email: fields.line(&["contact", "email"]),
        phone: fields.line(&["contact", "phone"]),
    };
    let record = school.map(|school| Need {
        school: Reference::External(school),
        title,
        description: fields.text(&["description"]),
        themes,
        support_kinds: fields.codes(&["supportKinds"]),
        barriers: fields.codes(&["barriers"]),
        urgency: fields.code(&["urgency"]),
        status: fields.code(&["needStatus"]),
        fte_asked: fields.amount(&["fteAsked"]),
        hours_per_week_asked: fields.amount(&["hoursPerWeekAsked"]),
        starts_on,
        ends_on,
        contact: (contact != Contact::default()).then_some(contact),
    });
    let mapped = external_id.clone().zip(record).map(|(external_id, need)| Mapped::Record {
        external_id,
        modified_at,
        record: Box::new(Record::Need(need)),
    });
    fields.finish(external_id, mapped)
}

/// OneRoster deletes softly: the record stays for a while, with this status.
fn is_deleted(raw: &Value) -> bool {
    raw.get("status").and_then(Value::as_str).is_some_and(|status| status.eq_ignore_ascii_case("tobedeleted"))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;

    fn answer(headers: &[(&'static str, &str)], body: &Value) -> Answer {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Answer {
            headers: HeaderMap::from_iter(headers),
            body: body.to_string().into(),
            url: "https://boards.example/orgs".parse().unwrap(),
        }
    }

    #[test]
    fn the_next_page_begins_behind_what_came_however_the_server_tells() {
        let two = json!({"orgs": [{}, {}]});
        let next =
            |headers: &[(&'static str, &str)], body: &Value| page(&answer(headers, body), "orgs", 4).unwrap().next;
        assert_eq!(next(&[], &two).as_deref(), Some("6"));
        assert_eq!(next(&[("x-total-count", "6")], &two), None);
        assert_eq!(next(&[("x-total-count", "7")], &two).as_deref(), Some("6"));
        assert_eq!(next(&[("link", "<x>; rel=\"next\"")], &two).as_deref(), Some("6"));
        assert_eq!(next(&[("link", "<x>; rel=\"prev\"")], &two), None);
        assert_eq!(next(&[], &json!({"orgs": []})), None);
    }

    #[test]
    fn an_answer_without_the_collection_is_malformed() {
        let error = page(&answer(&[], &json!({"users": []})), "orgs", 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }

    #[test]
    fn a_school_is_known_by_its_brin_and_its_board_by_reference() {
        let raw = json!({"sourcedId": 17, "status": "active", "type": "school", "name": "De Vlinder", "extra": [1],
            "identifier": "99aa00", "parent": {"sourcedId": "b1"}, "dateLastModified": "2026-11-01T09:00:00.000Z",
            "metadata": {"hub.pupils": "210", "latitude": 52.1, "longitude": "5,1"}});
        let Ok(Mapped::Record { external_id, record, modified_at }) = org(&raw) else { panic!("refused") };
        let Record::School(school) = *record else { panic!("no school") };
        assert_eq!((external_id.as_str(), school.brin.as_str(), school.pupils), ("17", "99AA00", Some(210)));
        assert_eq!(school.board, Some(Reference::External("b1".to_owned())));
        assert!(school.location.is_some() && modified_at.is_some());
    }

    #[test]
    fn what_is_to_be_deleted_is_a_deletion() {
        let raw = json!({"sourcedId": "n1", "status": "tobedeleted"});
        assert!(matches!(need(&raw), Ok(Mapped::Deleted { record_type: RecordType::Need, .. })));
    }

    #[test]
    fn all_that_is_wrong_with_a_need_is_told_at_once() {
        let raw = json!({"sourcedId": "n1", "title": " ", "themes": ["NO"], "startsOn": "2026-02-01",
            "endsOn": "2026-01-01", "contact": {"name": "A. Voorbeeld"}});
        let refused = need(&raw).unwrap_err();
        assert_eq!(refused.external_id.as_deref(), Some("n1"));
        assert_eq!(refused.reasons.len(), 5, "{:?}", refused.reasons);
        assert!(!format!("{refused:?}").contains("Voorbeeld"));
    }

    #[test]
    fn departments_are_none_of_ours() {
        assert!(matches!(org(&json!({"sourcedId": "d", "type": "department"})), Ok(Mapped::Ignored(_))));
    }

    #[test]
    fn every_record_of_the_fixtures_is_taken() {
        let pages = [
            ("orgs", include_str!("../../../tests/fixtures/school_board/orgs/page-1.json")),
            ("needs", include_str!("../../../tests/fixtures/school_board/needs/page-1.json")),
        ];
        for (stream, text) in pages {
            let body: Value = serde_json::from_str(text).unwrap();
            let records = body[stream].as_array().unwrap();
            assert!(!records.is_empty());
            for raw in records {
                let mapped = SchoolBoard { prefix: "" }.map(stream, raw);
                assert!(matches!(mapped, Ok(Mapped::Record { .. })), "{mapped:?}");
            }
        }
    }
}
