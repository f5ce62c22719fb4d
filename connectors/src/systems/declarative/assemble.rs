//! From the fields that a description has made of a raw record to a canonical one: the same strictness as everywhere,
//! and everything that is wrong told at once, by the name of the field.

use std::str::FromStr;

use super::target::Target;
use crate::record::{
    Address, Capacity, Commitment, Contact, Eligibility, HousingOption, HousingScheme, Municipality, Need, Offer,
    Partner, Record, Reference, School, SchoolBoard,
};
use crate::systems::fields::{Fields, identifier, items};
use entity::vocabulary::RecordType;

/// The record that the fields make. What is wrong is noted in `fields`.
pub(super) fn record(target: &Target, fields: &mut Fields<'_>) -> Option<Record> {
    for needed in target.needs {
        if needed.iter().all(|name| fields.get(&[name]).is_none()) {
            fields.fault(format!("`{}` is missing", needed.join("` or `")));
        }
    }
    match target.stream.records.first()? {
        RecordType::SchoolBoard => board(fields).map(Record::SchoolBoard),
        RecordType::School => school(fields).map(Record::School),
        RecordType::Partner => Some(Record::Partner(partner(fields))),
        RecordType::Need => need(fields).map(Record::Need),
        RecordType::Offer => offer(fields).map(Record::Offer),
        RecordType::Commitment => commitment(fields).map(Record::Commitment),
        RecordType::HousingScheme => scheme(fields).map(Record::HousingScheme),
        RecordType::HousingOption => home(fields).map(Record::HousingOption),
    }
}

fn board(fields: &mut Fields<'_>) -> Option<SchoolBoard> {
    let (number, kvk) = (key(fields, "number"), key(fields, "kvk"));
    Some(SchoolBoard { number: number?, name: fields.line(&["name"]), kvk })
}

fn school(fields: &mut Fields<'_>) -> Option<School> {
    let brin = brin(fields, "brin");
    let board = reference(fields, "board", |fields| key(fields, "board_number"));
    Some(School {
        name: fields.line(&["name"]),
        address: address(fields),
        location: fields.point(&["latitude"], &["longitude"]),
        denomination: fields.line(&["denomination"]),
        pupils: fields.count(&["pupils"]),
        disadvantage_score: fields.amount(&["disadvantage_score"]),
        website: fields.web_address(&["website"]),
        board,
        municipality: municipality(fields),
        brin: brin?,
    })
}

fn partner(fields: &mut Fields<'_>) -> Partner {
    Partner {
        name: fields.line(&["name"]),
        kind: fields.code(&["kind"]),
        kvk: key(fields, "kvk"),
        website: fields.web_address(&["website"]),
        description: fields.text(&["description"]),
        contact: contact(fields),
    }
}

fn need(fields: &mut Fields<'_>) -> Option<Need> {
    let school = reference(fields, "school", |fields| brin(fields, "school_brin"));
    let (starts_on, ends_on) = fields.term(&["starts_on"], &["ends_on"]);
    Some(Need {
        title: fields.line(&["title"]),
        description: fields.text(&["description"]),
        themes: fields.codes(&["themes"]),
        support_kinds: fields.codes(&["support_kinds"]),
        barriers: fields.codes(&["barriers"]),
        urgency: fields.code(&["urgency"]),
        status: fields.code(&["status"]),
        fte_asked: fields.amount(&["fte_asked"]),
        hours_per_week_asked: fields.amount(&["hours_per_week_asked"]),
        starts_on,
        ends_on,
        contact: contact(fields),
        school: school?,
    })
}

fn offer(fields: &mut Fields<'_>) -> Option<Offer> {
    let partner = reference(fields, "partner", |fields| key(fields, "partner_kvk"));
    let (starts_on, ends_on) = fields.term(&["starts_on"], &["ends_on"]);
    let (centre, radius_km) = (fields.point(&["latitude"], &["longitude"]), fields.amount(&["radius_km"]));
    if radius_km.is_some() && centre.is_none() {
        fields.fault("`radius_km` has no centre: `latitude` and `longitude` are missing");
    }
    Some(Offer {
        title: fields.line(&["title"]),
        description: fields.text(&["description"]),
        themes: fields.codes(&["themes"]),
        support_kinds: fields.codes(&["support_kinds"]),
        inputs: fields.codes(&["inputs"]),
        status: fields.code(&["status"]),
        national: fields.boolean(&["national"]),
        municipalities: municipalities(fields),
        regions: words(fields, "regions"),
        // A centre without a radius tells where somebody sits, not what they reach.
        centre: radius_km.and(centre),
        radius_km,
        capacity: capacity(fields),
        starts_on,
        ends_on,
        requires_vog: fields.boolean(&["requires_vog"]),
        vog_in_order: fields.boolean(&["vog_in_order"]),
        languages: words(fields, "languages"),
        partner: partner?,
    })
}

