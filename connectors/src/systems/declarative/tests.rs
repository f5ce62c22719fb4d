//! Rules at work on records.

use serde_json::{Value, json};

use super::*;
use crate::record::{HousingOption, Record};

/// What a description of homes makes of `raw`, whose fields are these beside what every home needs.
fn mapped(fields: Value, raw: &Value) -> std::result::Result<Mapped, Refused> {
    let mut described = json!({ "title": "$.title", "municipality": { "constant": "GM0363" },
        "rent": { "path": "$.rent", "money": "euros", "default": 750 } });
    for (key, value) in fields.as_object().unwrap() {
        described[key] = value.clone();
    }
    let settings: SourceSettings = serde_json::from_value(json!({
        "id": "homes", "connector": "declarative", "base_url": "https://homes.example.nl",
        "interface": { "kind": "municipal", "housing_options": {
            "path": "homes", "records": "$", "id": "$.id", "modified_at": { "path": "$.at", "format": "unix" },
            "only": { "path": "$.kind", "is_not": "shop" }, "deleted": "$.gone", "fields": described } },
    }))
    .unwrap();
    assert_eq!(mistakes(&settings), []);
    build(&settings).unwrap().map("housing_options", raw)
}

fn home(fields: Value, raw: &Value) -> HousingOption {
    match mapped(fields, raw) {
        Ok(Mapped::Record { record, .. }) => match *record {
            Record::HousingOption(home) => home,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn reasons(fields: Value, raw: &Value) -> Vec<String> {
    mapped(fields, raw).unwrap_err().reasons
}

#[test]
fn money_is_counted_in_what_the_description_says() {
    let raw = json!({"id": 1, "title": "t", "rent": "879,66", "costs": 4512, "parts": [0.1, "0.2", null]});
    let fields = json!({ "service_costs": { "path": "$.costs", "money": "cents" },
        "minimum_income": { "path": "$.parts", "sum": true, "money": "euros" } });
    let home = home(fields, &raw);
    assert_eq!((home.rent_cents, home.service_costs_cents), (Some(87_966), Some(4_512)));
    assert_eq!(home.eligibility.unwrap().minimum_income_cents, Some(30));
    let wrong = json!({"id": 1, "title": "t", "rent": -1, "costs": 1.5});
    let fields = json!({ "service_costs": { "path": "$.costs", "money": "cents" } });
    assert_eq!(
        reasons(fields, &wrong),
        [
            "`rent` is missing",
            "`rent`: is no amount of money of at least 0",
            "`service_costs`: is no amount of money of at least 0"
        ]
    );
}

#[test]
fn texts_are_joined_of_what_is_there() {
    let number = json!({ "join": ["$.number", "$.letter", { "path": "$.extra", "before": "-" }], "separator": "" });
    let of =
        |raw: Value| home(json!({ "house_number": number }), &raw).address.and_then(|address| address.house_number);
    assert_eq!(of(json!({"id": 1, "title": "t", "number": 12, "letter": "A", "extra": 2})).as_deref(), Some("12A-2"));
    assert_eq!(of(json!({"id": 1, "title": "t", "number": 12, "letter": " ", "extra": null})).as_deref(), Some("12"));
    assert_eq!(of(json!({"id": 1, "title": "t"})), None);
}

#[test]
fn codes_stand_for_what_the_table_says_and_others_are_refused_or_left_out() {
    let raw = json!({"id": 1, "title": "t", "state": " Vrij ", "kinds": ["x", "studio"]});
    let table = json!({ "status": { "path": "$.state", "codes": { "vrij": "AVAILABLE" } },
        "housing_type": { "path": "$.kinds[*]", "codes": { "STUDIO": "STUDIO" }, "unknown": "leave_out" } });
    let home = home(table.clone(), &raw);
    assert_eq!(home.status, Some(entity::vocabulary::HousingStatus::Available));
    assert_eq!(home.housing_type, Some(entity::vocabulary::HousingType::Studio));
    let raw = json!({"id": 1, "title": "t", "state": "bezet"});
    assert_eq!(reasons(table, &raw), ["`status`: the code table has no `bezet`"]);
}

#[test]
fn dates_are_read_in_the_form_that_is_described() {
    let fields = json!({ "available_from": { "path": "$.from", "format": "%d-%m-%Y" },
        "respond_before": { "path": "$.until", "format": "unix_ms" } });
    let raw = json!({"id": 1, "title": "t", "from": "01-02-2027", "until": 1_790_000_000_000_i64});
    let home = home(fields.clone(), &raw);
    assert_eq!(home.available_from.unwrap().to_string(), "2027-02-01");
    assert_eq!(home.respond_before.unwrap().to_string(), "2026-09-21");
    let raw = json!({"id": 1, "title": "t", "from": "2027-02-01"});
    assert_eq!(reasons(fields, &raw), ["`available_from`: is no date in the form that `format` says"]);
}

#[test]
fn the_first_that_gives_anything_counts_and_words_for_nothing_are_none() {
    let fields =
        json!({ "homes": { "first": [{ "path": "$.free", "nothing": ["0", "N.V.T."] }, "$.all"], "default": 1 } });
    let of = |raw: Value| home(fields.clone(), &raw).homes;
    assert_eq!(of(json!({"id": 1, "title": "t", "free": 0, "all": 8})), Some(8));
    assert_eq!(of(json!({"id": 1, "title": "t", "free": "n.v.t."})), Some(1));
}

#[test]
fn what_is_gone_and_what_is_not_meant_is_told_apart() {
    let of = |raw: Value| mapped(json!({}), &raw);
    let gone = of(json!({"id": 7, "gone": "2026-11-01", "at": 1_790_000_000}));
    assert!(matches!(gone, Ok(Mapped::Deleted { ref external_id, modified_at: Some(_), .. }) if external_id == "7"));
    assert!(matches!(of(json!({"id": 7, "kind": "Shop"})), Ok(Mapped::Ignored(_))));
    assert!(of(json!({"id": 7, "gone": false, "kind": "home", "title": "t"})).is_ok());
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_a_record_without_what_is_required_refused() {
    let fields =
        json!({ "street": { "path": "$.street", "required": true }, "rooms": "$.rooms", "scheme": "$.scheme" });
    let raw = json!({"rooms": "many", "at": "yesterday", "scheme": ["x", {}], "rent": 1});
    let refused = mapped(fields, &raw).unwrap_err();
    assert_eq!(refused.external_id, None);
    // Identifier, date, title, rooms, street.
    assert_eq!(refused.reasons.len(), 5, "{:?}", refused.reasons);
}

#[test]
fn another_description_is_another_version_and_the_same_the_same() {
    let version = |path: &str| {
        let settings: InterfaceSettings = serde_json::from_value(json!({ "kind": "partner", "partners": {
            "path": "p", "records": "$", "id": "$.id", "fields": { "name": path } } }))
        .unwrap();
        version(&settings)
    };
    assert_eq!(version("$.name"), version("$.name"));
    assert_ne!(version("$.name"), version("$.title"));
}

#[test]
fn secrets_do_not_travel_in_the_clear() {
    let settings: SourceSettings = serde_json::from_value(json!({
        "id": "homes", "connector": "declarative", "base_url": "http://homes.example.nl",
        "interface": { "kind": "partner", "headers": { "X-API-KEY": { "env": "KEY" } }, "partners": {
            "path": "p", "records": "$", "id": "$.id", "fields": { "name": "$.name" } } },
    }))
    .unwrap();
    let error = build(&settings).err().unwrap();
    assert!(error.to_string().contains("base_url must be https"), "{error}");
}
