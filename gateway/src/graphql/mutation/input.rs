//! Values that several inputs are made of, and the rules of the mutations that take many records at once.

use std::collections::HashSet;

use async_graphql::InputObject;
use connectors::record;
use connectors::sync::push::{Outcome, Push};
use entity::vocabulary::CapacityUnit;
use entity::{GeoPoint, MunicipalityCode};
use sea_orm::prelude::Uuid;

use super::answer::{RecordAnswer, UpsertOutcome, UserError, UserErrorCode};
use super::checks::Checks;
use crate::graphql::vocabulary::Term;
use entity::vocabulary::ChangeAction;

/// No call takes more records.
pub(super) const MOST: usize = 500;

/// Whom to speak to. Shown only to parties that may see it.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct ContactInput {
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// How much is offered or committed.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct CapacityInput {
    /// How much, in `unit`; more than 0.
    pub amount: f64,
    /// Its unit.
    pub unit: Term<CapacityUnit>,
}

/// A point on the earth (WGS 84).
#[derive(Clone, Debug, InputObject)]
pub(crate) struct LocationInput {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// A postal address; parts may be missing.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct AddressInput {
    /// Street, without the house number.
    pub street: Option<String>,
    /// House number with letter and addition.
    pub house_number: Option<String>,
    /// Postcode, `1234 AB`.
    pub postcode: Option<String>,
    /// Place (woonplaats).
    pub city: Option<String>,
}

/// Who qualifies for a home or a scheme.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct HousingEligibilityInput {
    /// Whether only teachers qualify.
    pub teachers_only: Option<bool>,
    /// Least employment, in FTE.
    pub minimum_fte: Option<f64>,
    /// Least employment, in hours a week.
    pub minimum_hours_per_week: Option<f64>,
    /// Highest yearly income, in cents EUR.
    pub maximum_income_cents: Option<i64>,
    /// Lowest yearly income, in cents EUR.
    pub minimum_income_cents: Option<i64>,
    /// Whether only starters on the housing market qualify.
    pub starters_only: Option<bool>,
    /// Whether the employer applies, and not the teacher.
    pub via_employer: Option<bool>,
    /// Farthest present home, in kilometres.
    pub maximum_distance_km: Option<f64>,
    /// What else decides, in words.
    pub notes: Option<String>,
}

impl ContactInput {
    pub(super) fn check(&self, checks: &mut Checks) -> record::Contact {
        checks.within("contact", |checks| record::Contact {
            name: checks.line("name", self.name.as_deref()),
            email: checks.email("email", self.email.as_deref()),
            phone: checks.phone("phone", self.phone.as_deref()),
        })
    }
}

impl CapacityInput {
    pub(super) fn check(&self, checks: &mut Checks) -> record::Capacity {
        checks.within("capacity", |checks| {
            checks.positive("amount", Some(self.amount));
            record::Capacity { amount: self.amount, unit: self.unit.0 }
        })
    }
}

impl LocationInput {
    pub(super) fn check(&self, name: &str, checks: &mut Checks) -> Option<GeoPoint> {
        let point = GeoPoint::new(self.latitude, self.longitude);
        if point.is_none() {
            checks.fault(name, UserErrorCode::Invalid, "This is no point on the earth: see latitude and longitude.");
        }
        point
    }
}

impl AddressInput {
    pub(super) fn check(&self, checks: &mut Checks) -> record::Address {
        checks.within("address", |checks| record::Address {
            street: checks.line("street", self.street.as_deref()),
            house_number: checks.line("houseNumber", self.house_number.as_deref()),
            postcode: checks.postcode("postcode", self.postcode.as_deref()),
            city: checks.line("city", self.city.as_deref()),
        })
    }
}

