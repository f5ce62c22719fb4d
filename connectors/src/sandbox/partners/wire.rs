//! Services, organizations and commitments as the directory sends them.

mod terms;

use serde_json::{Value, json};

use self::terms::attributes;
pub(super) use self::terms::{has_term, terms};
use crate::sandbox::sample::{
    Commitment, LANGUAGES, Offer, Partner, Reach, brin_code, commitment_id, directory_id, need_id, organization_id,
    places, service_id, words,
};
use crate::sandbox::server::{decimal, instant};

/// Kinds of the ids of nested objects: nobody asks for these by id.
const AREA: u32 = 0x0a11_0100;
const LANGUAGE: u32 = 0x0a11_0200;
const SCHEDULE: u32 = 0x0a11_0300;
const AT_LOCATION: u32 = 0x0a11_0301;
const LOCATION: u32 = 0x0a11_0302;
const IDENTIFIER: u32 = 0x0a11_0303;
const CONTACT: u32 = 0x0a11_0304;
const PHONE: u32 = 0x0a11_0305;

/// A service; short as it stands in a list, or full.
pub(super) fn service(offer: &Offer, partner: Option<&Partner>, full: bool) -> Value {
    let theme = offer.themes.places().next().unwrap_or_default();
    let title = title_of(offer);
    let host = partner.map_or_else(|| "www.partner.example".to_owned(), host);
    let mut service = json!({
        "id": service_id(offer.number),
        "description": words::offer_description(&title, theme),
        "name": title,
        "url": format!("https://{host}/aanbod/{}", offer.number),
        "email": format!("aanbod@{}", host.trim_start_matches("www.")),
        "status": offer.status,
        "last_modified": instant(offer.modified),
        "organization": partner.map_or_else(
            // Its organization was taken away; the directory still knows which one it was.
            || json!({"id": organization_id(offer.partner)}),
            |partner| organization(partner, false),
        ),
    });
    if full && let (Value::Object(service), Value::Object(more)) = (&mut service, nested(offer, partner)) {
        service.extend(more);
    }
    offer.overlay.apply(service)
}

/// What only a full service has.
fn nested(offer: &Offer, partner: Option<&Partner>) -> Value {
    let term = offer.starts_on.is_some() || offer.ends_on.is_some();
    let languages: Vec<Value> = offer
        .languages
        .places()
        .zip(offer.languages.list(&LANGUAGES))
        .map(|(place, code)| {
            let name = words::LANGUAGE_NAMES.get(place).copied().unwrap_or(code);
            json!({"id": directory_id(LANGUAGE + number(place), offer.number), "name": name, "code": code})
        })
        .collect();
    json!({
        "attributes": attributes(offer),
        "service_areas": areas(offer),
        "languages": languages,
        "schedules": term.then(|| [json!({
            "id": directory_id(SCHEDULE, offer.number),
            "valid_from": offer.starts_on,
            "valid_to": offer.ends_on,
        })]),
        "service_at_locations": location(offer, partner).map(|location| [json!({
            "id": directory_id(AT_LOCATION, offer.number),
            "location": location,
        })]),
    })
}

fn areas(offer: &Offer) -> Vec<Value> {
    let area = |at: usize, name: &str, extent_type: &str, extent: String| {
        json!({
            "id": directory_id(AREA + number(at), offer.number),
            "name": name,
            "extent": extent,
            "extent_type": extent_type,
        })
    };
    match &offer.reach {
        Reach::National => vec![area(0, "Heel Nederland", "country", "NL".to_owned())],
        Reach::Region(slug) => {
            let regions = places::SHRINKING_REGIONS;
            let name = regions.iter().find(|(_, known)| known == slug).map_or(*slug, |(name, _)| *name);
            vec![area(0, name, "region", (*slug).to_owned())]
        }
        Reach::Municipalities(reached) => reached
            .iter()
            .map(|index| places::place_at(*index))
            .enumerate()
            .map(|(at, place)| area(at, place.name, "municipality", format!("GM{:04}", place.code)))
            .collect(),
        // A circle is said by the location and the radius.
        Reach::Circle { .. } => Vec::new(),
    }
}

