//! Rows out of a stretch of a file. A row may span lines within quotes; a quotation mark that was never closed must not
//! swallow the rows behind it, so what spans lines and is no row is read line by line.

use csv::ByteRecord;

use super::dialect::{Dialect, decode, line_ends, reader};

/// A row as it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) fields: Vec<String>,
    /// The line of the file in which it begins.
    pub(super) line: u64,
    /// Whether the file ends in the middle of it.
    pub(super) broken_off: bool,
}

/// A stretch of a file, from the beginning of a row.
pub(super) struct Stretch<'a> {
    pub(super) bytes: &'a [u8],
    /// The line of the file in which it begins.
    pub(super) line: u64,
    /// Whether the file ends with it.
    pub(super) ends_file: bool,
}

/// What was read of a stretch.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// The bytes that they took. What is behind them is for the next stretch.
    pub(super) taken: usize,
    /// The line of the file in which the next stretch begins.
    pub(super) line: u64,
}

/// At most `most` rows. `None` where the stretch is one line without an end: then it is no CSV file.
pub(super) fn read(stretch: &Stretch<'_>, dialect: &Dialect, most: usize) -> Option<Rows> {
    let bytes = stretch.bytes;
    let mut out = Rows { rows: Vec::new(), taken: 0, line: stretch.line };
    let mut base = 0;
    let mut quoted = reader(bytes, dialect.delimiter, true);
    let mut record = ByteRecord::new();
    while out.rows.len() < most {
        // The reader leaves a line's `\n` behind its `\r` to the next record.
        let blank = bytes[out.taken..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        out.line += line_ends(&bytes[out.taken..out.taken + blank]);
        out.taken += blank;
        if !quoted.read_byte_record(&mut record).unwrap_or(false) {
            out.taken = bytes.len();
            break;
        }
        let end = base + usize::try_from(quoted.position().byte()).ok()?;
        let whole = &bytes[out.taken..end];
        let unfinished = end == bytes.len() && !stretch.ends_file;
        if unfinished && !out.rows.is_empty() {
            break;
        }
        let spans_lines = whole.trim_ascii_end().contains(&b'\n');
        let (fields, length) = if !unfinished && (!spans_lines || is_row(whole, &record, dialect)) {
            (decode(&record), whole.len())
        } else {
            let length = whole.iter().position(|byte| *byte == b'\n')? + 1;
            base = out.taken + length;
            quoted = reader(&bytes[base..], dialect.delimiter, true);
            (line_fields(&whole[..length], dialect), length)
        };
        let ends_file = stretch.ends_file && end == bytes.len() && length == whole.len();
        let broken_off = ends_file && dialect.quoted && !whole.trim_ascii_end().ends_with(b"\"");
        // Some files end with a line of spaces, or with the end-of-file mark of former days.
        if !(fields.len() == 1
            && fields[0].trim_matches(|char: char| char.is_whitespace() || char == '\u{1a}').is_empty())
        {
            out.rows.push(Row { fields, line: out.line, broken_off });
        }
        out.line += line_ends(&whole[..length]);
        out.taken += length;
    }
    Some(out)
}

/// Whether a record over several lines is one row: its fields are as many as are due, and its lines are not each a row
/// of their own. They are where two rows below each other have the same stray quotation mark.
fn is_row(whole: &[u8], record: &ByteRecord, dialect: &Dialect) -> bool {
    let due = dialect.header.len();
    let mut lines = whole.trim_ascii_end().split(|byte| *byte == b'\n');
    record.len() == due && (dialect.quoted || !lines.all(|line| unquoted(line, dialect).len() == due))
}

/// The fields of a line that is to be read by itself: with quotes, and where that does not make a row, without.
fn line_fields(line: &[u8], dialect: &Dialect) -> Vec<String> {
    let mut record = ByteRecord::new();
    let read = reader(line, dialect.delimiter, true).read_byte_record(&mut record).unwrap_or(false);
    if (read && record.len() == dialect.header.len()) || dialect.quoted {
        return decode(&record);
    }
    decode(&unquoted(line, dialect))
}

fn unquoted(line: &[u8], dialect: &Dialect) -> ByteRecord {
    let mut record = ByteRecord::new();
    match reader(line, dialect.delimiter, false).read_byte_record(&mut record) {
        Ok(true) => record,
        _ => ByteRecord::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(delimiter: u8, quoted: bool) -> Dialect {
        let header = ["A", "B", "C"].map(str::to_owned).to_vec();
        Dialect { delimiter, quoted, header, first_row: 0, first_line: 2 }
    }

    fn old(text: &str, ends_file: bool) -> Rows {
        read(&Stretch { bytes: text.as_bytes(), line: 2, ends_file }, &dialect(b';', false), 100).unwrap()
    }

    fn shown(rows: &Rows) -> Vec<(u64, String)> {
        rows.rows.iter().map(|row| (row.line, row.fields.join("|"))).collect()
    }

    fn lines(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
        expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn rows_keep_their_lines() {
        let rows = old("1;a;x\r\n\r\n2;b;y\r\n   \r\n3;c;z\r\n\u{1a}", true);
        assert_eq!(shown(&rows), lines(&[(2, "1|a|x"), (4, "2|b|y"), (6, "3|c|z")]));
    }

    #[test]
    fn a_row_may_span_lines_within_quotes() {
        let rows = old("1;\"a;\r\n\"\"b\"\"\";x\r\n2;c;y\r\n", true);
        assert_eq!(shown(&rows), lines(&[(2, "1|a;\r\n\"b\"|x"), (4, "2|c|y")]));
    }

    #[test]
    fn a_stray_quotation_mark_swallows_no_rows() {
        let rows = old("1;\"a;x\r\n2;b;y\r\n3;c;z\r\n", true);
        assert_eq!(shown(&rows), lines(&[(2, "1|\"a|x"), (3, "2|b|y"), (4, "3|c|z")]));
        let twice = old("1;\"a;x\r\n2;\"b;y\r\n3;c;z", true);
        assert_eq!(shown(&twice), lines(&[(2, "1|\"a|x"), (3, "2|\"b|y"), (4, "3|c|z")]));
    }

    #[test]
    fn what_a_stretch_breaks_off_is_left_to_the_next() {
        let rows = old("1;a;x\r\n2;b;", false);
        assert_eq!(shown(&rows), lines(&[(2, "1|a|x")]));
        assert_eq!((rows.taken, rows.line), (7, 3));
    }

    #[test]
    fn a_quotation_mark_that_is_open_over_a_whole_stretch_is_taken_for_a_stray_one() {
        let rows = old("1;\"a;x\r\n2;b;y\r\n3;c", false);
        assert_eq!(shown(&rows), lines(&[(2, "1|\"a|x"), (3, "2|b|y")]));
        assert!(read(&Stretch { bytes: b"1;a", line: 2, ends_file: false }, &dialect(b';', false), 9).is_none());
    }

    #[test]
    fn a_last_row_without_its_closing_mark_is_broken_off() {
        let read = |text: &str| {
            read(&Stretch { bytes: text.as_bytes(), line: 2, ends_file: true }, &dialect(b',', true), 9).unwrap().rows
        };
        assert!(read("\"1\",\"a\",\"x").iter().all(|row| row.broken_off));
        assert!(read("\"1\",\"a\",\"x\"").iter().all(|row| !row.broken_off));
        assert!(read("\"1\",\"a\",\"x\"\r\n").iter().all(|row| !row.broken_off));
    }

    #[test]
    fn no_more_rows_are_read_than_asked_for() {
        let stretch = Stretch { bytes: b"1;a;x\n2;b;y\n3;c;z\n", line: 2, ends_file: true };
        let rows = read(&stretch, &dialect(b';', false), 2).unwrap();
        assert_eq!((rows.rows.len(), rows.taken, rows.line), (2, 12, 4));
    }
}
