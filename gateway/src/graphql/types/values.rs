//! Values that records are made of.

use async_graphql::{ComplexObject, SimpleObject};
use chrono::{DateTime, Utc};
use entity::vocabulary::{CapacityUnit, CommitmentStatus};
use entity::{commitment_step, housing_option, housing_scheme};

use crate::graphql::vocabulary::Term;

/// A postal address; parts may be missing.
#[derive(SimpleObject)]
pub(crate) struct Address {
    /// Street, without the house number.
    pub street: Option<String>,
    /// House number with letter and addition.
    pub house_number: Option<String>,
    /// Postcode, `1234 AB`.
    pub postcode: Option<String>,
    /// Place (woonplaats).
    pub city: Option<String>,
}

impl Address {
    /// The address, where any part of it is known.
    pub(crate) fn of(parts: [&Option<String>; 4]) -> Option<Self> {
        let [street, house_number, postcode, city] = parts.map(Clone::clone);
        let known = [&street, &house_number, &postcode, &city].into_iter().any(Option::is_some);
        known.then_some(Self { street, house_number, postcode, city })
    }
}

/// A point on the earth (WGS 84).
#[derive(SimpleObject)]
pub(crate) struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Location {
    pub(crate) fn of(latitude: Option<f64>, longitude: Option<f64>) -> Option<Self> {
        latitude.zip(longitude).map(|(latitude, longitude)| Self { latitude, longitude })
    }
}

/// An amount of money.
#[derive(SimpleObject)]
pub(crate) struct Money {
    /// In cents.
    pub amount: i64,
    /// ISO 4217; always `EUR` for now.
    pub currency: String,
}

impl Money {
    pub(crate) fn euro_cents(amount: i64) -> Self {
        Self { amount, currency: "EUR".to_owned() }
    }
}

/// Whom to speak to.
#[derive(SimpleObject)]
pub(crate) struct Contact {
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

impl Contact {
    /// The contact, where any part of it is known.
    pub(crate) fn of(parts: [&Option<String>; 3]) -> Option<Self> {
        let [name, email, phone] = parts.map(Clone::clone);
        let known = [&name, &email, &phone].into_iter().any(Option::is_some);
        known.then_some(Self { name, email, phone })
    }
}

/// How much is offered or committed.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Capacity {
    /// How much, in `unit`.
    pub amount: f64,
    /// Its unit.
    pub unit: Term<CapacityUnit>,
    #[graphql(skip)]
    pub(crate) used: Option<f64>,
}

#[ComplexObject]
impl Capacity {
    /// What live commitments (accepted or active) leave of an offer's capacity; null for a commitment's own.
    async fn remaining(&self) -> Option<f64> {
        self.used.map(|used| (self.amount - used).max(0.0))
    }
}

/// A step in a commitment's history.
#[derive(SimpleObject)]
pub(crate) struct CommitmentStep {
    /// The status it came to.
    pub status: Term<CommitmentStatus>,
    /// When.
    pub at: DateTime<Utc>,
    /// Who took the step, where known.
    pub by: Option<String>,
    /// What was said with it.
    pub note: Option<String>,
}

impl From<commitment_step::Model> for CommitmentStep {
    fn from(step: commitment_step::Model) -> Self {
        Self { status: Term(step.status), at: step.at, by: step.by, note: step.note }
    }
}

/// Who qualifies for a home or a scheme.
#[derive(SimpleObject)]
pub(crate) struct HousingEligibility {
    /// Whether only teachers qualify.
    pub teachers_only: bool,
    /// Least employment, in FTE; null: none asked.
    pub minimum_fte: Option<f64>,
    /// Least employment, in hours a week; null: none asked.
    pub minimum_hours_per_week: Option<f64>,
    /// Highest yearly income; null: no bound.
    pub maximum_income: Option<Money>,
    /// Lowest yearly income; null: no bound.
    pub minimum_income: Option<Money>,
    /// Whether only starters on the housing market qualify.
    pub starters_only: bool,
    /// Whether the employer applies, and not the teacher.
    pub via_employer: bool,
    /// Farthest present home, in kilometres; null: no bound.
    pub maximum_distance_km: Option<f64>,
    /// What else decides, in words.
    pub notes: Option<String>,
}

macro_rules! eligibility {
    ($($model:ty),+) => {$(
        impl From<&$model> for HousingEligibility {
            fn from(row: &$model) -> Self {
                Self {
                    teachers_only: row.teachers_only,
                    minimum_fte: row.minimum_fte,
                    minimum_hours_per_week: row.minimum_hours_per_week,
                    maximum_income: row.maximum_income_cents.map(Money::euro_cents),
                    minimum_income: row.minimum_income_cents.map(Money::euro_cents),
                    starters_only: row.starters_only,
                    via_employer: row.via_employer,
                    maximum_distance_km: row.maximum_distance_km,
                    notes: row.eligibility_notes.clone(),
                }
            }
        }
    )+};
}
eligibility!(housing_option::Model, housing_scheme::Model);
