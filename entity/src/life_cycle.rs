//! Life cycles of records that change hands, as pure functions.

mod coverage;
mod steps;

use chrono::NaiveDate;

pub use self::coverage::{Asked, Committed};
pub use self::steps::Side;
use crate::vocabulary::{CommitmentStatus, HousingStatus, NeedStatus, OfferStatus};

impl NeedStatus {
    /// Whether partners may still step in.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::PartlyCommitted)
    }

    /// Whether anybody may see it: a draft is its board's own, a withdrawn need is nobody's business any more.
    #[must_use]
    pub fn is_public(self) -> bool {
        !matches!(self, Self::Draft | Self::Withdrawn)
    }

    /// Whether the life cycle has a step from here to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use NeedStatus::{Committed, Draft, Fulfilled, Open, PartlyCommitted, Withdrawn};
        match self {
            Draft => matches!(next, Open | Withdrawn),
            Open => matches!(next, PartlyCommitted | Committed | Fulfilled | Withdrawn),
            PartlyCommitted => matches!(next, Open | Committed | Fulfilled | Withdrawn),
            Committed => matches!(next, Open | PartlyCommitted | Fulfilled | Withdrawn),
            Fulfilled | Withdrawn => false,
        }
    }
}

impl CommitmentStatus {
    /// Statuses in which a partner is bound: what counts as a live commitment.
    pub const LIVE: [Self; 2] = [Self::Accepted, Self::Active];

    /// Whether the partner is bound: accepted or active.
    #[must_use]
    pub fn is_live(self) -> bool {
        Self::LIVE.contains(&self)
    }

    /// Whether anybody may see it: accepted once, whatever came after.
    #[must_use]
    pub fn is_public(self) -> bool {
        matches!(self, Self::Accepted | Self::Active | Self::Completed | Self::Confirmed | Self::Broken)
    }

    /// Whether the life cycle has a step from here to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use CommitmentStatus::{Accepted, Active, Broken, Completed, Confirmed, Declined, Proposed, Withdrawn};
        match self {
            Proposed => matches!(next, Accepted | Declined | Withdrawn),
            Accepted => matches!(next, Active | Withdrawn | Broken),
            Active => matches!(next, Completed | Withdrawn | Broken),
            Completed => matches!(next, Confirmed | Broken),
            Confirmed | Declined | Withdrawn | Broken => false,
        }
    }

    /// Whether a commitment in this status is overdue on `today`: past its end and not confirmed, or past its start
    /// and not yet active.
    #[must_use]
    pub fn is_overdue(self, starts_on: Option<NaiveDate>, ends_on: Option<NaiveDate>, today: NaiveDate) -> bool {
        let past = |day: Option<NaiveDate>| day.is_some_and(|day| day < today);
        match self {
            Self::Accepted => past(starts_on) || past(ends_on),
            Self::Active | Self::Completed => past(ends_on),
            Self::Proposed | Self::Confirmed | Self::Declined | Self::Withdrawn | Self::Broken => false,
        }
    }
}

impl OfferStatus {
    /// Whether anybody may see it.
    #[must_use]
    pub fn is_public(self) -> bool {
        self == Self::Published
    }
}

impl HousingStatus {
    /// Whether anybody may see it.
    #[must_use]
    pub fn is_public(self) -> bool {
        self == Self::Available
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

    #[test]
    fn an_ended_life_has_no_next_step() {
        for next in NeedStatus::ALL {
            assert!(!NeedStatus::Fulfilled.may_become(*next));
            assert!(!NeedStatus::Withdrawn.may_become(*next));
        }
        for next in CommitmentStatus::ALL {
            assert!(!CommitmentStatus::Confirmed.may_become(*next));
        }
    }

    #[test]
    fn nothing_becomes_what_it_is() {
        assert!(NeedStatus::ALL.iter().all(|status| !status.may_become(*status)));
        assert!(CommitmentStatus::ALL.iter().all(|status| !status.may_become(*status)));
    }

    #[test]
    fn a_commitment_is_overdue_the_day_after_its_end_until_it_is_confirmed() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day);
        let on = |status: CommitmentStatus, today| status.is_overdue(day(1), day(10), day(today).unwrap());
        assert!(!on(CommitmentStatus::Active, 10));
        assert!(on(CommitmentStatus::Active, 11));
        assert!(on(CommitmentStatus::Completed, 11));
        assert!(!on(CommitmentStatus::Confirmed, 11));
        assert!(on(CommitmentStatus::Accepted, 2));
        assert!(!on(CommitmentStatus::Proposed, 11));
    }
}
