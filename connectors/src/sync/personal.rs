//! No personal data of pupils: a record that holds what looks like a citizen service number (BSN) is not taken,
//! wherever it comes from. Pure.

use entity::citizen_number;
use serde_json::Value;

/// Fields of a canonical record that people write. Identifiers and addresses of pages hold numbers of all kinds.
const WRITTEN_BY_PEOPLE: [&str; 7] = ["title", "name", "description", "neighbourhood", "notes", "street", "city"];
/// What systems call a field that holds such a number, in lower case.
const NAMES: [&str; 5] = ["bsn", "burgerservicenummer", "citizenservicenumber", "onderwijsnummer", "pgn"];

/// Why the record may not be taken. `None`: it may.
pub(crate) fn reason(content: &Value, raw: &Value) -> Option<String> {
    if let Some(name) = in_texts(content) {
        return Some(format!("`{name}` holds what looks like a citizen service number (BSN)"));
    }
    named(raw).map(|name| format!("`{name}` is a field for personal data of pupils, which the hub does not take"))
}

/// The field of a record in which people wrote such a number.
fn in_texts(value: &Value) -> Option<&str> {
    let Value::Object(fields) = value else { return None };
    fields.iter().find_map(|(name, value)| match value {
        Value::String(text) if WRITTEN_BY_PEOPLE.contains(&name.as_str()) && citizen_number::is_in(text) => {
            Some(name.as_str())
        }
        Value::Object(_) => in_texts(value),
        _ => None,
    })
}

/// A field that is there for such numbers, and has one.
fn named(raw: &Value) -> Option<&str> {
    match raw {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let holds = !value.is_null() && NAMES.contains(&name.to_ascii_lowercase().as_str());
            if holds { Some(name.as_str()) } else { named(value) }
        }),
        Value::Array(items) => items.iter().find_map(named),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_found_in_what_people_write_and_nowhere_else() {
        let written = json!({"title": "x", "contact": {"name": "Voor 999990019"}});
        assert!(reason(&written, &Value::Null).is_some_and(|reason| reason.contains("`name`")));
        let coded =
            json!({"title": "x", "apply_url": "https://example.nl/999990019", "contact": {"phone": "999990019"}});
        assert_eq!(reason(&coded, &Value::Null), None);
    }

    #[test]
    fn a_field_for_pupils_numbers_is_refused_by_its_name() {
        let raw = json!({"title": "x", "items": [{"Burgerservicenummer": "1"}]});
        assert!(reason(&json!({}), &raw).is_some_and(|reason| reason.contains("Burgerservicenummer")));
        assert_eq!(reason(&json!({}), &json!({"bsn": null})), None);
    }
}
