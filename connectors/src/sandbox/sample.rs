//! The sample: invented schools, needs, partners, offers, commitments and homes, the same for the same seed and day.
//!
//! BRIN codes are `99AA00` to `99ZZ99`, which no school has; host names end in `.example`; telephone numbers start with
//! an area code that does not exist; trade-register numbers start with `000`. Only municipalities and regions are real.

mod commitments;
mod homes;
mod ids;
mod needs;
mod partners;
pub(crate) mod places;
mod records;
mod schools;
mod shelf;
mod text;
pub(crate) mod words;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

pub(crate) use self::ids::directory_id;
pub use self::ids::{
    brin_code, commitment_id, key_of, need_id, organization_id, publication_id, scheme_id, school_code, service_id,
};
pub use self::records::{Amount, Board, Commitment, Home, HomeRules, Need, Offer, Partner, Reach, Scheme, School};
pub use self::shelf::{Entry, Shelf};
pub(crate) use self::text::Dice;
pub use self::text::{Codes, Overlay, Text};
pub use self::words::{BARRIERS, INPUTS, LANGUAGES, PARTNER_KINDS, SEGMENTS, SUPPORT_KINDS, THEMES};

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// Forty schools in the four big cities: to look around in.
    #[default]
    Small,
    /// As much as the whole country has.
    National,
}

/// How many records of each kind a size has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) schools: usize,
    pub(crate) boards: usize,
    pub(crate) partners: usize,
    pub(crate) needs: usize,
    pub(crate) offers: usize,
    pub(crate) commitments: usize,
    pub(crate) homes: usize,
    /// How many of the municipalities take part.
    pub(crate) places: usize,
}

impl Size {
    pub(crate) const fn counts(self) -> Counts {
        match self {
            Self::Small => Counts {
                schools: 40,
                boards: 3,
                partners: 12,
                needs: 150,
                offers: 120,
                commitments: 200,
                homes: 150,
                places: places::G4,
            },
            Self::National => Counts {
                schools: 6_600,
                boards: 900,
                partners: 1_200,
                needs: 25_000,
                offers: 6_000,
                commitments: 20_000,
                homes: 30_000,
                places: places::PLACES.len(),
            },
        }
    }
}

/// Everything that the simulated systems serve.
#[derive(Clone, Debug)]
pub struct Sample {
    /// School boards, by number.
    pub boards: Shelf<Board>,
    /// School locations, by the number of their BRIN code.
    pub schools: Shelf<School>,
    /// Needs, by number.
    pub needs: Shelf<Need>,
    /// Partners, by number.
    pub partners: Shelf<Partner>,
    /// Offers, by number.
    pub offers: Shelf<Offer>,
    /// Commitments, by number.
    pub commitments: Shelf<Commitment>,
    /// Homes, by number.
    pub homes: Shelf<Home>,
    /// Priority schemes, by the number of their municipality.
    pub schemes: Shelf<Scheme>,
    /// The day that the sample is made for.
    pub today: NaiveDate,
}

impl Sample {
    /// Makes the sample; dates lie round `today`.
    #[must_use]
    pub fn generate(size: Size, seed: u64, today: NaiveDate) -> Self {
        let frame = Frame { counts: size.counts(), seed, today };
        let (boards, schools) = schools::generate(&frame);
        let mut needs = needs::generate(&frame, &schools);
        let (partners, offers) = partners::generate(&frame);
        let parts = commitments::Parts { schools: &schools, partners: &partners, offers: &offers };
        let commitments = commitments::generate(&frame, &parts, &mut needs);
        let (mut homes, schemes) = homes::generate(&frame);
        if size == Size::National {
            spoil(&mut needs, &mut homes);
        }
        let at = frame.moment(0, 0);
        Self {
            boards: Shelf::new(boards, at),
            schools: Shelf::new(schools, at),
            needs: Shelf::new(needs, at),
            partners: Shelf::new(partners, at),
            offers: Shelf::new(offers, at),
            commitments: Shelf::new(commitments, at),
            homes: Shelf::new(homes, at),
            schemes: Shelf::new(schemes, at),
            today,
        }
    }

