//! Maps a municipality's priority scheme (voorrangsregeling), which is the alliance's own addition to the standard.

use entity::vocabulary::SchemeStatus;
use entity::{Code, CodeSet};
use serde_json::Value;

use super::{code, municipality, segment};
use crate::connector::{Mapped, Refused};
use crate::record::{Eligibility, HousingScheme, Record};
use crate::systems::fields::{Fields, items};

/// One scheme.
pub(super) fn map(raw: &Value) -> Result<Mapped, Refused> {
    let mut fields = Fields::new(raw);
    let external_id = fields.id("id");
    let municipality = municipality(&mut fields, &["gemeente"]);
    let name = fields.line(&["naam"]);
    if name.is_none() {
        fields.fault("`naam` is missing");
    }
    let (valid_from, valid_until) = fields.term(&["begindatum"], &["einddatum"]);
    if valid_from.is_none() {
        fields.fault("`begindatum` is missing");
    }
    let status = status(&mut fields);
    let segments = segments(&mut fields);
    let eligibility = eligibility(&mut fields);
    let (quota, used) = (fields.count(&["quotum"]), fields.count(&["gebruikt"]));
    let record = municipality.map(|municipality| HousingScheme {
        name,
        municipality,
        status,
        valid_from,
        valid_until,
        quota,
        used,
        segments,
        eligibility: (eligibility != Eligibility::default()).then_some(eligibility),
        registration_url: fields.web_address(&["inschrijfUrl"]),
        information_url: fields.web_address(&["informatieUrl"]),
    });
    let mapped = external_id.clone().zip(record).map(|(external_id, scheme)| Mapped::Record {
        external_id,
        modified_at: None,
        record: Box::new(Record::HousingScheme(scheme)),
    });
    fields.finish(external_id, mapped)
}

/// Where it stands: the hub's code, or a Dutch one as the standard's are.
fn status(fields: &mut Fields<'_>) -> Option<SchemeStatus> {
    let code = code(fields.get(&["status"]))?;
    let status = SchemeStatus::from_code(&code).or_else(|| {
        Some(match code.as_str() {
            "OPE" => SchemeStatus::Open,
            "OPG" | "OPGESCHORT" => SchemeStatus::Suspended,
            "GES" | "GESLOTEN" => SchemeStatus::Closed,
            "AAN" | "AANGEKONDIGD" => SchemeStatus::Announced,
            _ => return None,
        })
    });
    if status.is_none() {
        fields.fault(format!("`status.code`: there is no {} `{code:.40}`", SchemeStatus::VOCABULARY));
    }
    status
}

fn segments(fields: &mut Fields<'_>) -> Option<CodeSet<entity::vocabulary::HousingSegment>> {
    let list = fields.get(&["segmenten"])?;
    let codes: Vec<String> = items(Some(list)).filter_map(|item| code(Some(item))).collect();
    let mut segments = Vec::new();
    for code in codes {
        match segment(&code) {
            Some(segment) => segments.push(segment),
            None => fields.fault(format!("`segmenten`: there is no segment `{code:.40}`")),
        }
    }
    Some(segments.into_iter().collect())
}

fn eligibility(fields: &mut Fields<'_>) -> Eligibility {
    Eligibility {
        teachers_only: fields.boolean(&["voorwaarden", "alleenLeerkrachten"]),
        minimum_fte: fields.amount(&["voorwaarden", "minimumFte"]),
        minimum_hours_per_week: fields.amount(&["voorwaarden", "minimumUrenPerWeek"]),
        maximum_income_cents: fields.cents(&["voorwaarden", "maximuminkomen"]),
        minimum_income_cents: fields.cents(&["voorwaarden", "minimuminkomen"]),
        starters_only: fields.boolean(&["voorwaarden", "alleenStarters"]),
        via_employer: fields.boolean(&["voorwaarden", "viaWerkgever"]),
        maximum_distance_km: fields.amount(&["voorwaarden", "maximumAfstandKm"]),
        notes: fields.text(&["voorwaarden", "toelichting"]),
    }
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::HousingSegment;
    use serde_json::json;

    use super::*;

    fn scheme(raw: &Value) -> HousingScheme {
        let Ok(Mapped::Record { record, .. }) = map(raw) else { panic!("{:?}", map(raw)) };
        let Record::HousingScheme(scheme) = *record else { panic!("no scheme") };
        scheme
    }

    #[test]
    fn a_full_scheme_says_who_qualifies() {
        let scheme = scheme(&json!({"id": "vr-0363", "naam": "Voorrang voor leerkrachten", "extra": {},
            "gemeente": {"code": "0363", "naam": "Amsterdam"}, "status": {"code": "OPG", "naam": "Opgeschort"},
            "begindatum": "2026-01-01T00:00:00Z", "einddatum": "2026-12-31", "quotum": 150, "gebruikt": "87",
            "segmenten": [{"code": "SOCIAL"}, {"code": "MID"}],
            "voorwaarden": {"alleenLeerkrachten": true, "minimumFte": 0.6, "maximuminkomen": 81000.5,
                "viaWerkgever": "false", "maximumAfstandKm": 30, "toelichting": "Per kalenderjaar."},
            "inschrijfUrl": "https://gemeente.example/voorrang", "informatieUrl": "geen"}));
        assert_eq!(scheme.municipality.code.as_str(), "GM0363");
        assert_eq!(scheme.status, Some(SchemeStatus::Suspended));
        assert_eq!((scheme.quota, scheme.used), (Some(150), Some(87)));
        let segments: Vec<_> = scheme.segments.unwrap().iter().collect();
        assert_eq!(segments, [HousingSegment::Social, HousingSegment::MidRent]);
        let eligibility = scheme.eligibility.unwrap();
        assert_eq!(eligibility.maximum_income_cents, Some(8_100_050));
        assert_eq!((eligibility.teachers_only, eligibility.via_employer), (Some(true), Some(false)));
        assert_eq!(eligibility.starters_only, None);
        assert!(scheme.registration_url.is_some() && scheme.information_url.is_none());
    }

    #[test]
    fn a_scheme_may_be_nothing_but_name_place_and_date() {
        let raw = json!({"id": 7, "naam": "Voorrang", "gemeente": {"code": 34}, "begindatum": "2026-01-01",
            "status": null});
        let scheme = scheme(&raw);
        assert_eq!(scheme.municipality.code.as_str(), "GM0034");
        assert_eq!((scheme.status, scheme.segments, scheme.eligibility), (None, None, None));
    }

    #[test]
    fn a_status_is_the_hubs_code_or_a_dutch_one() {
        for (code, status) in
            [("open", SchemeStatus::Open), ("GESLOTEN", SchemeStatus::Closed), ("AAN", SchemeStatus::Announced)]
        {
            let raw = json!({"id": 1, "naam": "V", "gemeente": {"code": "0363"}, "begindatum": "2026-01-01",
                "status": {"code": code}});
            assert_eq!(scheme(&raw).status, Some(status));
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_scheme_is_told_at_once() {
        let raw = json!({"id": "vr", "gemeente": {"naam": "Amsterdam"}, "status": {"code": "ZZZ"}, "quotum": 1.5,
            "segmenten": [{"code": "KOOP"}], "voorwaarden": {"alleenLeerkrachten": "ja"}});
        let refused = map(&raw).unwrap_err();
        assert_eq!(refused.external_id.as_deref(), Some("vr"));
        assert_eq!(refused.reasons.len(), 7, "{:?}", refused.reasons);
    }
}
