//! Municipal systems and housing corporations' allocation systems: VERA 4.3 Woonruimteverdeling (Aedes), and beside it
//! the alliance's own `voorrangsregelingen` endpoint with the same conventions.
//!
//! <https://www.coraveraonline.nl/index.php/VERA-standaard>

mod home;
mod publication;
mod scheme;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use entity::MunicipalityCode;
use entity::vocabulary::{HousingSegment, RecordType, SourceKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{Fields, at, identifier};
use super::paging::{More, Numbered};
use super::{Entry, paging, single};
use crate::api::{Answer, Api};
use crate::connector::{Connector, Manifest, Mapped, Page, ReadRequest, Refused, Replication, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Municipality;
use crate::settings::SourceSettings;

/// Records asked for at a time: the most that the standard allows.
const PAGE_SIZE: usize = 100;

static MANIFEST: Manifest = Manifest {
    id: "municipal",
    standard: "VERA 4.3 Woonruimteverdeling, and the alliance's voorrangsregelingen",
    kind: SourceKind::Municipal,
    mapping_version: 1,
    streams: Cow::Borrowed(&[
        // Schemes first: homes point to them.
        StreamSpec {
            name: "housing_schemes",
            replication: Replication::Full,
            records: &[RecordType::HousingScheme],
            optional: true,
        },
        StreamSpec {
            name: "housing_options",
            replication: Replication::Full,
            records: &[RecordType::HousingOption],
            optional: false,
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
    Ok(Arc::new(Municipal))
}

/// Speaks VERA.
struct Municipal;

/// Where the next page starts. Servers that know no cursor go by numbers.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// Where the server said.
    Cursor(String),
    /// At this number.
    Page(Numbered),
}

impl Default for Place {
    fn default() -> Self {
        Self::Page(Numbered::default())
    }
}

#[async_trait]
impl Connector for Municipal {
    fn manifest(&self) -> &Manifest {
        &MANIFEST
    }

    async fn read(&self, api: &Api, request: ReadRequest<'_>) -> Result<Page> {
        let path = match request.stream {
            "housing_schemes" => "voorrangsregelingen",
            _ => "publicaties",
        };
        let place: Place = paging::place(request.token)?;
        let number;
        let query: &[(&str, &str)] = match &place {
            Place::Cursor(cursor) => &[("cursor", cursor)],
            // The first page is asked for without a number, which could make a server forget its cursors.
            Place::Page(Numbered { page: 1, .. }) => &[],
            Place::Page(numbered) => {
                number = numbered.page.to_string();
                &[("pagina", &number)]
            }
        };
        let size = PAGE_SIZE.to_string();
        match (api.get(path, query, &[("X-Parameters-AantalPerPagina", &size)]).await, &place) {
            (Ok(answer), _) => page(&answer, &place),
            (Err(error), Place::Page(numbered)) if numbered.is_behind_the_last(&error) => Ok(Page::default()),
            (Err(error), _) => Err(error),
        }
    }

    fn singles(&self) -> &'static [&'static str] {
        &["housing_options"]
    }

    async fn read_one(&self, api: &Api, _stream: &str, external_id: &str) -> Result<Option<Value>> {
        single::read(api, "publicaties", external_id).await
    }

    fn map(&self, stream: &str, raw: &Value) -> std::result::Result<Mapped, Refused> {
        match stream {
            "housing_schemes" => scheme::map(raw),
            _ => publication::map(raw),
        }
    }
}

/// A page, which is a bare list; what leads on stands in the headers.
fn page(answer: &Answer, place: &Place) -> Result<Page> {
    let Value::Array(records) = answer.json()? else {
        let message = "the answer is no list: is base_url that of a VERA Woonruimteverdeling service?";
        return Err(Error::new(ErrorKind::Malformed, message));
    };
    let count = |name| answer.header(name).and_then(|text| text.trim().parse::<u64>().ok());
    let total = count("X-Parameters-Aantal");
    let size = count("X-Parameters-AantalPerPagina").and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE_SIZE);
    let cursor = answer.header("X-Parameters-Cursor").map(str::trim).filter(|cursor| !cursor.is_empty());
    let next = match (cursor, place) {
        _ if records.is_empty() => None,
        // Some give the last page's cursor again instead of none. With a full page it is a circle, and told as such.
        (Some(cursor), Place::Cursor(sent)) if cursor == sent && records.len() < size => None,
        (Some(cursor), _) => Some(Place::Cursor(cursor.to_owned())),
        (None, Place::Cursor(_)) => None,
        (None, Place::Page(numbered)) => {
            // Totals lie: behind a page that is full, one more is tried.
            let more = total.map(|total| numbered.read + (records.len() as u64) < total);
            let more = more.filter(|more| *more || records.len() < size);
            numbered.following(&records, size, More::said(more))?.map(Place::Page)
        }
    };
    Ok(Page { next: next.as_ref().map(paging::token).transpose()?, records, total })
}

/// The code of a reference value: a pair of code and name, or the code alone.
fn code(value: Option<&Value>) -> Option<String> {
    let value = value?;
    identifier(value.get("code").or(Some(value))).map(|code| code.to_ascii_uppercase())
}

/// The municipality at `path`. Its code comes with and without `GM` before it, and with its zeros or not.
fn municipality(fields: &mut Fields<'_>, path: &[&str]) -> Option<Municipality> {
    let value = fields.get(path);
    let field = path.join(".");
    let Some(code) = value.and_then(|value| identifier(value.get("code"))) else {
        fields.fault(format!("`{field}.code` is missing"));
        return None;
    };
    let code =
        code.parse::<MunicipalityCode>().map_err(|error| fields.fault(format!("`{field}.code`: {error}"))).ok()?;
    let name = value.and_then(|value| at(value, &["naam"])).and_then(|name| identifier(Some(name)));
    Some(Municipality { code, name, region: None })
}

/// The segment of the market, by a code of PUBLICATIEMODULE or by the hub's own.
fn segment(code: &str) -> Option<HousingSegment> {
    Some(match code {
        "SOC" | "SOCIAL" => HousingSegment::Social,
        // No code of the standard's: publishers use it all the same.
        "MID" | "MID_RENT" => HousingSegment::MidRent,
        "VRI" | "FREE_SECTOR" => HousingSegment::FreeSector,
        "SHARED" => HousingSegment::Shared,
        _ => return None,
    })
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
            url: "https://housing.example/publicaties".parse().unwrap(),
        }
    }

    fn list(length: usize) -> Value {
        (0..length).map(|id| json!({"id": id})).collect()
    }

    /// Where an answer with these headers, of this many records, leads.
    fn next(headers: &[(&'static str, &str)], length: usize, place: &Place) -> Option<Place> {
        let token = page(&answer(headers, &list(length)), place).unwrap().next;
        token.map(|token| paging::place(Some(&token)).unwrap())
    }

    #[test]
    fn a_cursor_leads_on_until_it_no_longer_comes() {
        let start = Place::default();
        let sent = Place::Cursor("a".to_owned());
        assert_eq!(next(&[("x-parameters-cursor", "a")], 3, &start), Some(Place::Cursor("a".to_owned())));
        assert_eq!(next(&[("x-parameters-cursor", "b")], 3, &sent), Some(Place::Cursor("b".to_owned())));
        assert_eq!(next(&[], PAGE_SIZE, &sent), None);
        assert_eq!(next(&[("x-parameters-cursor", "b")], 0, &sent), None);
    }

    #[test]
    fn the_last_pages_cursor_may_come_again_with_a_page_that_is_not_full() {
        let sent = Place::Cursor("a".to_owned());
        let size = ("x-parameters-aantalperpagina", "3");
        assert_eq!(next(&[("x-parameters-cursor", "a"), size], 2, &sent), None);
        assert_eq!(next(&[("x-parameters-cursor", "a"), size], 3, &sent), Some(Place::Cursor("a".to_owned())));
    }

    #[test]
    fn without_cursor_pages_are_numbered_until_the_total_is_reached() {
        let total = [("x-parameters-aantal", "5")];
        let Some(Place::Page(second)) = next(&total, 3, &Place::default()) else { panic!("the end") };
        assert_eq!((second.page, second.read), (2, 3));
        assert_eq!(next(&total, 2, &Place::Page(second)), None);
        assert_eq!(next(&[("x-parameters-aantal", "3")], 3, &Place::default()), None);
    }

    #[test]
    fn a_server_without_any_header_is_read_until_a_page_is_empty() {
        let Some(second) = next(&[], 20, &Place::default()) else { panic!("the end") };
        assert_eq!(next(&[], 0, &second), None);
    }

    #[test]
    fn a_server_that_gives_its_first_page_for_ever_does_not_go_on_for_ever() {
        let Some(second) = next(&[], 20, &Place::default()) else { panic!("the end") };
        assert_eq!(next(&[], 20, &second), None);
        let Some(second) = next(&[], PAGE_SIZE, &Place::default()) else { panic!("the end") };
        let error = page(&answer(&[], &list(PAGE_SIZE)), &second).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Paging);
    }

    #[test]
    fn an_answer_that_is_no_list_is_malformed() {
        let error = page(&answer(&[], &json!({"publicaties": []})), &Place::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }

    #[test]
    fn every_record_of_the_fixtures_is_taken() {
        let pages = [
            ("housing_schemes", include_str!("../../../tests/fixtures/municipal/housing_schemes/page-1.json")),
            ("housing_options", include_str!("../../../tests/fixtures/municipal/housing_options/page-1.json")),
        ];
        for (stream, text) in pages {
            let records: Vec<Value> = serde_json::from_str(text).unwrap();
            assert!(!records.is_empty());
            for raw in &records {
                let mapped = Municipal.map(stream, raw);
                assert!(matches!(mapped, Ok(Mapped::Record { .. })), "{mapped:?}");
            }
        }
    }
}
