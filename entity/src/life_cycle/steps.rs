//! Who may take which step of a commitment. Pure.

use crate::code::Code;
use crate::vocabulary::{CommitmentStatus, NeedStatus};

/// A side of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The partner that commits.
    Partner,
    /// The board of the school that it is for.
    School,
}

impl CommitmentStatus {
    /// Whose step leads here: a partner says what it does, and a school's board whether that is wanted and came true.
    #[must_use]
    pub fn taken_by(self) -> Side {
        match self {
            Self::Proposed | Self::Active | Self::Completed | Self::Withdrawn => Side::Partner,
            Self::Accepted | Self::Declined | Self::Confirmed | Self::Broken => Side::School,
        }
    }

    /// The steps from here that this side may take.
    pub fn steps_of(self, side: Side) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |next| self.may_become(*next) && next.taken_by() == side)
    }

    /// Whether steps lead from here to `later`, over others or not.
    #[must_use]
    pub fn may_come_to(self, later: Self) -> bool {
        // The life cycle has no circle, so this ends.
        Self::ALL.iter().any(|next| self.may_become(*next) && (*next == later || next.may_come_to(later)))
    }
}

impl NeedStatus {
    /// The steps from here.
    pub fn steps(self) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |next| self.may_become(*next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use CommitmentStatus::{Accepted, Active, Broken, Completed, Confirmed, Declined, Proposed, Withdrawn};

    #[test]
    fn each_side_takes_its_own_steps_and_no_other() {
        let table: [(CommitmentStatus, &[CommitmentStatus], &[CommitmentStatus]); 8] = [
            // From: what the partner may make of it, what the school's board may make of it.
            (Proposed, &[Withdrawn], &[Accepted, Declined]),
            (Accepted, &[Active, Withdrawn], &[Broken]),
            (Active, &[Completed, Withdrawn], &[Broken]),
            (Completed, &[], &[Confirmed, Broken]),
            (Confirmed, &[], &[]),
            (Declined, &[], &[]),
            (Withdrawn, &[], &[]),
            (Broken, &[], &[]),
        ];
        for (from, partner, school) in table {
            assert_eq!(from.steps_of(Side::Partner).collect::<Vec<_>>(), partner, "{from:?}");
            assert_eq!(from.steps_of(Side::School).collect::<Vec<_>>(), school, "{from:?}");
        }
    }

    #[test]
    fn what_may_come_later_is_told_from_what_cannot() {
        assert!(Proposed.may_come_to(Confirmed) && Accepted.may_come_to(Completed));
        assert!(!Active.may_come_to(Accepted) && !Declined.may_come_to(Active) && !Active.may_come_to(Active));
    }
}
