//! Maps a commitment, which is the alliance's own addition to the standard.

use entity::Brin;
use serde_json::Value;

use crate::connector::{Mapped, Refused};
use crate::record::{Capacity, Commitment, Record, Reference};
use crate::systems::fields::{Fields, identifier};

/// One commitment.
pub(super) fn map(raw: &Value) -> Result<Mapped, Refused> {
    let mut fields = Fields::new(raw);
    let external_id = fields.id("id");
    let modified_at = fields.instant(&["last_modified"]);
    let partner = fields.id("organization_id").map(Reference::External);
    let school = school(&mut fields);
    let title = fields.line(&["title"]);
    if title.is_none() {
        fields.fault("`title` is missing");
    }
    let status = fields.code(&["status"]);
    let capacity = capacity(&mut fields);
    let (starts_on, ends_on) = fields.term(&["starts_on"], &["ends_on"]);
    let record = partner.zip(school).map(|(partner, school)| Commitment {
        partner,
        school: Reference::Key(school),
        need: identifier(raw.get("need_id")),
        offer: identifier(raw.get("service_id")),
        title,
        status,
        status_at: None,
        capacity,
        starts_on,
        ends_on,
    });
    let mapped = external_id.clone().zip(record).map(|(external_id, commitment)| Mapped::Record {
        external_id,
        modified_at,
        record: Box::new(Record::Commitment(commitment)),
    });
    fields.finish(external_id, mapped)
}

fn school(fields: &mut Fields<'_>) -> Option<Brin> {
    let Some(code) = identifier(fields.get(&["school"])) else {
        fields.fault("`school` is missing");
        return None;
    };
    code.parse().map_err(|error| fields.fault(format!("`school`: {error}"))).ok()
}

fn capacity(fields: &mut Fields<'_>) -> Option<Capacity> {
    let given = fields.get(&["capacity"])?;
    fields.part(given, "capacity", |capacity| {
        let (amount, unit) = (capacity.amount(&["amount"]), capacity.code(&["unit"]));
        let is_absent = |key| identifier(capacity.get(&[key])).is_none();
        if is_absent("amount") != is_absent("unit") {
            capacity.fault("of `amount` and `unit` one is missing");
        }
        Some(Capacity { amount: amount?, unit: unit? })
    })
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::{CapacityUnit, CommitmentStatus};
    use serde_json::json;

    use super::*;

    fn commitment(raw: &Value) -> Commitment {
        let Ok(Mapped::Record { record, .. }) = map(raw) else { panic!("{:?}", map(raw)) };
        let Record::Commitment(commitment) = *record else { panic!("no commitment") };
        commitment
    }

    #[test]
    fn a_full_commitment_ties_partner_school_need_and_offer() {
        let commitment = commitment(&json!({"id": "c1", "organization_id": "o1", "service_id": "s1", "extra": null,
            "school": "99aa00", "need_id": "need-000123", "title": "Twee mentoren", "status": "ACTIVE",
            "capacity": {"amount": "2", "unit": "PEOPLE"}, "starts_on": "2026-09-01", "ends_on": "2036-07-31",
            "last_modified": "2026-11-01T09:00:00.000Z"}));
        assert_eq!(commitment.partner, Reference::External("o1".to_owned()));
        assert_eq!(commitment.school, Reference::Key("99AA00".parse().unwrap()));
        assert_eq!((commitment.need.as_deref(), commitment.offer.as_deref()), (Some("need-000123"), Some("s1")));
        assert_eq!(commitment.status, Some(CommitmentStatus::Active));
        assert_eq!(commitment.capacity, Some(Capacity { amount: 2.0, unit: CapacityUnit::People }));
        assert_eq!(commitment.ends_on.unwrap().to_string(), "2036-07-31");
    }

    #[test]
    fn a_commitment_may_be_to_a_school_in_general() {
        let raw = json!({"id": 1, "organization_id": 2, "school": "99AA00", "title": "Gastlessen", "capacity": {}});
        let commitment = commitment(&raw);
        assert_eq!(commitment.partner, Reference::External("2".to_owned()));
        assert_eq!((commitment.need, commitment.offer, commitment.status), (None, None, None));
        assert_eq!((commitment.capacity, commitment.starts_on), (None, None));
    }

    #[test]
    fn all_that_is_wrong_with_a_commitment_is_told_at_once() {
        let raw = json!({"id": "c1", "school": "99AA", "status": "PERHAPS", "capacity": {"amount": 2},
            "starts_on": "soon"});
        let refused = map(&raw).unwrap_err();
        // Partner, school, title, status, unit, first day.
        assert_eq!(refused.reasons.len(), 6, "{:?}", refused.reasons);
    }
}
