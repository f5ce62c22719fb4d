//! Who asks, and which records they may see. What is hidden from them is hidden in SQL, so that lists, counts and pages
//! fit it. Which fields need a scope is another question: see [`policy`](super::policy).
//!
//! Everybody sees what is public. An organisation whose token holds `alliance:read` sees what is its own beside that:
//!
//! | | beside what is public |
//! | --- | --- |
//! | school board | all needs of its schools and all commitments to them; who to speak to at its schools' needs and at partners that committed to them |
//! | municipality | drafts of needs of its schools; its homes in any status |
//! | partner | its offers, its homes and its side of commitments in any status; its own contact, and that of needs to which a commitment of its own was accepted |
//! | operator, app | nothing: their scopes open fields, not records |

mod own;
mod stake;

use std::collections::BTreeSet;
use std::sync::Arc;

use entity::vocabulary::{CommitmentStatus, HousingStatus, NeedStatus, OfferStatus};
use entity::{Code, commitment, housing_option, need, offer};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, ExprTrait};

pub(crate) use self::stake::{Stake, Stakes};
use super::list::qualified;
use crate::auth::{Identity, scope};

/// Who asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Viewer {
    identity: Option<Arc<Identity>>,
    stake: Stake,
}

/// All that decides what somebody sees, and nothing of who they are: two tokens of one visibility get the same answers
/// (but for `viewer`). What answers are kept under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Visibility {
    is_authenticated: bool,
    stake: Stake,
    /// Those of the hub's own scopes that are held.
    scopes: BTreeSet<&'static str>,
}

impl Viewer {
    /// Somebody without a token: sees what is public.
    #[cfg(test)]
    pub(crate) fn anonymous() -> Self {
        Self::default()
    }

    /// Somebody with a token, and what is theirs.
    pub(crate) fn new(identity: Option<Arc<Identity>>, stake: Stake) -> Self {
        Self { identity, stake }
    }

    /// Whether a token was given. One that is given is good.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.identity.is_some()
    }

    /// What their token says. `None` without a token.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// Whether the viewer holds this scope.
    pub(crate) fn may(&self, scope: &str) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.holds(scope))
    }

    /// What decides what they see.
    pub(crate) fn visibility(&self) -> Visibility {
        let scopes = scope::ALL.into_iter().filter(|scope| self.may(scope)).collect();
        Visibility { is_authenticated: self.is_authenticated(), stake: self.stake.clone(), scopes }
    }

    /// The needs they may see.
    pub(crate) fn needs(&self) -> Condition {
        let public = Condition::all().add(one_of(need::Column::Status, NeedStatus::is_public));
        or(public, self.stake.needs())
    }

    /// The offers they may see.
    pub(crate) fn offers(&self) -> Condition {
        or(published(), self.stake.offers())
    }

    /// The commitments they may see.
    pub(crate) fn commitments(&self) -> Condition {
        // Accepted once, whatever came after.
        let public = Condition::all().add(one_of(commitment::Column::Status, CommitmentStatus::is_public));
        or(public, self.stake.commitments())
    }

    /// The homes they may see.
    pub(crate) fn homes(&self) -> Condition {
        let public = Condition::all().add(one_of(housing_option::Column::Status, HousingStatus::is_public));
        or(public, self.stake.homes())
    }

    /// The changes they hear of: those of records that they may see, or once could.
    pub(crate) fn changes(&self) -> Condition {
        or(own::once_public(), self.stake.changes())
    }

    /// The needs whose contact they may see. `None`: none.
    pub(crate) fn need_contacts(&self) -> Option<Condition> {
        self.stake.need_contacts()
    }

    /// The partners whose contact they may see. `None`: none.
    pub(crate) fn partner_contacts(&self) -> Option<Condition> {
        self.stake.partner_contacts()
    }

    /// Somebody with these scopes and no organisation.
    #[cfg(test)]
    pub(crate) fn with_scopes(scopes: &[&str]) -> Self {
        let identity = Identity {
            issuer: "https://issuer.example".to_owned(),
            subject: None,
            client: None,
            organisation: None,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            expires_at: chrono::DateTime::UNIX_EPOCH,
            ends: tokio::time::Instant::now(),
        };
        Self::new(Some(Arc::new(identity)), Stake::None)
    }
}

/// The offers that anybody may see: what counts and filters mean by published offers, whoever asks.
pub(crate) fn published() -> Condition {
    Condition::all().add(one_of(offer::Column::Status, OfferStatus::is_public))
}

/// Always an `AND` at its outside, so that callers can add to it.
fn or(public: Condition, own: Option<Condition>) -> Condition {
    match own {
        None => Condition::all().add(public),
        Some(own) => Condition::all().add(Condition::any().add(public).add(own)),
    }
}

/// The column holds one of the values for which `holds`.
pub(crate) fn one_of<C: Code>(column: impl ColumnTrait, holds: impl Fn(C) -> bool) -> sea_orm::sea_query::Expr {
    qualified(column).is_in(C::ALL.iter().copied().filter(|value| holds(*value)).map(Code::code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visibility_tells_what_is_seen_and_not_who_sees_it() {
        let seen = |scopes: &[&str], stake: Stake| Viewer { stake, ..Viewer::with_scopes(scopes) }.visibility();
        let board = || Stake::Board(sea_orm::prelude::Uuid::nil());
        let own = seen(&["alliance:read"], board());
        assert_eq!(seen(&["email", "alliance:read"], board()), own);
        assert_ne!(seen(&["alliance:read"], Stake::None), own);
        assert_ne!(seen(&["alliance:read", "sync:read"], board()), own);
        assert_ne!(seen(&["alliance:read"], Stake::Municipality("GM0363".to_owned())), own);
        assert_ne!(Viewer::anonymous().visibility(), seen(&[], Stake::None));
    }
}
