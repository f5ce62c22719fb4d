//! Where in the file a key of a source stands: descriptions of interfaces are long, and a key alone is hard to find.

use toml_edit::{ArrayOfTables, ImDocument, Item, TableLike, Value};

/// Line and column, from 1, of the key that `path` leads to in the source of this number; of the nearest key above it,
/// where it is not written. `None` where the file cannot be read, or has no such source.
pub(super) fn of(text: &str, source: usize, path: &[String]) -> Option<(usize, usize)> {
    let document = ImDocument::parse(text).ok()?;
    let sources = document.as_table().get("source")?;
    let table: &dyn TableLike = match sources {
        Item::ArrayOfTables(tables) => ArrayOfTables::get(tables, source)?,
        Item::Value(Value::Array(tables)) => tables.get(source)?.as_inline_table()?,
        _ => return None,
    };
    let mut place = None;
    let mut at = Place::Table(table);
    for key in path {
        let (start, next) = match at.step(key) {
            Some(found) => found,
            None => break,
        };
        place = start.or(place);
        at = next;
    }
    Some(line_and_column(text, place?))
}

/// What a key can stand in.
enum Place<'a> {
    Table(&'a dyn TableLike),
    Value(&'a Value),
}

impl<'a> Place<'a> {
    /// Where what `key` names begins, and what it is.
    fn step(&self, key: &str) -> Option<(Option<usize>, Place<'a>)> {
        match self {
            Self::Table(table) => in_table(*table, key),
            Self::Value(Value::InlineTable(table)) => in_table(table, key),
            Self::Value(Value::Array(values)) => {
                let value = values.get(key.parse().ok()?)?;
                Some((value.span().map(|span| span.start), Place::Value(value)))
            }
            Self::Value(_) => None,
        }
    }
}

fn in_table<'a>(table: &'a dyn TableLike, key: &str) -> Option<(Option<usize>, Place<'a>)> {
    let (written, item) = table.get_key_value(key)?;
    let start = written.span().or_else(|| item.span()).map(|span| span.start);
    let place = match item {
        Item::Value(value) => Place::Value(value),
        item => Place::Table(item.as_table_like()?),
    };
    Some((start, place))
}

fn line_and_column(text: &str, start: usize) -> (usize, usize) {
    let before = text.get(..start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[source]]\nid = \"a\"\n\n[[source]]\nid = \"b\"\n[source.interface.offers]\npath = \"x\"\n  \
                        [source.interface.offers.fields]\n  title = { join = [\"$.é\", { path = \"$.b\" }] }\n";

    fn position(path: &[&str]) -> Option<(usize, usize)> {
        of(TEXT, 1, &path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_key_is_found_wherever_it_stands() {
        assert_eq!(position(&["id"]), Some((5, 1)));
        assert_eq!(position(&["interface", "offers", "path"]), Some((7, 1)));
        assert_eq!(position(&["interface", "offers", "fields", "title"]), Some((9, 3)));
        assert_eq!(position(&["interface", "offers", "fields", "title", "join", "1", "path"]), Some((9, 30)));
    }

    #[test]
    fn what_is_not_written_is_told_where_it_should_be() {
        let fields = position(&["interface", "offers", "fields"]);
        assert_eq!(fields, Some((8, 28)));
        assert_eq!(position(&["interface", "offers", "fields", "themes"]), fields);
        assert_eq!(of(TEXT, 7, &["id".to_owned()]), None);
        assert_eq!(of("no toml", 0, &["id".to_owned()]), None);
    }
}