    /// The BRIN code of the first school whose card has something everywhere: see
    /// [`Sandbox::sample_brin`](super::Sandbox::sample_brin).
    #[must_use]
    pub fn sample_brin(&self) -> Option<String> {
        let school = self.schools.live().find(|school| {
            self.needs.live().any(|need| need.school == school.code)
                && self.commitments.iter().any(|commitment| {
                    commitment.school == school.code && matches!(commitment.status, "ACCEPTED" | "ACTIVE")
                })
                && self.homes.iter().any(|home| home.place == school.place && home.status == "GEP")
        })?;
        Some(brin_code(school.code))
    }

    /// The school with this BRIN code.
    #[must_use]
    pub fn school(&self, brin: &str) -> Option<&School> {
        self.schools.get(school_code(brin)?)
    }
}

/// Makes a few records faulty, as some always are in a whole country: needs of a school that nobody knows, and homes
/// without their unit. Drafts are chosen, since no commitment refers to them.
fn spoil(needs: &mut [Need], homes: &mut [Home]) {
    for need in needs.iter_mut().filter(|need| need.status == "DRAFT").step_by(200) {
        need.overlay.set("org", serde_json::json!({"sourcedId": "org-s-unknown", "type": "org"}));
    }
    for home in homes.iter_mut().skip(500).step_by(2_000) {
        home.overlay.set("eenheden", serde_json::json!([]));
    }
}

/// What every part of the generator goes by.
pub(crate) struct Frame {
    pub(crate) counts: Counts,
    pub(crate) seed: u64,
    pub(crate) today: NaiveDate,
}

impl Frame {
    /// Dice for one part of the sample.
    pub(crate) fn dice(&self, part: u64) -> Dice {
        Dice::new(self.seed, part)
    }

    /// A day so many days from today.
    pub(crate) fn day(&self, days: i64) -> NaiveDate {
        self.today.checked_add_signed(TimeDelta::days(days)).unwrap_or(self.today)
    }

    /// A moment so many days before the start of today, and so many seconds after that.
    pub(crate) fn moment(&self, days_ago: i64, seconds: i64) -> DateTime<Utc> {
        self.day(-days_ago).and_time(NaiveTime::MIN).and_utc() + TimeDelta::seconds(seconds)
    }

    /// A moment in the year before today; a few lie in the last days.
    pub(crate) fn past(&self, dice: &mut Dice) -> DateTime<Utc> {
        let days = if dice.chance(10) { dice.between(1, 7) } else { dice.between(8, 380) };
        self.moment(days, dice.between(7 * 3600, 18 * 3600))
    }

    /// One of the municipalities that take part, by weight; small samples have the same of each.
    pub(crate) fn any_place(&self, dice: &mut Dice) -> u16 {
        let taking_part = places::PLACES.get(..self.counts.places).unwrap_or(places::PLACES);
        if taking_part.len() <= places::G4 {
            return index(dice.below(taking_part.len()));
        }
        let mut drawn = dice.below(taking_part.iter().map(|place| place.weight).sum());
        for (at, place) in taking_part.iter().enumerate() {
            if drawn < place.weight {
                return index(at);
            }
            drawn -= place.weight;
        }
        0
    }
}

/// A point within so many kilometres of the middle of a municipality.
pub(crate) fn point_near(place: u16, within_km: f64, dice: &mut Dice) -> (f32, f32) {
    let middle = places::place_at(place);
    let (distance, angle) = (within_km * dice.unit().sqrt(), std::f64::consts::TAU * dice.unit());
    let north = distance * angle.sin() / 111.2;
    let east = distance * angle.cos() / (111.2 * f64::from(middle.latitude).to_radians().cos());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a coordinate in f32 is exact to a metre or so, which is enough"
    )]
    let point = ((f64::from(middle.latitude) + north) as f32, (f64::from(middle.longitude) + east) as f32);
    point
}

/// A position as an index that records keep.
pub(crate) fn index(position: usize) -> u16 {
    u16::try_from(position).unwrap_or(u16::MAX)
}

/// A position as a number that records keep.
pub(crate) fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
