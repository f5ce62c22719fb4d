//! Pages of a CSV file on disk. A page reads a bounded stretch of the file behind its header, whatever its size.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::columns::{Needed, ROW_FAULT};
use super::dialect::{self, Dialect};
use super::rows::{self, Row, Stretch};
use crate::api::LocalFile;
use crate::connector::Page;
use crate::error::{Error, ErrorKind, Result};
use crate::systems::paging;

/// A header ends within so many bytes.
const HEAD: u64 = 64 * 1024;
/// What one page may read of a file. No row is longer.
const STRETCH: u64 = 512 * 1024;
/// Rows of a page, at most.
const ROWS: usize = 500;

/// Where a page begins.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// In bytes from the beginning of the file.
    offset: u64,
    /// The line of the file, for those who look for a refused row.
    line: u64,
    /// The version of the file that the offset is good for.
    version: String,
}

/// The page that begins at `place`.
pub(super) async fn page(file: &LocalFile, place: Option<Place>, needed: Needed, stream: &str) -> Result<Page> {
    if place.as_ref().is_some_and(|place| place.version != file.version) {
        return Err(changed(stream));
    }
    let (file, stream) = (file.clone(), stream.to_owned());
    let reading = tokio::task::spawn_blocking(move || read(&file, place, &needed, &stream));
    reading
        .await
        .map_err(|error| Error::new(ErrorKind::Cancelled, "the reading of a file was stopped").because(error))?
}

/// That the file is no longer the one whose first pages were read.
pub(super) fn changed(stream: &str) -> Error {
    let message = format!("the file of {stream} changed while it was being read; it must be read from its beginning");
    Error::new(ErrorKind::Paging, message)
}

fn read(file: &LocalFile, place: Option<Place>, needed: &Needed, stream: &str) -> Result<Page> {
    let unreadable = |error: std::io::Error| {
        Error::new(ErrorKind::File, format!("the file of {stream} cannot be read")).because(error)
    };
    let mut opened = File::open(&file.path).map_err(unreadable)?;
    let (head, whole) = up_to(&mut opened, 0, HEAD).map_err(unreadable)?;
    let dialect = dialect::of(&head, whole, needed, stream)?;
    let (offset, line) = match place {
        Some(place) => (place.offset, place.line),
        None => (dialect.first_row as u64, dialect.first_line),
    };
    let (bytes, ends_file) = up_to(&mut opened, offset, STRETCH).map_err(unreadable)?;
    let stretch = Stretch { bytes: &bytes, line, ends_file };
    let Some(rows) = rows::read(&stretch, &dialect, ROWS) else {
        let message = format!("the file of {stream}: line {line} has no end within {STRETCH} bytes");
        return Err(Error::new(ErrorKind::Malformed, message));
    };
    let next = if ends_file && rows.taken == bytes.len() {
        None
    } else {
        let offset = offset + rows.taken as u64;
        Some(paging::token(&Place { offset, line: rows.line, version: file.version.clone() })?)
    };
    let records = rows.rows.into_iter().map(|row| record(row, &dialect, needed)).collect();
    Ok(Page { records, next, total: None })
}

/// At most `most` bytes from `offset` on, and whether the file ends with them.
fn up_to(file: &mut File, offset: u64, most: u64) -> std::io::Result<(Vec<u8>, bool)> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    // One byte more tells whether there is any.
    file.take(most + 1).read_to_end(&mut bytes)?;
    let ends_file = bytes.len() as u64 <= most;
    if !ends_file {
        bytes.pop();
    }
    Ok((bytes, ends_file))
}

/// A row as an object of its columns, as the portal's API gives it.
fn record(row: Row, dialect: &Dialect, needed: &Needed) -> Value {
    let (had, due) = (row.fields.len(), dialect.header.len());
    let fault = if row.broken_off {
        Some(format!("the file breaks off in the middle of this row, in line {}", row.line))
    } else {
        (had != due).then(|| format!("line {} has {had} fields where {due} were due", row.line))
    };
    let mut record = Map::new();
    // A column that a short row does not reach is empty, which is not the same as a file without that column.
    for (name, value) in dialect.header.iter().zip(row.fields.into_iter().chain(std::iter::repeat(String::new()))) {
        // Values of a row that is no row may stand in the wrong columns, telephone numbers among them: no more is kept
        // than what tells which row it is.
        let kept = fault.is_none() || needed.includes(name);
        if kept && !name.is_empty() && !record.contains_key(name) {
            record.insert(name.clone(), value.into());
        }
    }
    if let Some(fault) = fault {
        record.insert(ROW_FAULT.to_owned(), fault.into());
    }
    Value::Object(record)
}
