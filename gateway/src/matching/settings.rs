//! What counts for how much.

use serde::Deserialize;

use super::Criterion;

/// `[matching]`: what counts for how much when offers are matched with needs. Weights count in proportion to each other.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MatchingSettings {
    /// Themes in common.
    pub theme_weight: f64,
    /// Kinds of support in common.
    pub support_kind_weight: f64,
    /// Nearness.
    pub reach_weight: f64,
    /// Days in common.
    pub period_weight: f64,
    /// What is left of the offer.
    pub capacity_weight: f64,
    /// Whether a certificate of conduct is in order.
    pub vog_weight: f64,
    /// How many of those that fit best by theme, kind of support, reach and VOG are looked at closely, for each need or
    /// offer.
    pub candidates: u64,
}

impl MatchingSettings {
    /// The weights, by the names of their settings.
    #[must_use]
    pub fn weights(&self) -> [(&'static str, f64); 6] {
        [
            ("theme_weight", self.theme_weight),
            ("support_kind_weight", self.support_kind_weight),
            ("reach_weight", self.reach_weight),
            ("period_weight", self.period_weight),
            ("capacity_weight", self.capacity_weight),
            ("vog_weight", self.vog_weight),
        ]
    }

    /// The criterion's share of all weights.
    pub(crate) fn share(&self, criterion: Criterion) -> f64 {
        let weight = match criterion {
            Criterion::Theme => self.theme_weight,
            Criterion::SupportKind => self.support_kind_weight,
            Criterion::Reach => self.reach_weight,
            Criterion::Period => self.period_weight,
            Criterion::Capacity => self.capacity_weight,
            Criterion::Vog => self.vog_weight,
        };
        let all: f64 = self.weights().iter().map(|(_, weight)| weight).sum();
        weight / all
    }
}

impl Default for MatchingSettings {
    fn default() -> Self {
        Self {
            theme_weight: 35.0,
            support_kind_weight: 20.0,
            reach_weight: 15.0,
            period_weight: 10.0,
            capacity_weight: 10.0,
            vog_weight: 10.0,
            candidates: 200,
        }
    }
}
