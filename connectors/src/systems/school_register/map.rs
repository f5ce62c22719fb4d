//! From a row of the register to a record. Works on the rows of the files and on the records of the portal's CKAN API
//! alike. Pure.

use std::fmt::Display;
use std::str::FromStr;

use entity::{Brin, MunicipalityCode};
use serde_json::Value;

use super::columns::{self, Column, ROW_FAULT};
use super::{names, region};
use crate::connector::{Mapped, Refused};
use crate::record::{Address, Municipality, Record, Reference, School, SchoolBoard};
use crate::systems::fields::{Fields, number, web_address};

/// No school has more pupils.
const MOST_PUPILS: f64 = 1e6;

/// A board, of a row of the register of boards.
pub(super) fn board(raw: &Value) -> Result<Mapped, Refused> {
    let mut row = Row::new(raw);
    if row.is_blank() {
        return Ok(Mapped::Ignored("an empty row"));
    }
    let number = row.required(&columns::BOARD_NUMBER);
    let number = number.and_then(|text| row.parsed(&columns::BOARD_NUMBER, &text));
    let name = row.required(&columns::BOARD_NAME);
    // Only the number tells which board it is: nobody loses it over what may be a telephone number.
    let kvk = row.code(&columns::KVK).and_then(|text| text.parse().ok());
    let external_id = number.as_ref().map(ToString::to_string);
    row.finish(external_id, number.map(|number| Record::SchoolBoard(SchoolBoard { number, name, kvk })))
}

/// A school, of a row of the register of locations.
pub(super) fn school(raw: &Value) -> Result<Mapped, Refused> {
    let mut row = Row::new(raw);
    if row.is_blank() {
        return Ok(Mapped::Ignored("an empty row"));
    }
    let brin = brin(&mut row);
    let external_id = brin.as_ref().map(ToString::to_string);
    let name = row.required(&columns::SCHOOL_NAME);
    let board = row.code(&columns::BOARD_NUMBER);
    let board = board.and_then(|text| row.parsed(&columns::BOARD_NUMBER, &text)).map(Reference::Key);
    let address = Address {
        street: row.text(&columns::STREET),
        house_number: row.text(&columns::HOUSE_NUMBER),
        postcode: row.text(&columns::POSTCODE).and_then(|text| names::postcode(&text)),
        city: row.text(&columns::CITY).map(|text| names::place(&text)),
    };
    let school = |brin| School {
        brin,
        name,
        address: (address != Address::default()).then_some(address),
        location: None,
        denomination: row.text(&columns::DENOMINATION).map(|text| names::sentence(&text)),
        pupils: pupils(raw),
        disadvantage_score: None,
        website: row.text(&columns::WEBSITE).and_then(|text| web_address(&text)),
        board,
        municipality: municipality(&mut row),
    };
    let record = brin.map(school).map(Record::School);
    row.finish(external_id, record)
}

/// The code of a location: whole, or its two digits behind the institution's four characters, as in older years. Where
/// the file tells nothing of locations, an institution stands for its main one.
fn brin(row: &mut Row<'_>) -> Option<Brin> {
    let institution = row.code(&columns::INSTITUTION);
    let code = match (institution, row.code(&columns::LOCATION)) {
        (_, Some(location)) if location.len() > 2 => location,
        // Of `00`, spreadsheets leave `0`.
        (Some(institution), Some(location)) => format!("{institution}{location:0>2}"),
        (None, Some(_)) => {
            row.missing(&columns::INSTITUTION);
            return None;
        }
        (Some(institution), None) if columns::LOCATION.key(row.raw).is_none() => {
            if institution.len() == 4 {
                format!("{institution}00")
            } else {
                institution
            }
        }
        (_, None) => {
            row.missing(&columns::LOCATION);
            return None;
        }
    };
    let column = if columns::LOCATION.key(row.raw).is_some() { columns::LOCATION } else { columns::INSTITUTION };
    row.parsed(&column, &code)
}

fn municipality(row: &mut Row<'_>) -> Option<Municipality> {
    let code = row.code(&columns::MUNICIPALITY_CODE)?;
    let code: MunicipalityCode = row.parsed(&columns::MUNICIPALITY_CODE, &code)?;
    let name = row.text(&columns::MUNICIPALITY_NAME).map(|text| names::place(&text));
    let labour_market_area = row.text(&columns::LABOUR_MARKET_AREA);
    let corop_area = row.text(&columns::COROP_AREA);
    let region = region::of(labour_market_area.as_deref(), corop_area.as_deref()).map(str::to_owned);
    Some(Municipality { code, name, region })
}

/// The number of pupils; `None` where it is masked, or no count: some years write -1 for what they do not tell.
fn pupils(raw: &Value) -> Option<i32> {
    let pupils = number(raw.get(columns::PUPILS.key(raw)?)?)?;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number in range, by the filter")]
    (pupils.fract() == 0.0 && (0.0..MOST_PUPILS).contains(&pupils)).then_some(pupils as i32)
}

/// Reads one row by its columns.
struct Row<'a> {
    raw: &'a Value,
    fields: Fields<'a>,
}

impl<'a> Row<'a> {
    fn new(raw: &'a Value) -> Self {
        Self { raw, fields: Fields::new(raw) }
    }

    /// Whether nothing stands in the row. Spreadsheets leave such rows behind.
    fn is_blank(&self) -> bool {
        let blank = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        self.raw.as_object().is_some_and(|row| row.values().all(blank))
    }

    /// What stands in the column, on one line. What is masked, as `<5`, is not told.
    fn text(&mut self, column: &Column) -> Option<String> {
        let text = self.fields.line(&[column.key(self.raw)?])?;
        let masked = text.strip_prefix('<').is_some_and(|rest| rest.trim().bytes().all(|byte| byte.is_ascii_digit()));
        (!masked).then(|| names::one_line(&text))
    }

    fn required(&mut self, column: &Column) -> Option<String> {
        let text = self.text(column);
        if text.is_none() {
            self.missing(column);
        }
        text
    }

    /// A code or a number, without the marks that keep spreadsheets from taking it for an amount.
    fn code(&mut self, column: &Column) -> Option<String> {
        let text = self.text(column)?;
        let code = text.trim_matches(|char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '='));
        (!code.is_empty()).then(|| code.to_owned())
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, column: &Column, text: &str) -> Option<T> {
        let name = column.key(self.raw).unwrap_or_default();
        text.parse().map_err(|error| self.fields.fault(format!("`{name}`: {error}"))).ok()
    }

    fn missing(&mut self, column: &Column) {
        // The column's own name, where it is there and empty.
        let name = column.key(self.raw).map_or_else(|| column.described(), |name| format!("`{name}`"));
        self.fields.fault(format!("{name} is missing"));
    }

    fn finish(self, external_id: Option<String>, record: Option<Record>) -> Result<Mapped, Refused> {
        // Of what is no row, no other fault says anything; that its code can be read keeps what is known of it alive.
        if let Some(fault) = self.raw.get(ROW_FAULT).and_then(Value::as_str) {
            return Err(Refused { external_id, reasons: vec![fault.to_owned()] });
        }
        let mapped = external_id.clone().zip(record).map(|(external_id, record)| Mapped::Record {
            external_id,
            modified_at: None,
            record: Box::new(record),
        });
        self.fields.finish(external_id, mapped)
    }
}
