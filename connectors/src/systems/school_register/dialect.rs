//! The dialect of a CSV file, as its header tells it. Two are in the wild: `;` between fields, none quoted, Windows-1252
//! or UTF-8; and `,` between fields, all quoted, UTF-8 with a byte-order mark. Anything between the two is read as well.

use csv::ByteRecord;
use encoding_rs::WINDOWS_1252;

use super::columns::Needed;
use crate::error::{Error, ErrorKind, Result};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const DELIMITERS: [u8; 3] = [b';', b',', b'\t'];
/// Of a header that is not the right one, this many columns are shown, and this many characters of each.
const SHOWN: usize = 40;

/// How the fields of a file are written, and what they are called.
#[derive(Debug)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// Whether the header's fields are quoted; then all are, and a quotation mark is never part of a value.
    pub(super) quoted: bool,
    /// The names of the columns, without the white space around them.
    pub(super) header: Vec<String>,
    /// Where the first row begins, in bytes.
    pub(super) first_row: usize,
    /// The line of the file in which it does, counted from 1.
    pub(super) first_line: u64,
}

/// The dialect of the file that begins with `head`; `whole` where that is all of it.
pub(super) fn of(head: &[u8], whole: bool, needed: &Needed, stream: &str) -> Result<Dialect> {
    let wrong = |what: &str| Err(Error::new(ErrorKind::Malformed, format!("the file of {stream}: {what}")));
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let mark = head.len() - text.len();
    let visible = text.trim_ascii_start();
    if visible.is_empty() && whole {
        return wrong("it is empty");
    }
    if visible.starts_with(b"<") {
        return wrong("an HTML or XML page came where a CSV file was due");
    }
    if visible.starts_with(b"PK\x03\x04") {
        return wrong("a packed file or a workbook came where a CSV file was due");
    }
    if text.contains(&0) {
        return wrong("it is no text in UTF-8 or Windows-1252");
    }
    let readings =
        DELIMITERS.map(|delimiter| first_record(text, delimiter).map(|(record, end)| (delimiter, record, end)));
    let widest = readings.into_iter().flatten().max_by_key(|(_, record, _)| record.len());
    let Some((delimiter, record, end)) = widest else { return wrong("it is empty") };
    if end == text.len() && !whole {
        return wrong("its header has no end");
    }
    let header: Vec<String> = decode(&record).into_iter().map(|name| name.trim().to_owned()).collect();
    if let Some(missing) = needed.missing(&header) {
        let seen: Vec<String> = header.iter().take(SHOWN).map(|name| name.chars().take(SHOWN).collect()).collect();
        return wrong(&format!("it has no column {missing}; its columns are {}", seen.join(", ")));
    }
    Ok(Dialect {
        delimiter,
        quoted: visible.starts_with(b"\""),
        header,
        first_row: mark + end,
        first_line: 1 + line_ends(&text[..end]),
    })
}

/// The first record that is not blank, and where it ends.
fn first_record(text: &[u8], delimiter: u8) -> Option<(ByteRecord, usize)> {
    let mut reader = reader(text, delimiter, true);
    let mut record = ByteRecord::new();
    // Reading from memory, the reader has no other errors than those of fields that are due, and none are.
    reader.read_byte_record(&mut record).ok().filter(|read| *read)?;
    let end = usize::try_from(reader.position().byte()).ok()?;
    Some((record, end))
}

/// A reader of what lies in memory, which keeps to a delimiter and to nothing else.
pub(super) fn reader(bytes: &[u8], delimiter: u8, quoting: bool) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(delimiter).quoting(quoting).has_headers(false).flexible(true).from_reader(bytes)
}

/// The fields of a record as text: UTF-8 where all of it is, else Windows-1252, which any text is. Told for each record
/// and not for the file: nobody has read all of it yet, and files that were joined hold both.
pub(super) fn decode(record: &ByteRecord) -> Vec<String> {
    let text = |field: &[u8]| match std::str::from_utf8(field) {
        Ok(field) => field.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(field).0.into_owned(),
    };
    if std::str::from_utf8(record.as_slice()).is_ok() {
        return record.iter().map(text).collect();
    }
    record.iter().map(|field| WINDOWS_1252.decode_without_bom_handling(field).0.into_owned()).collect()
}

/// How many lines end in `bytes`.
pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boards(head: &[u8]) -> Result<Dialect> {
        of(head, true, &Needed::of_boards(), "boards")
    }

    #[test]
    fn the_header_tells_the_dialect() {
        let old = boards(b"BEVOEGD GEZAG NUMMER ;BEVOEGD GEZAG NAAM, VOLUIT;BEVOEGD GEZAG NAAM\r\n1;a;b\r\n").unwrap();
        assert_eq!((old.delimiter, old.quoted, old.first_line), (b';', false, 1));
        assert_eq!(old.header, ["BEVOEGD GEZAG NUMMER", "BEVOEGD GEZAG NAAM, VOLUIT", "BEVOEGD GEZAG NAAM"]);
        let new = boards(b"\xef\xbb\xbf\"BEVOEGD GEZAG NAAM\",\"BEVOEGD GEZAG NUMMER\"\n").unwrap();
        assert_eq!((new.delimiter, new.quoted, new.first_line), (b',', true, 2));
        assert_eq!(new.header, ["BEVOEGD GEZAG NAAM", "BEVOEGD GEZAG NUMMER"]);
    }

    #[test]
    fn a_missing_column_is_named_with_those_that_are_there() {
        let error = boards(b"NUMMER;BEVOEGD GEZAG NAAM\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(
            error.to_string(),
            "the file of boards: it has no column `BEVOEGD GEZAG NUMMER`; its columns are NUMMER, BEVOEGD GEZAG NAAM"
        );
    }

    #[test]
    fn what_is_no_csv_file_is_called_what_it_is() {
        for (head, what) in [
            (&b""[..], "empty"),
            (b"\xef\xbb\xbf\r\n \r\n", "empty"),
            (b"\n<!DOCTYPE html><html>", "HTML"),
            (b"PK\x03\x04\x14\x00", "workbook"),
            (b"\xff\xfeB\0E\0V\0", "UTF-8"),
        ] {
            let error = boards(head).unwrap_err();
            assert!(error.kind() == ErrorKind::Malformed && error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn text_is_utf8_or_else_windows_1252() {
        let record = |fields: &[&[u8]]| ByteRecord::from(fields.to_vec());
        assert_eq!(decode(&record(&[b"Fri\xc3\xabs", b"a"])), ["Friës", "a"]);
        assert_eq!(decode(&record(&[b"Fri\xebs", b"\x80"])), ["Friës", "€"]);
    }
}
