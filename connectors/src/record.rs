//! Canonical records: what a source may say of a record, in the alliance's terms, whatever standard it came in.
//!
//! Every field but the identity is optional: `None` means that this source says nothing of it, and another source may.
//! Serialized, a record is what a claim keeps, and fields that are `None` are left out.

use chrono::{DateTime, NaiveDate, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{
    Barrier, CapacityUnit, CommitmentStatus, HousingSegment, HousingStatus, HousingType, InputKind, NeedStatus,
    OfferStatus, PartnerKind, RecordType, SchemeStatus, SupportKind, Theme, Urgency,
};
use entity::{Brin, CodeSet, GeoPoint, Kvk, MunicipalityCode, SchoolBoardNumber};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A reference to another record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference<K> {
    /// By the key that the world knows it by: a BRIN code, a board number, a KvK number.
    Key(K),
    /// By its identifier in the same source.
    External(String),
    /// By the hub's own identity of it: what is written through the hub's interface knows no other.
    Record(Uuid),
}

/// What a source says of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A school location.
    School(School),
    /// A school board.
    SchoolBoard(SchoolBoard),
    /// A partner.
    Partner(Partner),
    /// A need.
    Need(Need),
    /// An offer.
    Offer(Offer),
    /// A commitment.
    Commitment(Commitment),
    /// A home for teachers.
    HousingOption(HousingOption),
    /// A municipal priority scheme.
    HousingScheme(HousingScheme),
}

impl Record {
    /// The type of the record.
    #[must_use]
    pub fn record_type(&self) -> RecordType {
        match self {
            Self::School(_) => RecordType::School,
            Self::SchoolBoard(_) => RecordType::SchoolBoard,
            Self::Partner(_) => RecordType::Partner,
            Self::Need(_) => RecordType::Need,
            Self::Offer(_) => RecordType::Offer,
            Self::Commitment(_) => RecordType::Commitment,
            Self::HousingOption(_) => RecordType::HousingOption,
            Self::HousingScheme(_) => RecordType::HousingScheme,
        }
    }
}

/// A municipality, as a source names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Municipality {
    /// CBS code.
    pub code: MunicipalityCode,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Slug of the shrinking region it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A postal address; parts may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// Street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// House number with letter and addition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub house_number: Option<String>,
    /// Postcode, `1234 AB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// Place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

/// Whom to speak to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// How much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// Amount, at least 0.
    pub amount: f64,
    /// Its unit.
    pub unit: CapacityUnit,
}

/// What a source says of a school location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct School {
    /// BRIN code: its identity.
    pub brin: Brin,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<GeoPoint>,
    /// Denomination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denomination: Option<String>,
    /// Number of pupils.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pupils: Option<i32>,
    /// Disadvantage score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disadvantage_score: Option<f64>,
    /// Website, with scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Its board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<Reference<SchoolBoardNumber>>,
    /// Its municipality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub municipality: Option<Municipality>,
}

/// What a source says of a school board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchoolBoard {
    /// Board number: its identity.
    pub number: SchoolBoardNumber,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number in the trade register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kvk: Option<Kvk>,
}

/// What a source says of a partner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partner {
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What kind of party it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PartnerKind>,
    /// Number in the trade register: its identity where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kvk: Option<Kvk>,
    /// Website, with scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whom to speak to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

/// What a source says of a need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// The school that asks.
    pub school: Reference<Brin>,
    /// What is asked, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is asked, at length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its themes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub themes: Option<CodeSet<Theme>>,
    /// The kinds of support it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_kinds: Option<CodeSet<SupportKind>>,
    /// What stands in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barriers: Option<CodeSet<Barrier>>,
    /// How pressing it is; normal where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// Where it stands; open where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<NeedStatus>,
    /// People asked for, in FTE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fte_asked: Option<f64>,
    /// Time asked for, in hours a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_per_week_asked: Option<f64>,
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<NaiveDate>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
    /// Whom to speak to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

/// What a source says of an offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Who offers.
    pub partner: Reference<Kvk>,
    /// What is offered, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is offered, at length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its themes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub themes: Option<CodeSet<Theme>>,
    /// The kinds of support it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_kinds: Option<CodeSet<SupportKind>>,
    /// What the partner puts in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<CodeSet<InputKind>>,
    /// Where it stands; published where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OfferStatus>,
    /// Whether it reaches the whole country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub national: Option<bool>,
    /// Municipalities it reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub municipalities: Option<Vec<Municipality>>,
    /// Slugs of regions it reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
    /// Centre of the circle it reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centre: Option<GeoPoint>,
    /// Radius of that circle, in kilometres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius_km: Option<f64>,
    /// How much of it there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<NaiveDate>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
    /// Whether it needs a certificate of conduct (VOG).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_vog: Option<bool>,
    /// Whether that certificate is in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vog_in_order: Option<bool>,
    /// Languages, as BCP 47 tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub languages: Option<Vec<String>>,
}

