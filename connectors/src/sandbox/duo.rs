//! DUO's register: schools and boards as CSV files, in both dialects that are about.
//!
//! The newer one (the default) has a byte-order mark, commas, and quotes round every field. The older one
//! (`?dialect=older`) has semicolons, no quotes, CRLF, Windows-1252 and the old names of columns. Both pad some values
//! with spaces, as DUO does.

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, body::Bytes};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use csv::{QuoteStyle, Terminator, WriterBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::faults::Fault;
use super::sample::{Board, Overlay, School, brin_code, places, words};
use super::server::{Pairs, Shared, error, value};
use super::{System, boards};

/// A row: each column with its value.
type Row = Vec<(&'static str, String)>;

/// The names that columns had before 2022.
const OLDER_NAMES: [(&str, &str); 2] = [("INSTELLINGSCODE", "BRIN NUMMER"), ("VESTIGINGSCODE", "VESTIGINGSNUMMER")];

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/alle-vestigingen-basisonderwijs.csv", get(schools))
        .route("/bevoegde-gezagen-basisonderwijs.csv", get(boards_file))
}

async fn schools(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Pairs>,
    fault: Option<Extension<Fault>>,
    headers: HeaderMap,
) -> Response {
    let sample = shared.read();
    let rows = sample.schools.live().map(|school| (school_row(school), &school.overlay));
    let file = File::new(&query, fault.map(|Extension(fault)| fault));
    answer(&headers, file.older, file.write(rows), sample.schools.last_changed())
}

async fn boards_file(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Pairs>,
    fault: Option<Extension<Fault>>,
    headers: HeaderMap,
) -> Response {
    let sample = shared.read();
    let rows = sample.boards.live().map(|board| (board_row(board), &board.overlay));
    let file = File::new(&query, fault.map(|Extension(fault)| fault));
    answer(&headers, file.older, file.write(rows), sample.boards.last_changed())
}

fn school_row(school: &School) -> Row {
    let brin = brin_code(school.code);
    let place = places::place_at(school.place);
    let town = place.name.to_uppercase();
    let seed = school.code.wrapping_mul(2_654_435_761) >> 4;
    let postcode = spaced(&words::postcode(seed, place));
    let mut name = boards::school_name(school);
    if school.code % 7 == 3 {
        name.push_str("    ");
    }
    vec![
        ("PROVINCIE", place.province().to_owned()),
        ("BEVOEGD GEZAG NUMMER", school.board.to_string()),
        ("INSTELLINGSCODE", brin.chars().take(4).collect()),
        ("VESTIGINGSCODE", brin),
        ("VESTIGINGSNAAM", name),
        ("STRAATNAAM", words::street(seed)),
        ("HUISNUMMER-TOEVOEGING", words::house_number(seed)),
        ("POSTCODE", postcode.clone()),
        ("PLAATSNAAM", town.clone()),
        ("GEMEENTENUMMER", format!("{:04}", place.code)),
        ("GEMEENTENAAM", town.clone()),
        ("DENOMINATIE", school.name.seed().map_or("Openbaar", words::denomination).to_owned()),
        ("TELEFOONNUMMER", words::phone(seed)),
        ("INTERNETADRES", boards::school_host(school)),
        ("STRAATNAAM CORRESPONDENTIEADRES", words::street(seed)),
        ("HUISNUMMER-TOEVOEGING CORRESPONDENTIEADRES", words::house_number(seed)),
        ("POSTCODE CORRESPONDENTIEADRES", postcode),
        ("PLAATSNAAM CORRESPONDENTIEADRES", town),
        ("RPA-GEBIED CODE", format!("{:02}", area_code(place.rpa))),
        ("RPA-GEBIED NAAM", place.rpa.to_owned()),
        ("COROPGEBIED CODE", format!("{:02}", area_code(place.corop))),
        ("COROPGEBIED NAAM", place.corop.to_owned()),
    ]
}

fn board_row(board: &Board) -> Row {
    let place = places::place_at(board.place);
    let seed = board.number.wrapping_mul(2_654_435_761) >> 4;
    // Every fifth went through a spreadsheet, which takes leading zeros away.
    let kvk = if board.number.is_multiple_of(5) { board.number.to_string() } else { boards::board_kvk(board) };
    let mut name = boards::board_name(board);
    if board.number % 4 == 2 {
        name.push_str("  ");
    }
    vec![
        ("BEVOEGD GEZAG NUMMER", board.number.to_string()),
        ("BEVOEGD GEZAG NAAM", name),
        ("STRAATNAAM", words::street(seed)),
        ("HUISNUMMER-TOEVOEGING", words::house_number(seed)),
        ("POSTCODE", spaced(&words::postcode(seed, place))),
        ("PLAATSNAAM", place.name.to_uppercase()),
        ("GEMEENTENUMMER", format!("{:04}", place.code)),
        ("GEMEENTENAAM", place.name.to_uppercase()),
        ("TELEFOONNUMMER", words::phone(seed)),
        ("KVK-NUMMER", kvk),
    ]
}

/// A postcode with its space: `1234 AB`.
fn spaced(postcode: &str) -> String {
    postcode.split_at_checked(4).map_or_else(|| postcode.to_owned(), |(digits, letters)| format!("{digits} {letters}"))
}

/// A number for an area. Nobody joins on it here.
fn area_code(name: &str) -> usize {
    name.bytes().map(usize::from).sum::<usize>() % 90 + 1
}

/// How a file is written.
struct File {
    older: bool,
    missing: Option<String>,
}

impl File {
    fn new(query: &Pairs, fault: Option<Fault>) -> Self {
        let missing = match fault {
            Some(Fault::MissingColumn { column }) => Some(column),
            _ => None,
        };
        Self { older: value(query, "dialect") == Some("older"), missing }
    }

    fn write<'a>(&self, rows: impl Iterator<Item = (Row, &'a Overlay)>) -> Result<Vec<u8>, csv::Error> {
        let mut builder = WriterBuilder::new();
        if self.older {
            builder.delimiter(b';').quote_style(QuoteStyle::Never).terminator(Terminator::CRLF);
        } else {
            builder.quote_style(QuoteStyle::Always);
        }
        let bytes = if self.older { Vec::new() } else { "\u{feff}".as_bytes().to_vec() };
        let mut writer = builder.from_writer(bytes);
        for (at, (mut row, overlay)) in rows.enumerate() {
            row.retain(|(column, _)| self.missing.as_deref() != Some(*column));
            for (column, cell) in &mut row {
                if let Some(set) = overlay.get(column) {
                    *cell = set.as_str().map_or_else(|| text_of(set), str::to_owned);
                } else if self.older {
                    age(column, cell);
                }
            }
            if self.older {
                row.push(("ONDERWIJSSTRUCTUUR", "BAO".to_owned()));
            }
            if at == 0 {
                writer.write_record(row.iter().map(|(column, _)| self.name(column)))?;
            }
            writer.write_record(row.iter().map(|(_, cell)| cell.as_str()))?;
        }
        let written = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        if !self.older {
            return Ok(written);
        }
        let text = String::from_utf8_lossy(&written);
        Ok(encoding_rs::WINDOWS_1252.encode(&text).0.into_owned())
    }

    fn name<'a>(&self, column: &'a str) -> &'a str {
        OLDER_NAMES.iter().find(|(newer, _)| self.older && *newer == column).map_or(column, |(_, older)| *older)
    }
}

