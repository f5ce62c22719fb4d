//! What the claims of several sources make of one record, field by field: the source of the lowest priority number
//! that says something of a field has the last word on it. Only of a record's status the latest word counts, whoever
//! says it: a board accepts what a partner's system proposed, and what that system says next still comes through. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

const STATUS: &str = "status";
/// Since when a record has its status, by word of the source that gives it.
const STATUS_AT: &str = "status_at";

/// Lays contents over each other, the most important first. What an earlier one says stands; what it leaves out, a
/// later one may fill in. Nested objects (an address, a contact) are taken whole from one source: half an address of
/// one and half of another would be nobody's address.
pub(crate) fn merge<'a>(contents: impl IntoIterator<Item = &'a Value>) -> Value {
    let mut merged = Map::new();
    for content in contents {
        let Value::Object(fields) = content else { continue };
        for (name, value) in fields {
            if !value.is_null() && !merged.contains_key(name) {
                merged.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(merged)
}

/// The status that a claim's content speaks of.
pub(crate) fn status(content: &Value) -> Option<&Value> {
    content.get(STATUS).filter(|status| !status.is_null())
}

/// Puts the latest status in place of the most important source's. `contents` come as to [`merge`], each with since
/// when it says its status; where two say theirs for as long, the more important one has the word.
pub(crate) fn put_latest_status<'a>(
    merged: &mut Value,
    contents: impl IntoIterator<Item = (&'a Value, Option<DateTime<Utc>>)>,
) {
    let Value::Object(fields) = merged else { return };
    let mut latest: Option<(&Value, Option<DateTime<Utc>>)> = None;
    for (content, since) in contents {
        if status(content).is_some() && latest.is_none_or(|(_, latest)| since > latest) {
            latest = Some((content, since));
        }
    }
    let Some((content, _)) = latest else { return };
    fields.remove(STATUS_AT);
    for name in [STATUS, STATUS_AT] {
        if let Some(value) = content.get(name) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
}

/// An instant for a status that is news: behind all that was said before, though the clocks of two replicas differ.
pub(crate) fn news(now: DateTime<Utc>, before: impl IntoIterator<Item = Option<DateTime<Utc>>>) -> DateTime<Utc> {
    let latest = before.into_iter().flatten().max();
    latest.map_or(now, |latest| now.max(latest + TimeDelta::microseconds(1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_word_stands_and_gaps_are_filled() {
        let register = json!({"name": "De Vlinder", "address": {"city": "Utrecht"}});
        let board = json!({"name": "Vlinder", "pupils": 210, "address": {"city": "Zeist", "street": "Laan"}});
        let merged = merge([&register, &board]);
        assert_eq!(merged, json!({"name": "De Vlinder", "pupils": 210, "address": {"city": "Utrecht"}}));
    }

    #[test]
    fn the_latest_status_stands_whoever_says_it() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let board = json!({"status": "ACCEPTED"});
        let system = json!({"status": "PROPOSED", "status_at": "2026-01-01T00:00:00Z", "title": "x"});
        let laid = |board_at, system_at| {
            let mut merged = merge([&board, &system]);
            put_latest_status(&mut merged, [(&board, board_at), (&system, system_at)]);
            merged
        };
        assert_eq!(laid(at(2), at(1)), json!({"status": "ACCEPTED", "title": "x"}));
        assert_eq!(laid(at(1), at(2)), system);
        assert_eq!(laid(None, None)["status"], json!("ACCEPTED"));
        assert_eq!(laid(None, at(1))["status"], json!("PROPOSED"));
    }

    #[test]
    fn news_is_behind_what_was_said_before_though_a_clock_is_slow() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(news(at(5), [None, Some(at(4))]), at(5));
        assert!(news(at(5), [Some(at(9)), None]) > at(9));
    }

    #[test]
    fn null_says_nothing() {
        assert_eq!(merge([&json!({"pupils": null}), &json!({"pupils": 3})]), json!({"pupils": 3}));
    }
}
