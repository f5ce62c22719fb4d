//! The records of the sample, in the simulated systems' own terms.
//!
//! Codes are the words that go over the wire. Fields are public: a test changes what it likes and sees what the hub
//! makes of it.

use chrono::{DateTime, NaiveDate, Utc};

use super::text::{Codes, Overlay, Text};

/// A school board: a row of the register and a district of the school administration.
#[derive(Clone, Debug)]
pub struct Board {
    /// Board number, `90001` and up: its identity.
    pub number: u32,
    /// Name.
    pub name: Text,
    /// Place of its office: an index into the sample's municipalities.
    pub place: u16,
    /// When it last changed.
    pub modified: DateTime<Utc>,
    /// Deleted: gone from the register, `tobedeleted` in the school administration.
    pub deleted: bool,
    /// What it serves instead, in both systems.
    pub overlay: Overlay,
}

/// A school location: a row of the register and a school of the school administration.
#[derive(Clone, Debug)]
pub struct School {
    /// The number that its BRIN code stands for: see [`super::brin_code`].
    pub code: u32,
    /// Name.
    pub name: Text,
    /// The number of its board.
    pub board: u32,
    /// Its municipality: an index into the sample's municipalities.
    pub place: u16,
    /// Latitude and longitude; `None` where nobody filled them in.
    pub location: Option<(f32, f32)>,
    /// Number of pupils; `None` where nobody filled it in.
    pub pupils: Option<u16>,
    /// Disadvantage score.
    pub disadvantage_score: Option<f32>,
    /// When it last changed.
    pub modified: DateTime<Utc>,
    /// Deleted: gone from the register, `tobedeleted` in the school administration.
    pub deleted: bool,
    /// What it serves instead, in both systems.
    pub overlay: Overlay,
}

/// A need of a school, in the school administration.
#[derive(Clone, Debug)]
pub struct Need {
    /// Number; on the wire `need-000001`.
    pub number: u32,
    /// The code of its school.
    pub school: u32,
    /// What is asked, in a line.
    pub title: Text,
    /// Themes, out of [`super::THEMES`].
    pub themes: Codes,
    /// Kinds of support, out of [`super::SUPPORT_KINDS`].
    pub support_kinds: Codes,
    /// Barriers, out of [`super::BARRIERS`].
    pub barriers: Codes,
    /// Urgency.
    pub urgency: &'static str,
    /// Where it stands.
    pub status: &'static str,
    /// FTE asked for.
    pub fte: Option<f32>,
    /// Hours a week asked for.
    pub hours_per_week: Option<f32>,
    /// First day.
    pub starts_on: Option<NaiveDate>,
    /// Last day.
    pub ends_on: Option<NaiveDate>,
    /// When it last changed.
    pub modified: DateTime<Utc>,
    /// Deleted: served as `tobedeleted`.
    pub deleted: bool,
    /// What it serves instead.
    pub overlay: Overlay,
}

/// A partner: an organization of the directory.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Number; on the wire a UUID, see [`super::organization_id`].
    pub number: u32,
    /// Name.
    pub name: Text,
    /// What kind of party it is, as the hub's code.
    pub kind: &'static str,
    /// Its invented number in the trade register; `None` where it has none.
    pub kvk: Option<u32>,
    /// Where it works from: an index into the sample's municipalities.
    pub place: u16,
    /// What it serves instead.
    pub overlay: Overlay,
}

/// How far an offer reaches.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach {
    /// The whole country.
    National,
    /// These municipalities: indices into the sample's municipalities.
    Municipalities(Box<[u16]>),
    /// A shrinking region, by its slug.
    Region(&'static str),
    /// A circle round the partner's place.
    Circle {
        /// Its radius, in kilometres.
        radius_km: u16,
    },
}

/// How much of something there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    /// Amount.
    pub amount: f32,
    /// Its unit, as the hub's code.
    pub unit: &'static str,
}

/// An offer of a partner: a service of the directory.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Number; on the wire a UUID, see [`super::service_id`].
    pub number: u32,
    /// The number of its partner.
    pub partner: u32,
    /// What is offered, in a line.
    pub title: Text,
    /// Themes, out of [`super::THEMES`].
    pub themes: Codes,
    /// Kinds of support, out of [`super::SUPPORT_KINDS`].
    pub support_kinds: Codes,
    /// What the partner puts in, out of [`super::INPUTS`].
    pub inputs: Codes,
    /// Where it stands, in the directory's words.
    pub status: &'static str,
    /// How far it reaches.
    pub reach: Reach,
    /// How much of it there is.
    pub capacity: Option<Amount>,
    /// First day.
    pub starts_on: Option<NaiveDate>,
    /// Last day.
    pub ends_on: Option<NaiveDate>,
    /// Whether it needs a certificate of conduct.
    pub requires_vog: bool,
    /// Whether that certificate is in order, where known.
    pub vog_in_order: Option<bool>,
    /// Languages, out of [`super::LANGUAGES`].
    pub languages: Codes,
    /// When it last changed.
    pub modified: DateTime<Utc>,
    /// What it serves instead.
    pub overlay: Overlay,
}

