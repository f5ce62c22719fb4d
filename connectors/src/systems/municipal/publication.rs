//! Maps a publication (publicatie) of one or more homes that are let alike. What it says of the home itself stands in
//! `home.rs`.

use entity::vocabulary::{HousingSegment, HousingStatus};
use serde_json::Value;

use super::{code, home, segment};
use crate::connector::{Mapped, Refused};
use crate::record::{Eligibility, HousingOption, Record};
use crate::systems::fields::{Fields, at, identifier, items};

/// One publication.
pub(super) fn map(raw: &Value) -> Result<Mapped, Refused> {
    let mut fields = Fields::new(raw);
    let external_id = fields.id("id");
    let homes: Vec<&Value> = items(raw.get("eenheden")).collect();
    let Some(&first) = homes.first() else {
        fields.fault("`eenheden` is missing");
        return fields.finish(external_id, None);
    };
    if let Some(reason) = home::none_of_ours(first) {
        return Ok(Mapped::Ignored(reason));
    }
    let status = status(&mut fields);
    let homes = number_of_homes(&mut fields, homes.len());
    let available_from = fields.date(&["opleverdatum"]);
    let respond_before = fields.date(&["einddatum"]);
    let apply_url = fields.web_address(&["reactieUrl"]).or_else(|| fields.web_address(&["advertentieUrl"]));
    let label = fields.line(&["label"]);
    let home = fields.part(first, "eenheden[0]", |home| home::read(home, label.as_deref()));
    let record = home.municipality.map(|municipality| HousingOption {
        title: home.title,
        municipality,
        neighbourhood: home.neighbourhood,
        address: home.address,
        location: home.location,
        housing_type: home.housing_type,
        segment: if home.is_shared { Some(HousingSegment::Shared) } else { published_segment(raw) },
        status,
        homes,
        rent_cents: home.rent_cents,
        service_costs_cents: home.service_costs_cents,
        floor_area_m2: home.floor_area_m2,
        rooms: home.rooms,
        available_from,
        respond_before,
        contract_months: at(raw, &["looptijd"]).and_then(Value::as_str).and_then(months),
        eligibility: (home.eligibility != Eligibility::default()).then_some(home.eligibility),
        provider: None,
        // The alliance's own addition to the standard.
        scheme: identifier(at(raw, &["voorrangsregeling", "id"])),
        apply_url,
    });
    let mapped = external_id.clone().zip(record).map(|(external_id, option)| Mapped::Record {
        external_id,
        modified_at: None,
        record: Box::new(Record::HousingOption(option)),
    });
    fields.finish(external_id, mapped)
}

/// Where it stands, by the codes of PUBLICATIESTATUS.
fn status(fields: &mut Fields<'_>) -> Option<HousingStatus> {
    let code = code(fields.get(&["status"]))?;
    let status = match code.as_str() {
        "GEP" => HousingStatus::Available,
        "AAN" => HousingStatus::Reserved,
        "AFG" => HousingStatus::Let,
        // Made ready or announced: nobody can respond to what is not yet public.
        "ING" | "GER" | "VOO" => HousingStatus::Withdrawn,
        _ => {
            fields.fault(format!("`status.code`: there is no PUBLICATIESTATUS `{code:.40}`"));
            return None;
        }
    };
    Some(status)
}

/// The segment by the modules it is published in; those of the free sector have a model of their own as well.
fn published_segment(raw: &Value) -> Option<HousingSegment> {
    let by_module = items(raw.get("modules")).filter_map(|module| code(Some(module))).find_map(|code| segment(&code));
    by_module.or_else(|| (code(at(raw, &["model"]))? == "VRI").then_some(HousingSegment::FreeSector))
}

/// How many homes: those still free, else all; else as many as are described.
fn number_of_homes(fields: &mut Fields<'_>, described: usize) -> Option<i32> {
    let free = fields.count(&["aantalEenhedenBeschikbaar"]);
    let all = fields.count(&["aantalEenheden"]);
    let described = i32::try_from(described).ok();
    [free, all, described].into_iter().flatten().find(|number| *number > 0)
}