/// What a source says of a commitment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commitment {
    /// Who commits.
    pub partner: Reference<Kvk>,
    /// The school it is for.
    pub school: Reference<Brin>,
    /// The need it answers: the hub's global id, or the identifier that the need has in the system it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<String>,
    /// The offer it comes from: the hub's global id, or its identifier in this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// What is committed, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it stands; proposed where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CommitmentStatus>,
    /// Since when it stands there, where the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_at: Option<DateTime<Utc>>,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<NaiveDate>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
}

/// Who qualifies for a home or a scheme.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Eligibility {
    /// Only teachers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teachers_only: Option<bool>,
    /// Least employment, in FTE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_fte: Option<f64>,
    /// Least employment, in hours a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_hours_per_week: Option<f64>,
    /// Highest yearly income, in cents EUR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_income_cents: Option<i64>,
    /// Lowest yearly income, in cents EUR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_income_cents: Option<i64>,
    /// Only starters on the housing market.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starters_only: Option<bool>,
    /// The employer applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via_employer: Option<bool>,
    /// Farthest present home, in kilometres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_distance_km: Option<f64>,
    /// What else decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// What a source says of a home for teachers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HousingOption {
    /// Name or address in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it lies.
    pub municipality: Municipality,
    /// Neighbourhood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbourhood: Option<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<GeoPoint>,
    /// What kind of home; apartment where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub housing_type: Option<HousingType>,
    /// The segment it is let in; free sector where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<HousingSegment>,
    /// Where it stands; available where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<HousingStatus>,
    /// How many homes; one where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homes: Option<i32>,
    /// Rent per month, in cents EUR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rent_cents: Option<i64>,
    /// Service costs per month, in cents EUR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_costs_cents: Option<i64>,
    /// Floor area, in square metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor_area_m2: Option<f64>,
    /// Number of rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<i32>,
    /// First day it can be let.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_from: Option<NaiveDate>,
    /// Last day to respond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respond_before: Option<NaiveDate>,
    /// Length of the contract, in months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_months: Option<i32>,
    /// Who qualifies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
    /// The partner that lets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Reference<Kvk>>,
    /// The scheme it falls under: its identifier in this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Where to apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_url: Option<String>,
}

/// What a source says of a priority scheme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HousingScheme {
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose rule it is.
    pub municipality: Municipality,
    /// Where it stands; announced where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SchemeStatus>,
    /// First day it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<NaiveDate>,
    /// Last day it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<NaiveDate>,
    /// How many requests it has room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<i32>,
    /// How many are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<i32>,
    /// Segments it gives priority in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<CodeSet<HousingSegment>>,
    /// Who qualifies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
    /// Where to register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_url: Option<String>,
    /// Where to read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub information_url: Option<String>,
}

impl<K> Reference<K> {
    fn qualify(&mut self, source_id: &str) {
        if let Self::External(external_id) = self {
            qualify(external_id, source_id);
        }
    }
}

impl Record {
    /// Puts the source before every identifier that only the source itself understands, as `source/identifier`: claims
    /// of several sources can then be laid over each other without losing whose words they are.
    pub(crate) fn qualify(&mut self, source_id: &str) {
        match self {
            Self::School(school) => school.board.iter_mut().for_each(|board| board.qualify(source_id)),
            Self::SchoolBoard(_) | Self::Partner(_) | Self::HousingScheme(_) => {}
            Self::Need(need) => need.school.qualify(source_id),
            Self::Offer(offer) => offer.partner.qualify(source_id),
            Self::Commitment(commitment) => {
                commitment.partner.qualify(source_id);
                commitment.school.qualify(source_id);
                commitment.offer.iter_mut().for_each(|offer| qualify_unless_global(offer, Kind::Offer, source_id));
            }
            Self::HousingOption(option) => {
                option.provider.iter_mut().for_each(|provider| provider.qualify(source_id));
                option.scheme.iter_mut().for_each(|scheme| qualify(scheme, source_id));
            }
        }
    }
}

fn qualify_unless_global(external_id: &mut String, kind: Kind, source_id: &str) {
    if GlobalId::parse(external_id).ok().and_then(|id| id.uuid_of(kind)).is_none() {
        qualify(external_id, source_id);
    }
}

fn qualify(external_id: &mut String, source_id: &str) {
    external_id.insert(0, '/');
    external_id.insert_str(0, source_id);
}