/// A commitment of a partner, beside the directory.
#[derive(Clone, Debug)]
pub struct Commitment {
    /// Number; on the wire a UUID, see [`super::commitment_id`].
    pub number: u32,
    /// The number of its partner.
    pub partner: u32,
    /// The number of the offer that it comes from.
    pub offer: Option<u32>,
    /// The code of the school.
    pub school: u32,
    /// The number of the need; it is a need of that school.
    pub need: Option<u32>,
    /// What is committed, in a line.
    pub title: Text,
    /// Where it stands, as the hub's code.
    pub status: &'static str,
    /// How much.
    pub capacity: Option<Amount>,
    /// First day.
    pub starts_on: Option<NaiveDate>,
    /// Last day.
    pub ends_on: Option<NaiveDate>,
    /// When it last changed.
    pub modified: DateTime<Utc>,
    /// What it serves instead.
    pub overlay: Overlay,
}

/// A home: a publication of the housing allocation system.
#[derive(Clone, Debug)]
pub struct Home {
    /// Number; on the wire `pub-000001`.
    pub number: u32,
    /// Its street; the rest of its address follows from its number.
    pub street: Text,
    /// Its municipality: an index into the sample's municipalities.
    pub place: u16,
    /// Latitude and longitude; `None` where nobody filled them in.
    pub location: Option<(f32, f32)>,
    /// Publication status, as the standard's code.
    pub status: &'static str,
    /// Kind of home, as the standard's code (`KAM` is a room).
    pub kind: &'static str,
    /// Whether it is a studio, for which the standard has a label and no code.
    pub studio: bool,
    /// Segment: `SOC`, `MID` or `VRI`; `None` where the publication does not say.
    pub segment: Option<&'static str>,
    /// Net rent per month, in cents.
    pub rent_cents: u32,
    /// Service costs per month, in cents; `None` where the rent is given as one amount.
    pub service_cents: Option<u32>,
    /// Floor area, in square metres.
    pub area_m2: u16,
    /// Number of rooms.
    pub rooms: u8,
    /// How many such homes there are.
    pub homes: u8,
    /// First day of the publication.
    pub published_on: NaiveDate,
    /// Last day to respond.
    pub respond_before: Option<NaiveDate>,
    /// First day it can be let.
    pub available_from: Option<NaiveDate>,
    /// Length of the contract, in months; `None`: no end.
    pub contract_months: Option<u8>,
    /// Who qualifies.
    pub rules: HomeRules,
    /// The number of the scheme it falls under.
    pub scheme: Option<u16>,
    /// What it serves instead.
    pub overlay: Overlay,
}

/// Who qualifies for a home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HomeRules {
    /// Only people of certain professions, teachers among them.
    pub teachers_only: bool,
    /// Least hours of work a week.
    pub minimum_hours: Option<u8>,
    /// Least income, in euros a year.
    pub minimum_income: Option<u32>,
    /// Highest income, in euros a year.
    pub maximum_income: Option<u32>,
    /// Only starters on the housing market.
    pub starters_only: bool,
    /// Farthest present home, in kilometres.
    pub maximum_distance_km: Option<u8>,
}

/// A municipality's priority scheme, beside the publications.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// The number of its municipality; on the wire `vr-0363`.
    pub number: u16,
    /// Its municipality: an index into the sample's municipalities.
    pub place: u16,
    /// Where it stands, as the hub's code.
    pub status: &'static str,
    /// First day.
    pub starts_on: NaiveDate,
    /// Last day.
    pub ends_on: Option<NaiveDate>,
    /// How many requests it has room for.
    pub quota: Option<u32>,
    /// How many are used.
    pub used: Option<u32>,
    /// Segments, out of [`super::SEGMENTS`].
    pub segments: Codes,
    /// Least employment, in FTE.
    pub minimum_fte: Option<f32>,
    /// Whether the employer applies.
    pub via_employer: bool,
    /// Who else qualifies.
    pub rules: HomeRules,
    /// What it serves instead.
    pub overlay: Overlay,
}
