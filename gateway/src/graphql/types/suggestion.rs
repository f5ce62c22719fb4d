//! Offers that are suggested to needs, needs that are suggested to offers, and why.

use async_graphql::{Context, Enum, Object};
use entity::{need, offer};

use super::need::Need;
use super::offer::Offer;
use crate::error::Result;
use crate::graphql::items::Items;
use crate::graphql::language::{Language, spoken};
use crate::graphql::suggest::Suggestion;
use crate::matching::{Criterion, Reason};

/// An offer that fits a need.
pub(crate) struct OfferMatch(pub(crate) Suggestion<offer::Model>);

/// An offer that fits a need.
#[Object]
impl OfferMatch {
    /// The offer (aanbod).
    async fn offer(&self) -> Offer {
        Offer(self.0.member.clone())
    }

    /// How well it fits, 0 to 1: the reasons' scores together.
    async fn score(&self) -> f64 {
        self.0.fit.score
    }

    /// Why, criterion by criterion.
    async fn reasons(&self) -> Items<MatchReason> {
        self.0.fit.reasons.iter().cloned().map(MatchReason).collect()
    }

    /// Kilometres from the centre of the offer's circle to the school, as the crow flies; null where either is not known.
    async fn distance_km(&self) -> Option<f64> {
        self.0.fit.distance_km
    }
}

/// A need that an offer fits.
pub(crate) struct NeedMatch(pub(crate) Suggestion<need::Model>);

/// A need that an offer fits.
#[Object]
impl NeedMatch {
    /// The need (hulpvraag).
    async fn need(&self) -> Need {
        Need(self.0.member.clone())
    }

    /// How well the offer fits it, 0 to 1: the reasons' scores together.
    async fn score(&self) -> f64 {
        self.0.fit.score
    }

    /// Why, criterion by criterion.
    async fn reasons(&self) -> Items<MatchReason> {
        self.0.fit.reasons.iter().cloned().map(MatchReason).collect()
    }

    /// Kilometres from the centre of the offer's circle to the school, as the crow flies; null where either is not known.
    async fn distance_km(&self) -> Option<f64> {
        self.0.fit.distance_km
    }
}

/// What one criterion says of how an offer fits a need.
pub(crate) struct MatchReason(Reason);

/// What one criterion says of how an offer fits a need.
#[Object]
impl MatchReason {
    /// The criterion.
    async fn criterion(&self) -> MatchCriterion {
        self.0.criterion.into()
    }

    /// What this criterion gave, of `weight`.
    async fn score(&self) -> f64 {
        self.0.score
    }

    /// What it can give at most. All weights together are 1.
    async fn weight(&self) -> f64 {
        self.0.weight
    }

    /// What was found, in a sentence.
    async fn explanation(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(Language::Nl)", desc = "The sentence's language.")] language: Option<Language>,
    ) -> Result<String> {
        let (dutch, english) = (entity::Language::Nl, entity::Language::En);
        Ok(self.0.finding.sentence(*spoken(ctx, language)?.choose(&dutch, &english)))
    }
}

/// What an offer is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum MatchCriterion {
    /// Themes (thema's) in common; without any it does not fit.
    Theme,
    /// Kinds of support (ondersteuning) in common.
    SupportKind,
    /// Whether it reaches the school, by municipality, region, circle or nationwide; out of reach it does not fit.
    Reach,
    /// How much of the need's period it covers; without a common day it does not fit.
    Period,
    /// Whether what is left of it is enough; exhausted it does not fit.
    Capacity,
    /// Whether the certificate of conduct (verklaring omtrent het gedrag, VOG) that it needs is in order.
    Vog,
}

impl From<Criterion> for MatchCriterion {
    fn from(criterion: Criterion) -> Self {
        match criterion {
            Criterion::Theme => Self::Theme,
            Criterion::SupportKind => Self::SupportKind,
            Criterion::Reach => Self::Reach,
            Criterion::Period => Self::Period,
            Criterion::Capacity => Self::Capacity,
            Criterion::Vog => Self::Vog,
        }
    }
}
