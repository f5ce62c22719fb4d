//! How well an offer (aanbod) fits a need (hulpvraag), and why. Pure: no database, no clock, no request.
//!
//! Six criteria each give a part of their weight. Three of them also exclude: an offer on none of the need's themes, out of
//! reach, outside its period or with nothing left does not fit at all. More overlap never scores lower.

mod criteria;
mod sentence;
mod settings;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::NaiveDate;
use entity::vocabulary::{CapacityUnit, SupportKind, Theme};
use entity::{CodeSet, GeoPoint};

pub(crate) use self::criteria::{COUNTRY, Finding, HORIZON, REGION};
pub use self::settings::MatchingSettings;

/// What an offer is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Criterion {
    /// Themes in common.
    Theme,
    /// Kinds of support in common.
    SupportKind,
    /// Whether it reaches the school, and how near it is.
    Reach,
    /// Days in common.
    Period,
    /// What is left of it.
    Capacity,
    /// Whether a certificate of conduct is in order.
    Vog,
}

/// A municipality or a region: its code or slug, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) key: String,
    pub(crate) name: String,
}

/// What a need asks, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) themes: CodeSet<Theme>,
    pub(crate) support_kinds: CodeSet<SupportKind>,
    pub(crate) municipality: Option<Place>,
    pub(crate) region: Option<Place>,
    pub(crate) point: Option<GeoPoint>,
    pub(crate) starts_on: Option<NaiveDate>,
    pub(crate) ends_on: Option<NaiveDate>,
    pub(crate) fte: Option<f64>,
    pub(crate) hours_per_week: Option<f64>,
}

/// What an offer gives, and where. Municipalities by code, regions by slug.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offered {
    pub(crate) themes: CodeSet<Theme>,
    pub(crate) support_kinds: CodeSet<SupportKind>,
    pub(crate) national: bool,
    pub(crate) municipalities: BTreeSet<String>,
    pub(crate) regions: BTreeSet<String>,
    pub(crate) centre: Option<GeoPoint>,
    pub(crate) radius_km: Option<f64>,
    /// What live commitments leave of it, and its unit.
    pub(crate) remaining: Option<(f64, CapacityUnit)>,
    pub(crate) starts_on: Option<NaiveDate>,
    pub(crate) ends_on: Option<NaiveDate>,
    pub(crate) requires_vog: bool,
    pub(crate) vog_in_order: Option<bool>,
}

/// How well an offer fits a need.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fit {
    /// 0 to 1, in steps of a ten-thousandth: finer differences are none.
    pub(crate) score: f64,
    /// One for each criterion, in their order.
    pub(crate) reasons: Vec<Reason>,
    /// From the offer's centre to the school. `None`: either has no point.
    pub(crate) distance_km: Option<f64>,
}

/// What a criterion says of a fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reason {
    pub(crate) criterion: Criterion,
    /// What it gave, of `weight`. All reasons' scores together are the fit's.
    pub(crate) score: f64,
    /// Its share of all weights.
    pub(crate) weight: f64,
    /// What was found, for people.
    pub(crate) finding: Finding,
}

/// How well the offer fits the need on this day. `None`: not at all.
pub(crate) fn fit(asked: &Asked, offered: &Offered, settings: &MatchingSettings, today: NaiveDate) -> Option<Fit> {
    let distance_km = asked.point.zip(offered.centre).map(|(school, centre)| school.distance_km(centre));
    let findings = [
        (Criterion::Theme, criteria::theme(asked, offered)?),
        (Criterion::SupportKind, criteria::support_kind(asked, offered)),
        (Criterion::Reach, criteria::reach(asked, offered, distance_km)?),
        (Criterion::Period, criteria::period(asked, offered, today)?),
        (Criterion::Capacity, criteria::capacity(asked, offered)?),
        (Criterion::Vog, criteria::vog(offered)),
    ];
    let reasons: Vec<Reason> = findings
        .into_iter()
        .map(|(criterion, (share, finding))| {
            let weight = settings.share(criterion);
            Reason { criterion, score: weight * share.clamp(0.0, 1.0), weight, finding }
        })
        .collect();
    let sum: f64 = reasons.iter().map(|reason| reason.score).sum();
    Some(Fit { score: (sum * 10_000.0).round() / 10_000.0, reasons, distance_km })
}

/// The order of fits: the best first, then as `ties` says.
pub(crate) fn best_first(one: &Fit, other: &Fit, ties: impl FnOnce() -> Ordering) -> Ordering {
    other.score.total_cmp(&one.score).then_with(ties)
}

/// Schools with a higher disadvantage score (achterstandsscore) first; those without last.
pub(crate) fn vulnerable_first(one: Option<f64>, other: Option<f64>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => other.total_cmp(&one),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}
