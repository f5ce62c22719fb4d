//! Who asks, and what they may see. What is hidden from them is hidden in SQL, so that counts and pages fit it.

use entity::vocabulary::{CommitmentStatus, HousingStatus, NeedStatus, OfferStatus};
use entity::{Code, commitment, housing_option, need, offer};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, ExprTrait};

use super::list::qualified;
use crate::error::{Failure, Result};

/// Who asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Viewer {
    /// What they may do beside reading what is public.
    pub(crate) scopes: Vec<String>,
}

impl Viewer {
    /// Somebody without a token: sees what is public.
    pub(crate) fn anonymous() -> Self {
        Self::default()
    }

    /// Whether the viewer holds this scope.
    pub(crate) fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Makes sure that the viewer holds this scope.
    pub(crate) fn must_hold(&self, scope: &'static str) -> Result<()> {
        if self.may(scope) { Ok(()) } else { Err(Failure::Forbidden(scope)) }
    }

    /// The needs that anybody may see: no drafts, none that were withdrawn.
    pub(crate) fn needs(&self) -> Condition {
        Condition::all().add(one_of(need::Column::Status, NeedStatus::is_public))
    }

    /// The offers that anybody may see.
    pub(crate) fn offers(&self) -> Condition {
        Condition::all().add(one_of(offer::Column::Status, |status: OfferStatus| status == OfferStatus::Published))
    }

    /// The commitments that anybody may see: accepted once, whatever came after.
    pub(crate) fn commitments(&self) -> Condition {
        Condition::all().add(one_of(commitment::Column::Status, CommitmentStatus::is_public))
    }

    /// The homes that anybody may see.
    pub(crate) fn homes(&self) -> Condition {
        let available = |status: HousingStatus| status == HousingStatus::Available;
        Condition::all().add(one_of(housing_option::Column::Status, available))
    }
}

/// The column holds one of the values for which `holds`.
pub(crate) fn one_of<C: Code>(column: impl ColumnTrait, holds: impl Fn(C) -> bool) -> sea_orm::sea_query::Expr {
    qualified(column).is_in(C::ALL.iter().copied().filter(|value| holds(*value)).map(Code::code))
}