/// `24 maanden`, `2 jaar` as months. The standard leaves the text free: what is neither is left out.
fn months(text: &str) -> Option<i32> {
    let text = text.trim().to_ascii_lowercase();
    let unit = text.trim_start_matches(|char: char| char.is_ascii_digit());
    let number: i32 = text.get(..text.len() - unit.len())?.parse().ok()?;
    let months_each = match unit.trim().trim_end_matches('.') {
        "maand" | "maanden" | "mnd" => 1,
        "jaar" | "jaren" | "jr" => 12,
        _ => return None,
    };
    number.checked_mul(months_each).filter(|months| *months > 0)
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::HousingType;
    use serde_json::json;

    use super::*;
    use crate::record::Address;

    fn option(raw: &Value) -> HousingOption {
        let Ok(Mapped::Record { record, .. }) = map(raw) else { panic!("{:?}", map(raw)) };
        let Record::HousingOption(option) = *record else { panic!("no home") };
        option
    }

    fn minimal() -> Value {
        json!({"id": 12, "eenheden": [{"brutohuur": "879.66",
            "adres": {"straatnaam": "Kade", "gemeente": {"code": "363"}}}]})
    }

    #[test]
    fn a_full_publication_is_a_home_with_everything() {
        let option = option(&json!({"id": "pub-1", "status": {"code": "GEP", "naam": "Gepubliceerd"}, "extra": [],
            "begindatum": "2026-11-01T00:00:00Z", "einddatum": "2026-12-01T00:00:00Z",
            "opleverdatum": "2027-01-01T00:00:00+01:00", "looptijd": "24 maanden", "aantalEenheden": 8,
            "aantalEenhedenBeschikbaar": 3, "model": {"code": "AAN"}, "modules": [{"code": "SOC"}],
            "reactieUrl": "https://wonen.example/1/reageer", "advertentieUrl": "https://wonen.example/1",
            "voorrangsregeling": {"id": "vr-0363"},
            "eenheden": [{"id": "e1", "naam": "Kade 12A-2, Amsterdam", "soort": {"code": "WOO"},
                "detailSoort": {"code": "POF"}, "zelfstandig": true, "kamersAantal": 2, "brutohuur": 905.1,
                "prijscomponenten": [{"soort": {"code": "NET"}, "bedrag": 850.05},
                    {"soort": {"code": "SER"}, "bedrag": 40}, {"soort": {"code": "SER"}, "bedrag": 15.05}],
                "oppervlakten": [{"soort": {"code": "BVO"}, "waarde": 71}, {"soort": {"code": "GBO"}, "waarde": 58.5}],
                "adres": {"straatnaam": "Kade", "huisnummer": "12", "huisletter": "A", "huisnummerToevoeging": "2",
                    "postcode": "1012AB", "woonplaats": {"naam": "Amsterdam"},
                    "gemeente": {"code": "0363", "naam": "Amsterdam"}, "wijk": {"naam": "Centrum"},
                    "buurt": {"naam": "Oude Kade"},
                    "geometrie": {"soort": {"code": "PUN"}, "lengtegraad": 4.9, "breedtegraad": 52.37}},
                "criteria": [{"soort": {"code": "URG"}, "detailsoort": {"code": "BER"}, "toepassing": {"code": "SEL"},
                    "aantalOndergrens": 20}], "voorwaarden": {"maximuminkomen": 54000}}]}));
        assert_eq!(option.title.as_deref(), Some("Kade 12A-2, Amsterdam"));
        assert_eq!(option.municipality.code.as_str(), "GM0363");
        assert_eq!(option.neighbourhood.as_deref(), Some("Oude Kade"));
        let address = Address {
            street: Some("Kade".to_owned()),
            house_number: Some("12A-2".to_owned()),
            postcode: Some("1012 AB".to_owned()),
            city: Some("Amsterdam".to_owned()),
        };
        assert_eq!(option.address, Some(address));
        assert_eq!(option.location.unwrap().latitude, 52.37);
        assert_eq!(option.housing_type, Some(HousingType::Apartment));
        assert_eq!((option.segment, option.status), (Some(HousingSegment::Social), Some(HousingStatus::Available)));
        assert_eq!((option.rent_cents, option.service_costs_cents), (Some(85_005), Some(5_505)));
        assert_eq!((option.floor_area_m2, option.rooms, option.homes), (Some(58.5), Some(2), Some(3)));
        assert_eq!(option.available_from.unwrap().to_string(), "2027-01-01");
        assert_eq!(option.respond_before.unwrap().to_string(), "2026-12-01");
        assert_eq!(option.contract_months, Some(24));
        let eligibility = option.eligibility.unwrap();
        assert_eq!((eligibility.teachers_only, eligibility.minimum_hours_per_week), (Some(true), Some(20.0)));
        assert_eq!(eligibility.maximum_income_cents, Some(5_400_000));
        assert_eq!(option.scheme.as_deref(), Some("vr-0363"));
        assert_eq!(option.apply_url.as_deref(), Some("https://wonen.example/1/reageer"));
    }

    #[test]
    fn a_publication_may_be_nothing_but_rent_and_place() {
        let raw = minimal();
        let Ok(Mapped::Record { external_id, .. }) = map(&raw) else { panic!("refused") };
        assert_eq!(external_id, "12");
        let option = option(&raw);
        assert_eq!((option.title.as_deref(), option.rent_cents), (Some("Kade"), Some(87_966)));
        assert_eq!((option.status, option.segment, option.housing_type), (None, None, None));
        assert_eq!((option.homes, option.eligibility, option.location), (Some(1), None, None));
    }

    #[test]
    fn what_is_not_yet_public_is_withdrawn_and_unknown_codes_do_not_pass() {
        let mut raw = minimal();
        for (code, status) in
            [("GER", HousingStatus::Withdrawn), ("VOO", HousingStatus::Withdrawn), ("AFG", HousingStatus::Let)]
        {
            raw["status"] = json!({"code": code});
            assert_eq!(option(&raw).status, Some(status), "{code}");
        }
        raw["status"] = json!({"code": "XYZ"});
        assert_eq!(map(&raw).unwrap_err().reasons, ["`status.code`: there is no PUBLICATIESTATUS `XYZ`"]);
    }

    #[test]
    fn the_segment_follows_from_the_room_the_module_and_the_model_in_this_order() {
        let mut raw = minimal();
        raw["model"] = json!({"code": "VRI"});
        assert_eq!(option(&raw).segment, Some(HousingSegment::FreeSector));
        raw["modules"] = json!([{"code": "KOO"}, {"code": "MID"}]);
        assert_eq!(option(&raw).segment, Some(HousingSegment::MidRent));
        raw["eenheden"][0]["zelfstandig"] = json!(false);
        assert_eq!(option(&raw).segment, Some(HousingSegment::Shared));
    }

    #[test]
    fn homes_are_those_still_free_else_all_else_those_described() {
        let mut raw = minimal();
        raw["eenheden"] = json!([raw["eenheden"][0], raw["eenheden"][0]]);
        assert_eq!(option(&raw).homes, Some(2));
        raw["aantalEenheden"] = json!(24);
        raw["aantalEenhedenBeschikbaar"] = json!(0);
        assert_eq!(option(&raw).homes, Some(24));
    }

    #[test]
    fn a_term_is_read_where_it_is_one() {
        assert_eq!(months("24 maanden"), Some(24));
        assert_eq!(months(" 2 Jaar"), Some(24));
        for text in ["", "24", "onbepaald", "twee jaar", "0 maanden", "9999999999 jaar", "2\u{a0}jaar en een dag"] {
            assert_eq!(months(text), None, "{text}");
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_publication_is_told_at_once() {
        let raw = json!({"id": "p", "status": {"code": "?"}, "einddatum": "morgen", "aantalEenheden": -1, "eenheden": [
            {"kamersAantal": 1.5, "adres": {"geometrie": {"breedtegraad": 52}}}]});
        let refused = map(&raw).unwrap_err();
        assert_eq!(refused.external_id.as_deref(), Some("p"));
        // Status, end, number; and of the home: title, municipality, rent, rooms, half a point.
        assert_eq!(refused.reasons.len(), 8, "{:?}", refused.reasons);
    }

    #[test]
    fn a_publication_without_homes_is_refused() {
        assert_eq!(map(&json!({"id": 1, "eenheden": []})).unwrap_err().reasons, ["`eenheden` is missing"]);
    }
}