/// Where it is given: always for a circle, which needs a middle, and for some of the others.
fn location(offer: &Offer, partner: Option<&Partner>) -> Option<Value> {
    if !matches!(offer.reach, Reach::Circle { .. }) && !offer.number.is_multiple_of(3) {
        return None;
    }
    let place = places::place_at(partner?.place);
    Some(json!({
        "id": directory_id(LOCATION, offer.number),
        "location_type": "physical",
        "name": place.name,
        "latitude": decimal(place.latitude, 5),
        "longitude": decimal(place.longitude, 5),
    }))
}

/// An organization; short as it stands in a list or in a service, or full.
pub(super) fn organization(partner: &Partner, full: bool) -> Value {
    let name = name_of(partner);
    let host = host(partner);
    let person = words::person(partner.number);
    let mut organization = json!({
        "id": organization_id(partner.number),
        "description": format!("{name} zet zich in voor basisscholen in en om {}.", places::place_at(partner.place).name),
        "email": format!("info@{}", host.trim_start_matches("www.")),
        "website": format!("https://{host}"),
        "legal_status": legal_status(partner.kind),
        "name": name,
    });
    if full && let Value::Object(organization) = &mut organization {
        let identifiers = partner.kvk.map(|kvk| {
            json!([{
                "id": directory_id(IDENTIFIER, partner.number),
                "identifier_scheme": "NL-KVK",
                "identifier_type": "KvK number",
                "identifier": format!("{kvk:08}"),
            }])
        });
        let contact = json!([{
            "id": directory_id(CONTACT, partner.number),
            "email": format!("{}@{}", words::slug(&person), host.trim_start_matches("www.")),
            "title": "Relatiebeheer onderwijs",
            "name": person,
        }]);
        let phone = json!([{"id": directory_id(PHONE, partner.number), "number": words::phone(partner.number)}]);
        organization.extend([
            ("organization_identifiers".to_owned(), identifiers.unwrap_or_default()),
            ("contacts".to_owned(), contact),
            ("phones".to_owned(), phone),
            ("attributes".to_owned(), json!([terms::kind_of_partner(partner)])),
        ]);
    }
    partner.overlay.apply(organization)
}

/// A commitment, in the alliance's own shape.
pub(super) fn commitment(commitment: &Commitment, offer: Option<&Offer>) -> Value {
    let theme = offer.and_then(|offer| offer.themes.places().next()).unwrap_or(5);
    commitment.overlay.apply(json!({
        "id": commitment_id(commitment.number),
        "organization_id": organization_id(commitment.partner),
        "service_id": commitment.offer.map(service_id),
        "school": brin_code(commitment.school),
        "need_id": commitment.need.map(need_id),
        "title": commitment.title.or_else(|seed| words::commitment_title(seed, theme)),
        "status": commitment.status,
        "capacity": commitment.capacity.map(|capacity| json!({
            "amount": decimal(capacity.amount, 1),
            "unit": capacity.unit,
        })),
        "starts_on": commitment.starts_on,
        "ends_on": commitment.ends_on,
        "last_modified": instant(commitment.modified),
    }))
}

fn title_of(offer: &Offer) -> String {
    let theme = offer.themes.places().next().unwrap_or_default();
    offer.title.or_else(|seed| words::offer_title(seed, theme))
}

fn name_of(partner: &Partner) -> String {
    partner.name.or_else(|seed| words::partner_name(seed, partner.kind, places::place_at(partner.place)))
}

fn host(partner: &Partner) -> String {
    format!("www.{}.example", words::slug(&name_of(partner)))
}

fn legal_status(kind: &str) -> &'static str {
    match kind {
        "COMPANY" => "Besloten vennootschap",
        "PUBLIC_BODY" => "Publiekrechtelijke rechtspersoon",
        "NEIGHBOURHOOD_ORGANISATION" => "Vereniging",
        _ => "Stichting",
    }
}

fn number(position: usize) -> u32 {
    crate::sandbox::sample::number(position)
}