impl HousingEligibilityInput {
    pub(super) fn check(&self, checks: &mut Checks) -> record::Eligibility {
        checks.within("eligibility", |checks| {
            checks.positive("minimumFte", self.minimum_fte);
            checks.positive("minimumHoursPerWeek", self.minimum_hours_per_week);
            checks.positive("maximumDistanceKm", self.maximum_distance_km);
            checks.not_negative("maximumIncomeCents", self.maximum_income_cents);
            checks.not_negative("minimumIncomeCents", self.minimum_income_cents);
            if self.minimum_income_cents.zip(self.maximum_income_cents).is_some_and(|(least, most)| least > most) {
                let message = "The lowest income is above the highest.";
                checks.fault("minimumIncomeCents", UserErrorCode::Invalid, message);
            }
            record::Eligibility {
                teachers_only: self.teachers_only,
                minimum_fte: self.minimum_fte,
                minimum_hours_per_week: self.minimum_hours_per_week,
                maximum_income_cents: self.maximum_income_cents,
                minimum_income_cents: self.minimum_income_cents,
                starters_only: self.starters_only,
                via_employer: self.via_employer,
                maximum_distance_km: self.maximum_distance_km,
                notes: checks.text("notes", self.notes.as_deref()),
            }
        })
    }
}

/// A municipality as records name it.
pub(super) fn municipality(code: MunicipalityCode) -> record::Municipality {
    record::Municipality { code, name: None, region: None }
}

/// What is wrong with a call of so many records. `None`: nothing.
pub(super) fn too_many(field: &str, count: usize) -> Option<UserError> {
    let message = || format!("There are {count} records; a call takes at most {MOST}. Send the rest in another.");
    (count > MOST).then(|| UserError::at(&[field], UserErrorCode::TooMany, message()))
}

/// The records of a call: those that can be written, and what is wrong with the others.
pub(super) struct Batch {
    field: &'static str,
    names: HashSet<String>,
    answers: Vec<RecordAnswer>,
    pushes: Vec<Push>,
    places: Vec<usize>,
}

impl Batch {
    /// The records in this field of the input.
    pub(super) fn new(field: &'static str) -> Self {
        Self { field, names: HashSet::new(), answers: Vec::new(), pushes: Vec::new(), places: Vec::new() }
    }

    /// Takes in the next record, read by `read`.
    pub(super) fn add(&mut self, external_id: &str, read: impl FnOnce(&mut Checks) -> Option<record::Record>) {
        let place = self.answers.len();
        let mut checks = Checks::within_list(self.field, place);
        let name = checks.external_id("externalId", Some(external_id)).unwrap_or_default();
        let record = read(&mut checks);
        if !self.names.insert(name.clone()) {
            let message = "This identifier stands twice in one call; the first one counts.";
            checks.fault("externalId", UserErrorCode::Invalid, message);
        }
        let errors = checks.finish();
        let is_refused = !errors.is_empty();
        let outcome = if is_refused { UpsertOutcome::Refused } else { UpsertOutcome::Unchanged };
        self.answers.push(RecordAnswer { external_id: external_id.to_owned(), outcome, record_id: None, errors });
        if let Some(record) = record.filter(|_| !is_refused) {
            self.pushes.push(Push { external_id: name, record });
            self.places.push(place);
        }
    }

    /// What is to be written. To be given back in the same order as outcomes.
    pub(super) fn pushes(&mut self) -> Vec<Push> {
        std::mem::take(&mut self.pushes)
    }

    /// What became of each.
    pub(super) fn finish(mut self, outcomes: Vec<Outcome>) -> Vec<RecordAnswer> {
        for (place, outcome) in self.places.into_iter().zip(outcomes) {
            let path = [self.field, &place.to_string()];
            let answer = &mut self.answers[place];
            answer.record_id = outcome.record_id;
            answer.outcome = match (outcome.record_id, outcome.action) {
                (None, _) => UpsertOutcome::Refused,
                (_, Some(ChangeAction::Created)) => UpsertOutcome::Created,
                (_, Some(_)) => UpsertOutcome::Updated,
                (_, None) => UpsertOutcome::Unchanged,
            };
            answer.errors = reasons(&path, outcome.reasons);
        }
        self.answers
    }
}

/// What the store has against a record.
pub(super) fn reasons(path: &[&str], reasons: Vec<String>) -> Vec<UserError> {
    reasons.into_iter().map(|reason| UserError::at(path, UserErrorCode::Invalid, sentence(&reason))).collect()
}

/// A reason as a sentence.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// An identifier for a record that its sender calls nothing.
pub(super) fn own_name(external_id: Option<String>) -> String {
    external_id.unwrap_or_else(|| Uuid::now_v7().to_string())
}
