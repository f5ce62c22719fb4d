//! Ways in which a record can be wrong: each field in turn is missing, or holds what nobody would expect there.

use serde_json::{Value, json};

/// Damaged copies of `raw`: for every place in it, one without it and one for each unexpected value.
pub(super) fn every_way(raw: &Value) -> Vec<Value> {
    let mut pointers = Vec::new();
    places(raw, String::new(), &mut pointers);
    let mut copies = vec![json!(null), json!([]), json!({}), json!("text"), json!(1)];
    for pointer in pointers {
        copies.extend(without(raw, &pointer));
        for value in unexpected() {
            let mut copy = raw.clone();
            if let Some(place) = copy.pointer_mut(&pointer) {
                *place = value;
            }
            copies.push(copy);
        }
    }
    copies
}

fn unexpected() -> [Value; 17] {
    [
        json!(null),
        json!(""),
        json!(" \t\u{a0}"),
        json!("\u{0}\u{feff}\u{202e}\u{1f9d1}\u{200d}\u{1f3eb}"),
        json!("9".repeat(40)),
        json!("long ".repeat(20_000)),
        json!("2026-02-30T25:61:00Z"),
        json!("9999-12-31T23:59:59.999999999+14:00"),
        json!("javascript:alert(1)"),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(0.1),
        json!(true),
        json!([]),
        json!([null, [{}], {"id": []}]),
        json!({"code": {"code": 1}}),
    ]
}

/// JSON pointers (RFC 6901) of all that is in `value`.
fn places(value: &Value, path: String, pointers: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => return,
    };
    for (key, child) in children {
        let path = format!("{path}/{key}");
        pointers.push(path.clone());
        places(child, path, pointers);
    }
}

fn without(raw: &Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let mut copy = raw.clone();
    match copy.pointer_mut(parent)? {
        Value::Object(fields) => fields.remove(&key.replace("~1", "/").replace("~0", "~")),
        Value::Array(items) => key.parse().ok().filter(|index| *index < items.len()).map(|index| items.remove(index)),
        _ => None,
    }?;
    Some(copy)
}
