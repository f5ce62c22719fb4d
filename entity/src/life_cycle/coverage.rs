//! How far a need is met by what partners committed to it, and the status that follows. Pure.

use crate::vocabulary::{CapacityUnit, NeedStatus};

/// What a need asks for, as far as it can be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Asked {
    /// People, in FTE.
    pub fte: Option<f64>,
    /// Time, in hours a week.
    pub hours_per_week: Option<f64>,
}

/// What live commitments to a need give together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Committed {
    /// How many there are.
    pub count: u32,
    /// People, in FTE.
    pub fte: f64,
    /// Time, in hours a week.
    pub hours_per_week: f64,
}

impl Committed {
    /// Takes in one more, with what it gives where it says so.
    pub fn add(&mut self, capacity: Option<(f64, CapacityUnit)>) {
        self.count += 1;
        match capacity {
            Some((amount, CapacityUnit::Fte)) => self.fte += amount,
            Some((amount, CapacityUnit::HoursPerWeek)) => self.hours_per_week += amount,
            // What cannot be set against what is asked makes the need partly met, and no more.
            Some((_, CapacityUnit::People | CapacityUnit::Places | CapacityUnit::Eur)) | None => {}
        }
    }

    /// Whether it is all that is asked. A need that asks for nothing that can be counted is met by any commitment.
    fn meets(self, asked: Asked) -> bool {
        // Sums of fractions: a third and two thirds are one.
        let reaches = |asked: Option<f64>, given: f64| asked.is_none_or(|asked| given >= asked - 1e-9);
        self.count > 0 && reaches(asked.fte, self.fte) && reaches(asked.hours_per_week, self.hours_per_week)
    }
}

impl NeedStatus {
    /// The status of a need that its school gives this one, with these commitments. What the school itself says to be
    /// met stays so; a draft, and a need that is over, follow nothing.
    #[must_use]
    pub fn following(self, asked: Asked, committed: Committed) -> Self {
        match self {
            Self::Open | Self::PartlyCommitted if committed.meets(asked) => Self::Committed,
            Self::Open if committed.count > 0 => Self::PartlyCommitted,
            Self::Draft | Self::Open | Self::PartlyCommitted | Self::Committed | Self::Fulfilled | Self::Withdrawn => {
                self
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CapacityUnit::{Fte, HoursPerWeek, People};
    use NeedStatus::{Committed as Met, Draft, Fulfilled, Open, PartlyCommitted, Withdrawn};

    fn committed(capacities: &[Option<(f64, CapacityUnit)>]) -> Committed {
        let mut committed = Committed::default();
        capacities.iter().for_each(|capacity| committed.add(*capacity));
        committed
    }

    #[test]
    fn a_need_follows_what_is_committed_to_it_there_and_back() {
        let fte = Asked { fte: Some(1.0), hours_per_week: None };
        let both = Asked { fte: Some(1.0), hours_per_week: Some(8.0) };
        let uncounted = Asked::default();
        for (asked, capacities, status) in [
            (fte, &[][..], Open),
            (fte, &[Some((0.4, Fte))][..], PartlyCommitted),
            (fte, &[Some((0.1, Fte)), Some((0.2, Fte)), Some((0.7, Fte))][..], Met),
            (fte, &[Some((40.0, HoursPerWeek))][..], PartlyCommitted),
            (fte, &[Some((3.0, People)), None][..], PartlyCommitted),
            (both, &[Some((1.0, Fte))][..], PartlyCommitted),
            (both, &[Some((1.0, Fte)), Some((8.0, HoursPerWeek))][..], Met),
            (uncounted, &[][..], Open),
            (uncounted, &[None][..], Met),
        ] {
            assert_eq!(Open.following(asked, committed(capacities)), status, "{asked:?} {capacities:?}");
        }
    }

    #[test]
    fn what_the_school_says_itself_stays() {
        let all = committed(&[Some((5.0, Fte))]);
        let asked = Asked { fte: Some(1.0), hours_per_week: None };
        for said in [Draft, Met, Fulfilled, Withdrawn] {
            assert_eq!(said.following(asked, all), said);
            assert_eq!(said.following(asked, Committed::default()), said);
        }
        assert_eq!(PartlyCommitted.following(asked, Committed::default()), PartlyCommitted);
        assert_eq!(PartlyCommitted.following(asked, all), Met);
    }
}