/// Writes a value in the way of the older files.
fn age(column: &str, cell: &mut String) {
    match column {
        "VESTIGINGSCODE" => *cell = cell.chars().skip(4).collect(),
        "GEMEENTENUMMER" => *cell = cell.trim_start_matches('0').to_owned(),
        _ => {}
    }
}

fn text_of(value: &Value) -> String {
    if value.is_null() { String::new() } else { value.to_string() }
}

/// The file, or that it has not changed.
fn answer(asked: &HeaderMap, older: bool, file: Result<Vec<u8>, csv::Error>, last_changed: DateTime<Utc>) -> Response {
    let Ok(file) = file else {
        return error(Some(System::Duo), StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be written");
    };
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(&file)[..12]));
    let modified = std::time::SystemTime::from(last_changed);
    let header = |name| asked.get(name).and_then(|value| value.to_str().ok());
    // RFC 9110, section 13.1.3: with a tag to compare, the date does not count.
    let unchanged = match header(header::IF_NONE_MATCH) {
        Some(tags) => tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag),
        None => header(header::IF_MODIFIED_SINCE)
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .is_some_and(|since| httpdate::HttpDate::from(since) >= httpdate::HttpDate::from(modified)),
    };
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = if older { "text/csv; charset=windows-1252" } else { "text/csv; charset=utf-8" };
        ([(header::CONTENT_TYPE, kind)], Bytes::from(file)).into_response()
    };
    for (name, text) in [(header::ETAG, tag), (header::LAST_MODIFIED, httpdate::fmt_http_date(modified))] {
        if let Ok(text) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, text);
        }
    }
    response
}
