//! What the claims of several sources make of one record, field by field: the source of the lowest priority number
//! that says something of a field has the last word on it. Pure.

use serde_json::{Map, Value};

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
    fn null_says_nothing() {
        assert_eq!(merge([&json!({"pupils": null}), &json!({"pupils": 3})]), json!({"pupils": 3}));
    }
}
