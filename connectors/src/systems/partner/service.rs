//! Maps a service to an offer.

use entity::vocabulary::OfferStatus;
use entity::{Code, GeoPoint, MunicipalityCode};
use serde_json::Value;

use super::attributes::Attributes;
use crate::connector::{Mapped, Refused};
use crate::record::{Municipality, Offer, Record, Reference};
use crate::systems::fields::{Fields, at, identifier, items};

/// One service.
pub(super) fn map(raw: &Value) -> Result<Mapped, Refused> {
    let mut fields = Fields::new(raw);
    let external_id = fields.id("id");
    let modified_at = fields.instant(&["last_modified"]);
    let title = fields.line(&["name"]);
    if title.is_none() {
        fields.fault("`name` is missing");
    }
    let organization = at(raw, &["organization", "id"]).or_else(|| at(raw, &["organization_id"]));
    let partner = identifier(organization).map(Reference::External);
    if partner.is_none() {
        fields.fault("`organization.id` is missing");
    }
    let status = status(&mut fields);
    let attributes = Attributes::read(&mut fields);
    if attributes.themes.is_empty() {
        fields.fault("it has no theme: `attributes` holds no term of onderwijsalliantie:theme");
    }
    let areas = Areas::read(&mut fields);
    let description = fields.text(&["description"]);
    let centre = attributes.radius_km.and_then(|_| centre(&mut fields));
    let (starts_on, ends_on) = term(&mut fields);
    let record = partner.map(|partner| Offer {
        partner,
        title,
        description,
        themes: some(attributes.themes),
        support_kinds: some(attributes.support_kinds),
        inputs: some(attributes.inputs),
        status,
        national: areas.as_ref().map(|areas| areas.national),
        municipalities: areas.as_ref().map(|areas| areas.municipalities.clone()),
        regions: areas.map(|areas| areas.regions),
        centre,
        radius_km: attributes.radius_km,
        capacity: attributes.capacity,
        starts_on,
        ends_on,
        requires_vog: Some(attributes.requires_vog),
        vog_in_order: attributes.vog_in_order,
        languages: languages(raw),
    });
    let mapped = external_id.clone().zip(record).map(|(external_id, offer)| Mapped::Record {
        external_id,
        modified_at,
        record: Box::new(Record::Offer(offer)),
    });
    fields.finish(external_id, mapped)
}

fn status(fields: &mut Fields<'_>) -> Option<OfferStatus> {
    let text = fields.line(&["status"])?;
    let status = match text.to_ascii_lowercase().replace(['_', '-'], " ").as_str() {
        "active" => OfferStatus::Published,
        "temporarily closed" => OfferStatus::Paused,
        "inactive" => OfferStatus::Exhausted,
        "defunct" => OfferStatus::Ended,
        _ => {
            fields.fault(format!("`status`: there is no service status `{text:.40}`"));
            return None;
        }
    };
    Some(status)
}

fn some<C: Code>(values: Vec<C>) -> Option<entity::CodeSet<C>> {
    (!values.is_empty()).then(|| values.into_iter().collect())
}

/// Where the service is to be had.
#[derive(Default)]
struct Areas {
    national: bool,
    municipalities: Vec<Municipality>,
    regions: Vec<String>,
}

impl Areas {
    /// Reads `service_areas`. HSDS leaves the types of extent free: those that the hub does not know are left alone.
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let list = fields.get(&["service_areas"])?;
        let mut areas = Self::default();
        for (index, area) in items(Some(list)).enumerate() {
            let kind =
                at(area, &["extent_type"]).and_then(Value::as_str).unwrap_or_default().trim().to_ascii_lowercase();
            let Some(extent) = identifier(area.get("extent")) else { continue };
            match kind.as_str() {
                "municipality" => match extent.parse::<MunicipalityCode>() {
                    Ok(code) => areas.add_municipality(code),
                    Err(error) => fields.fault(format!("`service_areas[{index}]`: `extent`: {error}")),
                },
                "region" => areas.add_region(extent.to_ascii_lowercase()),
                "country" if extent.eq_ignore_ascii_case("NL") => areas.national = true,
                _ => {}
            }
        }
        Some(areas)
    }

    /// Adds a municipality. An area's name is its describer's, and so not taken for the municipality's.
    fn add_municipality(&mut self, code: MunicipalityCode) {
        if self.municipalities.iter().all(|known| known.code != code) {
            self.municipalities.push(Municipality { code, name: None, region: None });
        }
    }

    fn add_region(&mut self, slug: String) {
        if !self.regions.contains(&slug) {
            self.regions.push(slug);
        }
    }
}