fn commitment(fields: &mut Fields<'_>) -> Option<Commitment> {
    let partner = reference(fields, "partner", |fields| key(fields, "partner_kvk"));
    let school = reference(fields, "school", |fields| brin(fields, "school_brin"));
    let (starts_on, ends_on) = fields.term(&["starts_on"], &["ends_on"]);
    Some(Commitment {
        need: id(fields, "need"),
        offer: id(fields, "offer"),
        title: fields.line(&["title"]),
        status: fields.code(&["status"]),
        status_at: fields.instant(&["status_at"]),
        capacity: capacity(fields),
        starts_on,
        ends_on,
        partner: partner?,
        school: school?,
    })
}

fn scheme(fields: &mut Fields<'_>) -> Option<HousingScheme> {
    let municipality = municipality(fields);
    let (valid_from, valid_until) = fields.term(&["valid_from"], &["valid_until"]);
    Some(HousingScheme {
        name: fields.line(&["name"]),
        status: fields.code(&["status"]),
        valid_from,
        valid_until,
        quota: fields.count(&["quota"]),
        used: fields.count(&["used"]),
        segments: fields.codes(&["segments"]),
        eligibility: eligibility(fields),
        registration_url: fields.web_address(&["registration_url"]),
        information_url: fields.web_address(&["information_url"]),
        municipality: municipality?,
    })
}

fn home(fields: &mut Fields<'_>) -> Option<HousingOption> {
    let municipality = municipality(fields);
    let provider = reference(fields, "provider", |fields| key(fields, "provider_kvk"));
    Some(HousingOption {
        title: fields.line(&["title"]),
        neighbourhood: fields.line(&["neighbourhood"]),
        address: address(fields),
        location: fields.point(&["latitude"], &["longitude"]),
        housing_type: fields.code(&["housing_type"]),
        segment: fields.code(&["segment"]),
        status: fields.code(&["status"]),
        homes: fields.count(&["homes"]),
        rent_cents: fields.whole_cents("rent"),
        service_costs_cents: fields.whole_cents("service_costs"),
        floor_area_m2: fields.amount(&["floor_area_m2"]),
        rooms: fields.count(&["rooms"]),
        available_from: fields.date(&["available_from"]),
        respond_before: fields.date(&["respond_before"]),
        contract_months: fields.count(&["contract_months"]),
        eligibility: eligibility(fields),
        provider,
        scheme: id(fields, "scheme"),
        apply_url: fields.web_address(&["apply_url"]),
        municipality: municipality?,
    })
}

/// An identifier. What is there and is none is told: a record without what it refers to would be another record.
fn id(fields: &mut Fields<'_>, name: &str) -> Option<String> {
    let id = identifier(fields.get(&[name]));
    if id.is_none() && fields.get(&[name]).is_some() {
        fields.fault(format!("`{name}` is no identifier"));
    }
    id
}

/// A key that the world knows a record by.
fn key<K: FromStr<Err = entity::InvalidIdentifier>>(fields: &mut Fields<'_>, name: &str) -> Option<K> {
    let text = id(fields, name)?;
    text.parse().map_err(|error| fields.fault(format!("`{name}`: {error}"))).ok()
}

/// The four characters of the institution alone stand for its main location.
fn brin(fields: &mut Fields<'_>, name: &str) -> Option<entity::Brin> {
    let code = id(fields, name)?;
    let code = if code.len() == 4 { format!("{code}00") } else { code };
    code.parse().map_err(|error| fields.fault(format!("`{name}`: {error}"))).ok()
}

