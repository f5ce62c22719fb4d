//! The criteria, one by one: each a share of its weight, 0 to 1, and what was found. `None`: does not fit at all.

use chrono::{Days, NaiveDate};
use entity::CodeSet;
use entity::vocabulary::{CapacityUnit, SupportKind, Theme};

use super::{Asked, Offered, Place};

/// A need without an end is looked at for a year.
pub(crate) const HORIZON: Days = Days::new(365);
/// Hours a week of one FTE (CAO primair onderwijs).
const HOURS_PER_FTE: f64 = 40.0;
/// What a criterion gives that cannot be judged.
const UNKNOWN: f64 = 0.5;
/// What a circle gives at its edge; at its centre it gives everything.
const AT_THE_EDGE: f64 = 0.7;
/// What a region gives, which is wider than a municipality.
pub(crate) const REGION: f64 = 0.8;
/// What the whole country gives.
pub(crate) const COUNTRY: f64 = 0.6;

/// What a criterion found, for people.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Finding {
    /// Themes in common, and how many the need has.
    Themes(CodeSet<Theme>, usize),
    /// Kinds of support in common, and how many the need asks for.
    SupportKinds(CodeSet<SupportKind>, usize),
    /// The offer is for the school's municipality.
    InMunicipality(Place),
    /// The offer is for the school's region.
    InRegion(Place),
    /// The offer is for the whole country.
    InCountry,
    /// The school lies this many kilometres from the centre of a circle with this radius.
    InCircle(f64, f64),
    /// The share of the need's period in which the offer stands.
    Period(f64),
    /// How much is left and how much is asked, in one unit.
    Capacity(f64, f64, CapacityUnit),
    /// The need does not say how much it asks.
    NothingAsked,
    /// The offer does not say how much there is.
    CapacityUnknown,
    /// The offer counts in this unit, the need in another.
    OtherUnit(f64, CapacityUnit),
    /// No certificate of conduct is needed.
    NoVog,
    /// One is needed, and in order, or not, or nobody knows.
    Vog(Option<bool>),
}

type Found = (f64, Finding);

fn share(part: usize, whole: usize) -> f64 {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    count(part) / count(whole)
}

pub(super) fn theme(asked: &Asked, offered: &Offered) -> Option<Found> {
    let common: CodeSet<Theme> = asked.themes.iter().filter(|theme| offered.themes.contains(*theme)).collect();
    let all = asked.themes.len();
    (!common.is_empty()).then(|| (share(common.len(), all), Finding::Themes(common, all)))
}

/// A need that asks for no kind in particular takes any.
pub(super) fn support_kind(asked: &Asked, offered: &Offered) -> Found {
    let all = asked.support_kinds.len();
    let common: CodeSet<SupportKind> =
        asked.support_kinds.iter().filter(|kind| offered.support_kinds.contains(*kind)).collect();
    (if all == 0 { 1.0 } else { share(common.len(), all) }, Finding::SupportKinds(common, all))
}

/// The nearest of the places that the offer is for.
pub(super) fn reach(asked: &Asked, offered: &Offered, distance_km: Option<f64>) -> Option<Found> {
    let municipality = asked.municipality.as_ref().filter(|place| offered.municipalities.contains(&place.key));
    let region = asked.region.as_ref().filter(|place| offered.regions.contains(&place.key));
    let circle = distance_km.zip(offered.radius_km).filter(|(distance, radius)| distance <= radius);
    let found = [
        municipality.map(|place| (1.0, Finding::InMunicipality(place.clone()))),
        circle.map(|(distance, radius)| (in_circle(distance, radius), Finding::InCircle(distance, radius))),
        region.map(|place| (REGION, Finding::InRegion(place.clone()))),
        offered.national.then_some((COUNTRY, Finding::InCountry)),
    ];
    let better = |best: Found, other: Found| if other.0 > best.0 { other } else { best };
    found.into_iter().flatten().reduce(better)
}

fn in_circle(distance: f64, radius: f64) -> f64 {
    if radius > 0.0 { 1.0 - (1.0 - AT_THE_EDGE) * (distance / radius) } else { 1.0 }
}

/// The share of the need's days, from today on, on which the offer stands.
pub(super) fn period(asked: &Asked, offered: &Offered, today: NaiveDate) -> Option<Found> {
    let from = asked.starts_on.map_or(today, |day| day.max(today));
    let until = asked.ends_on.or_else(|| from.checked_add_days(HORIZON)).unwrap_or(NaiveDate::MAX);
    let all = days(from, until);
    let common = days(from.max(offered.starts_on.unwrap_or(from)), until.min(offered.ends_on.unwrap_or(until)));
    if common == 0 || all == 0 {
        return None;
    }
    let share = share(common, all);
    Some((share, Finding::Period(share)))
}

/// Days from one to the other, both counted.
fn days(from: NaiveDate, until: NaiveDate) -> usize {
    usize::try_from((until - from).num_days() + 1).unwrap_or(0)
}

pub(super) fn capacity(asked: &Asked, offered: &Offered) -> Option<Found> {
    let Some((remaining, unit)) = offered.remaining else { return Some((UNKNOWN, Finding::CapacityUnknown)) };
    // Not a number is nothing, too.
    if remaining.is_nan() || remaining <= 0.0 {
        return None;
    }
    let wanted = match unit {
        CapacityUnit::Fte => asked.fte.or(asked.hours_per_week.map(|hours| hours / HOURS_PER_FTE)),
        CapacityUnit::HoursPerWeek => asked.hours_per_week.or(asked.fte.map(|fte| fte * HOURS_PER_FTE)),
        CapacityUnit::People | CapacityUnit::Places | CapacityUnit::Eur => {
            let says = asked.fte.is_some() || asked.hours_per_week.is_some();
            let finding = if says { Finding::OtherUnit(remaining, unit) } else { Finding::NothingAsked };
            return Some((if says { UNKNOWN } else { 1.0 }, finding));
        }
    };
    Some(match wanted.filter(|wanted| *wanted > 0.0) {
        Some(wanted) => ((remaining / wanted).min(1.0), Finding::Capacity(remaining, wanted, unit)),
        None => (1.0, Finding::NothingAsked),
    })
}

pub(super) fn vog(offered: &Offered) -> Found {
    if !offered.requires_vog {
        return (1.0, Finding::NoVog);
    }
    let share = match offered.vog_in_order {
        Some(true) => 1.0,
        None => UNKNOWN,
        Some(false) => 0.0,
    };
    (share, Finding::Vog(offered.vog_in_order))
}