/// The centre of the circle that the service reaches: the first place where it is given.
fn centre(fields: &mut Fields<'_>) -> Option<GeoPoint> {
    let first = items(fields.get(&["service_at_locations"])).next().unwrap_or(&Value::Null);
    fields.part(first, "service_at_locations[0]", |place| {
        let (latitude, longitude) = (["location", "latitude"], ["location", "longitude"]);
        if place.get(&latitude).or_else(|| place.get(&longitude)).is_none() {
            place.fault("`location` has no coordinates, and so the radius no centre");
            return None;
        }
        place.point(&latitude, &longitude)
    })
}

/// The first and last day of the first schedule that has them: others tell of opening hours alone.
fn term(fields: &mut Fields<'_>) -> (Option<chrono::NaiveDate>, Option<chrono::NaiveDate>) {
    let has_days = |schedule: &&Value| at(schedule, &["valid_from"]).is_some() || at(schedule, &["valid_to"]).is_some();
    match items(fields.get(&["schedules"])).find(has_days) {
        Some(schedule) => fields.part(schedule, "schedules", |schedule| schedule.term(&["valid_from"], &["valid_to"])),
        None => (None, None),
    }
}

/// Codes of its languages, each once. What is no such code is left out: nobody loses an offer over it.
fn languages(raw: &Value) -> Option<Vec<String>> {
    let mut languages = Vec::new();
    for language in items(Some(at(raw, &["languages"])?)) {
        let code = identifier(language.get("code")).unwrap_or_default().to_ascii_lowercase().replace('_', "-");
        if is_language_tag(&code) && !languages.contains(&code) {
            languages.push(code);
        }
    }
    Some(languages)
}