/// A record by the key that the world knows it by, else by its identifier in the same source.
fn reference<K>(
    fields: &mut Fields<'_>,
    name: &str,
    key: impl FnOnce(&mut Fields<'_>) -> Option<K>,
) -> Option<Reference<K>> {
    key(fields).map(Reference::Key).or_else(|| id(fields, name).map(Reference::External))
}

fn address(fields: &mut Fields<'_>) -> Option<Address> {
    let address = Address {
        street: fields.line(&["street"]),
        house_number: fields.line(&["house_number"]),
        postcode: fields.line(&["postcode"]).map(crate::systems::fields::spaced),
        city: fields.line(&["city"]),
    };
    (address != Address::default()).then_some(address)
}

fn contact(fields: &mut Fields<'_>) -> Option<Contact> {
    let contact = Contact {
        name: fields.line(&["contact_name"]),
        email: fields.line(&["contact_email"]),
        phone: fields.line(&["contact_phone"]),
    };
    (contact != Contact::default()).then_some(contact)
}

fn municipality(fields: &mut Fields<'_>) -> Option<Municipality> {
    let name = fields.line(&["municipality_name"]);
    Some(Municipality { code: key(fields, "municipality")?, name, region: None })
}

fn municipalities(fields: &mut Fields<'_>) -> Option<Vec<Municipality>> {
    let mut municipalities: Vec<Municipality> = Vec::new();
    for text in words(fields, "municipalities")? {
        match text.parse() {
            Ok(code) if municipalities.iter().any(|known| known.code == code) => {}
            Ok(code) => municipalities.push(Municipality { code, name: None, region: None }),
            Err(error) => fields.fault(format!("`municipalities`: {error}")),
        }
    }
    Some(municipalities)
}

/// Texts, each once, in lower case: slugs, codes and tags, all of which are written so.
fn words(fields: &mut Fields<'_>, name: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for item in items(Some(fields.get(&[name])?)) {
        match identifier(Some(item)).map(|text| text.to_ascii_lowercase()) {
            Some(word) if words.contains(&word) => {}
            Some(word) => words.push(word),
            None => fields.fault(format!("`{name}` holds what is no text")),
        }
    }
    Some(words)
}

fn capacity(fields: &mut Fields<'_>) -> Option<Capacity> {
    let (amount, unit) = (fields.amount(&["capacity"]), fields.code(&["capacity_unit"]));
    let is_absent = |name| identifier(fields.get(&[name])).is_none();
    if is_absent("capacity") != is_absent("capacity_unit") {
        fields.fault("of `capacity` and `capacity_unit` one is missing");
    }
    Some(Capacity { amount: amount?, unit: unit? })
}

fn eligibility(fields: &mut Fields<'_>) -> Option<Eligibility> {
    let eligibility = Eligibility {
        teachers_only: fields.boolean(&["teachers_only"]),
        minimum_fte: fields.amount(&["minimum_fte"]),
        minimum_hours_per_week: fields.amount(&["minimum_hours_per_week"]),
        maximum_income_cents: fields.whole_cents("maximum_income"),
        minimum_income_cents: fields.whole_cents("minimum_income"),
        starters_only: fields.boolean(&["starters_only"]),
        via_employer: fields.boolean(&["via_employer"]),
        maximum_distance_km: fields.amount(&["maximum_distance_km"]),
        notes: fields.text(&["eligibility_notes"]),
    };
    (eligibility != Eligibility::default()).then_some(eligibility)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::target::{TARGETS, Takes};
    use super::*;

    /// A value that a field takes.
    fn value(name: &str, takes: Takes) -> Value {
        match (name, takes) {
            ("brin" | "school_brin", _) => json!("99AA00"),
            ("kvk" | "partner_kvk" | "provider_kvk", _) => json!("12345678"),
            ("number" | "board_number", _) => json!("99001"),
            ("municipality", _) => json!("GM0363"),
            ("municipalities", _) => json!(["GM0363"]),
            ("website" | "apply_url" | "registration_url" | "information_url", _) => json!("https://voorbeeld.example"),
            (_, Takes::Text) => json!("tekst"),
            (_, Takes::Number | Takes::Money) => json!(7),
            (_, Takes::Boolean) => json!(true),
            (_, Takes::Date) => json!("2026-11-23"),
            (_, Takes::Instant) => json!("2026-11-23T09:00:00Z"),
            (_, Takes::Code(vocabulary)) => json!(vocabulary.codes()[0]),
            (_, Takes::Codes(vocabulary)) => json!(vocabulary.codes()),
            (_, Takes::Texts) => json!(["nl"]),
        }
    }

    /// Whichever field is left out, the record is another, or none: no field is listed that nothing reads.
    #[test]
    fn every_field_that_can_be_described_is_read() {
        for target in TARGETS {
            let whole: Map<String, Value> =
                target.fields.iter().map(|(name, takes)| ((*name).to_owned(), value(name, *takes))).collect();
            let read = |map: &Map<String, Value>| {
                let raw = Value::Object(map.clone());
                let mut fields = Fields::new(&raw);
                let record = record(target, &mut fields);
                fields.finish(None, record)
            };
            let full = read(&whole).unwrap();
            for (name, _) in target.fields {
                let mut less = whole.clone();
                less.remove(*name);
                // Of two ways to name a record, the one that the world knows goes first.
                less.remove(match *name {
                    "partner" => "partner_kvk",
                    "school" => "school_brin",
                    "board" => "board_number",
                    "provider" => "provider_kvk",
                    _ => "",
                });
                assert_ne!(read(&less), Ok(full.clone()), "{}.{name}", target.stream.name);
            }
        }
    }
}
