//! Makes the commitments, so that they agree with where the needs stand.
//!
//! | need | has |
//! | --- | --- |
//! | draft | nothing |
//! | open | at most proposals, and what was declined |
//! | partly committed, committed | at least one accepted or active commitment |
//! | fulfilled | a confirmed one |
//! | withdrawn | at most withdrawn and declined ones |

use super::partners::capacity;
use super::places::place_at;
use super::{Commitment, Dice, Frame, Need, Offer, Overlay, Partner, Reach, School, number, schools};

/// What commitments are made between.
pub(super) struct Parts<'a> {
    pub(super) schools: &'a [School],
    pub(super) partners: &'a [Partner],
    pub(super) offers: &'a [Offer],
}

/// The commitments: first those that the needs ask for by where they stand, then others until there are enough. A need
/// for which there is no room left goes back to open.
pub(super) fn generate(frame: &Frame, parts: &Parts<'_>, needs: &mut [Need]) -> Vec<Commitment> {
    let mut maker = Maker { frame, parts, dice: frame.dice(4), made: Vec::with_capacity(frame.counts.commitments) };
    for need in needs.iter_mut() {
        let status = match need.status {
            "PARTLY_COMMITTED" | "COMMITTED" => maker.dice.weighted(&[(65, "ACTIVE"), (35, "ACCEPTED")], "ACTIVE"),
            "FULFILLED" => "CONFIRMED",
            _ => continue,
        };
        if maker.made.len() < frame.counts.commitments {
            maker.commit(need.school, Some(need), status);
        } else {
            need.status = "OPEN";
        }
    }
    while maker.made.len() < frame.counts.commitments {
        maker.another(needs);
    }
    maker.made
}

struct Maker<'a> {
    frame: &'a Frame,
    parts: &'a Parts<'a>,
    dice: Dice,
    made: Vec<Commitment>,
}

impl<'a> Maker<'a> {
    /// A commitment to a school in general, or one more to a need, such as the need can have.
    fn another(&mut self, needs: &[Need]) {
        if self.dice.chance(35) || needs.is_empty() {
            // Some go to the school of the examples.
            let at = if self.dice.chance(3) { 0 } else { self.dice.below(self.parts.schools.len()) };
            let status = self.dice.weighted(
                &[
                    (30, "ACTIVE"),
                    (20, "ACCEPTED"),
                    (20, "PROPOSED"),
                    (10, "COMPLETED"),
                    (8, "CONFIRMED"),
                    (6, "DECLINED"),
                    (3, "WITHDRAWN"),
                    (3, "BROKEN"),
                ],
                "ACTIVE",
            );
            self.commit(schools::code_at(at), None, status);
            return;
        }
        let Some(need) = needs.get(self.dice.below(needs.len())) else { return };
        let status = match need.status {
            // A draft is nobody's business yet, and who deletes a need has no commitments to it.
            "DRAFT" => return,
            "WITHDRAWN" if need.deleted => return,
            "OPEN" => self.dice.weighted(&[(70, "PROPOSED"), (20, "DECLINED"), (10, "WITHDRAWN")], "PROPOSED"),
            "WITHDRAWN" => self.dice.weighted(&[(50, "WITHDRAWN"), (50, "DECLINED")], "WITHDRAWN"),
            "FULFILLED" => self.dice.weighted(&[(60, "CONFIRMED"), (20, "DECLINED"), (20, "BROKEN")], "CONFIRMED"),
            _ => self.dice.weighted(
                &[
                    (35, "ACTIVE"),
                    (20, "ACCEPTED"),
                    (15, "PROPOSED"),
                    (15, "COMPLETED"),
                    (8, "DECLINED"),
                    (7, "BROKEN"),
                ],
                "ACTIVE",
            ),
        };
        self.commit(need.school, Some(need), status);
    }

    fn commit(&mut self, school: u32, need: Option<&Need>, status: &'static str) {
        let offer = self.offer_for(school, need);
        let partner = offer.map_or_else(
            || self.parts.partners.get(self.dice.below(self.parts.partners.len())).map_or(1, |partner| partner.number),
            |offer| offer.partner,
        );
        let theme = need
            .and_then(|need| need.themes.places().next())
            .or_else(|| offer.and_then(|offer| offer.themes.places().next()))
            .unwrap_or(5);
        let (starts, ends) = self.term(status);
        self.made.push(Commitment {
            number: number(self.made.len() + 1),
            partner,
            offer: offer.map(|offer| offer.number),
            school,
            need: need.map(|need| need.number),
            title: self.dice.text(),
            status,
            capacity: (!self.dice.chance(15)).then(|| capacity(theme, &mut self.dice)),
            starts_on: starts.map(|days| self.frame.day(days)),
            ends_on: ends.map(|days| self.frame.day(days)),
            modified: self.frame.past(&mut self.dice),
            overlay: Overlay::default(),
        });
    }

    /// First and last day, counted from today. Some are overdue: accepted and not begun, or active past their end.
    fn term(&mut self, status: &str) -> (Option<i64>, Option<i64>) {
        let overdue = self.dice.chance(9);
        let dice = &mut self.dice;
        let (starts, ends) = match status {
            "ACCEPTED" if overdue => (dice.between(-90, -5), dice.between(200, 900)),
            "ACCEPTED" | "PROPOSED" => (dice.between(5, 240), dice.between(300, 2_500)),
            "ACTIVE" if overdue => (dice.between(-700, -300), dice.between(-120, -2)),
            // Lasting ones run for up to ten years.
            "ACTIVE" => (dice.between(-500, -3), dice.between(60, 3_650)),
            _ => (dice.between(-900, -300), dice.between(-250, -20)),
        };
        (
            Some(starts).filter(|_| overdue || !self.dice.chance(5)),
            Some(ends).filter(|_| overdue || !self.dice.chance(12)),
        )
    }

    /// An offer that fits: of a theme that the need has, and that reaches the school. `None` where a few draws find none.
    fn offer_for(&mut self, school: u32, need: Option<&Need>) -> Option<&'a Offer> {
        let offers = self.parts.offers;
        let place = self.place_of(school);
        (0..12)
            .filter_map(|_| offers.get(self.dice.below(offers.len())))
            .find(|offer| reaches(&offer.reach, place) && need.is_none_or(|need| offer.themes.meets(need.themes)))
    }

    fn place_of(&self, code: u32) -> u16 {
        // Schools stand by position here; their codes follow from it.
        let position = usize::try_from(code / 100 + code % 100 * 676).unwrap_or(0);
        self.parts.schools.get(position).map_or(0, |school| school.place)
    }
}

fn reaches(reach: &Reach, place: u16) -> bool {
    match reach {
        Reach::National => true,
        Reach::Municipalities(places) => places.contains(&place),
        Reach::Region(slug) => place_at(place).shrinking_region() == Some(slug),
        Reach::Circle { .. } => false,
    }
}