/// Whether `code` looks like a BCP 47 tag: a language of two or three letters, and further parts of eight at most.
fn is_language_tag(code: &str) -> bool {
    let mut parts = code.split('-');
    parts.next().is_some_and(|part| matches!(part.len(), 2 | 3) && part.bytes().all(|byte| byte.is_ascii_lowercase()))
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::{CapacityUnit, InputKind, SupportKind, Theme};
    use serde_json::json;

    use super::*;
    use crate::record::Capacity;

    fn offer(raw: &Value) -> Offer {
        let Ok(Mapped::Record { record, .. }) = map(raw) else { panic!("{:?}", map(raw)) };
        let Record::Offer(offer) = *record else { panic!("no offer") };
        offer
    }

    fn term_of(taxonomy: &str, code: &str, value: &str) -> Value {
        json!({"value": value, "taxonomy_term": {"code": code, "taxonomy": format!("onderwijsalliantie:{taxonomy}")}})
    }

    fn minimal() -> Value {
        json!({"id": 5, "name": "Gastlessen", "organization": {"id": 3},
            "attributes": [term_of("theme", "TALENT_DEVELOPMENT", "")]})
    }

    #[test]
    fn a_full_service_is_an_offer_with_everything() {
        let offer = offer(&json!({"id": "s1", "name": "Mentoren", "description": "Uit de wijk.", "status": "active",
            "last_modified": "2026-11-01T09:00:00.000Z", "organization": {"id": "o1", "name": "x"}, "extra": 1,
            "attributes": [term_of("theme", "NEIGHBOURHOOD_MENTORS", ""), term_of("support_kind", "VISIBILITY", ""),
                term_of("input", "people", ""), term_of("capacity", "HOURS_PER_WEEK", "12.5"),
                term_of("certificate", "VOG_REQUIRED", "true"), term_of("certificate", "VOG_IN_ORDER", "true"),
                term_of("radius_km", "RADIUS_KM", "15")],
            "service_areas": [{"extent_type": "municipality", "extent": "GM0363"},
                {"extent_type": "Municipality", "extent": "363"}, {"extent_type": "region", "extent": "Twente"},
                {"extent_type": "geojson", "extent": "{}"}, {"extent_type": "country", "extent": "nl"}, {}],
            "service_at_locations": [{"location": {"latitude": 52.3, "longitude": 4.9}}],
            "schedules": [{"opens_at": "10:00"}, {"valid_from": "2026-09-01", "valid_to": "2027-07-01"}],
            "languages": [{"code": "nl"}, {"code": "EN"}, {"code": "nl"}, {"name": "Turks"}, {"code": "Dutch"}]}));
        assert_eq!(offer.partner, Reference::External("o1".to_owned()));
        assert_eq!((offer.title.as_deref(), offer.status), (Some("Mentoren"), Some(OfferStatus::Published)));
        assert_eq!(offer.themes.unwrap().iter().collect::<Vec<_>>(), [Theme::NeighbourhoodMentors]);
        assert_eq!(offer.support_kinds.unwrap().iter().collect::<Vec<_>>(), [SupportKind::Visibility]);
        assert_eq!(offer.inputs.unwrap().iter().collect::<Vec<_>>(), [InputKind::People]);
        assert_eq!(offer.capacity, Some(Capacity { amount: 12.5, unit: CapacityUnit::HoursPerWeek }));
        assert_eq!((offer.requires_vog, offer.vog_in_order), (Some(true), Some(true)));
        assert_eq!((offer.radius_km, offer.centre), (Some(15.0), GeoPoint::new(52.3, 4.9)));
        assert_eq!(offer.national, Some(true));
        let municipalities: Vec<_> = offer.municipalities.iter().flatten().map(|area| area.code.as_str()).collect();
        assert_eq!(municipalities, ["GM0363"]);
        assert_eq!(offer.regions.unwrap(), ["twente"]);
        assert_eq!(offer.languages.unwrap(), ["nl", "en"]);
        assert_eq!(offer.starts_on.unwrap().to_string(), "2026-09-01");
        assert_eq!(offer.ends_on.unwrap().to_string(), "2027-07-01");
    }

    #[test]
    fn an_offer_may_be_nothing_but_name_partner_and_theme() {
        let raw = minimal();
        let Ok(Mapped::Record { external_id, modified_at, .. }) = map(&raw) else { panic!("refused") };
        assert_eq!((external_id.as_str(), modified_at), ("5", None));
        let offer = offer(&raw);
        assert_eq!(offer.partner, Reference::External("3".to_owned()));
        assert_eq!((offer.status, offer.national, offer.languages), (None, None, None));
        assert_eq!((offer.support_kinds, offer.capacity, offer.centre), (None, None, None));
    }

    #[test]
    fn every_status_of_the_standard_has_its_own() {
        let mut raw = minimal();
        for (text, status) in [
            ("temporarily closed", OfferStatus::Paused),
            ("inactive", OfferStatus::Exhausted),
            ("Defunct", OfferStatus::Ended),
        ] {
            raw["status"] = json!(text);
            assert_eq!(offer(&raw).status, Some(status));
        }
    }

    #[test]
    fn a_place_off_the_earth_matters_only_to_a_circle() {
        let mut raw = minimal();
        raw["service_at_locations"] = json!([{"location": {"latitude": 100, "longitude": 101}}]);
        assert_eq!(offer(&raw).centre, None);
        raw["attributes"] = json!([term_of("theme", "LEGAL", ""), term_of("radius_km", "RADIUS_KM", "5")]);
        assert!(map(&raw).is_err());
    }

    #[test]
    fn all_that_is_wrong_with_a_service_is_told_at_once() {
        let raw = json!({"id": "s1", "status": "gone", "last_modified": "yesterday",
            "attributes": [term_of("theme", "MAGIC", ""), term_of("radius_km", "RADIUS_KM", "15")],
            "service_areas": [{"extent_type": "municipality", "extent": "Amsterdam"}],
            "schedules": [{"valid_from": "2027-01-01", "valid_to": "2026-01-01"}]});
        let refused = map(&raw).unwrap_err();
        assert_eq!(refused.external_id.as_deref(), Some("s1"));
        // Change, name, partner, status, the theme's code, no theme, area, centre, schedule.
        assert_eq!(refused.reasons.len(), 9, "{:?}", refused.reasons);
    }
}
