//! Makes the needs. Where each stands is planned here; the commitments that go with it are made after that.

use super::{BARRIERS, Codes, Dice, Frame, Need, Overlay, SUPPORT_KINDS, School, THEMES, number, schools};

/// How many needs the school of the examples has.
const NEEDS_OF_THE_FIRST_SCHOOL: usize = 7;

/// The needs: one for every school, more for the first one, and the rest wherever chance puts them.
pub(super) fn generate(frame: &Frame, schools: &[School]) -> Vec<Need> {
    let mut dice = frame.dice(2);
    // Two more than there are: the school administration never forgets, and these were deleted before anybody looked.
    let count = frame.counts.needs;
    (0..count + 2)
        .map(|position| {
            let school = if position < schools.len() {
                position
            } else if position < schools.len() + NEEDS_OF_THE_FIRST_SCHOOL - 1 {
                0
            } else {
                dice.below(schools.len())
            };
            let need = need(frame, position, schools::code_at(school), schools.len(), &mut dice);
            if position < count { need } else { Need { status: "WITHDRAWN", deleted: true, ..need } }
        })
        .collect()
}

fn need(frame: &Frame, position: usize, school: u32, schools: usize, dice: &mut Dice) -> Need {
    let theme = if position == 0 { 5 } else { dice.below(THEMES.len()) };
    // A need about housing mostly asks for housing; any other for two or three kinds of support.
    let mut support_kinds = Codes::default().with(if theme == 9 { 8 } else { dice.below(SUPPORT_KINDS.len() - 1) });
    let mut themes = Codes::default().with(theme);
    let mut barriers = Codes::default().with(dice.below(BARRIERS.len()));
    if dice.chance(35) {
        themes = themes.with(dice.below(THEMES.len()));
    }
    for _ in 0..dice.below(3) {
        support_kinds = support_kinds.with(dice.below(SUPPORT_KINDS.len()));
        barriers = barriers.with(dice.below(BARRIERS.len()));
    }
    let status = if position < schools {
        // Every school has a need that somebody works on.
        if dice.chance(50) { "PARTLY_COMMITTED" } else { "COMMITTED" }
    } else if position < schools + 3 {
        "OPEN"
    } else {
        dice.weighted(
            &[
                (42, "OPEN"),
                (18, "PARTLY_COMMITTED"),
                (17, "COMMITTED"),
                (8, "FULFILLED"),
                (8, "DRAFT"),
                (7, "WITHDRAWN"),
            ],
            "OPEN",
        )
    };
    let starts = if status == "FULFILLED" { dice.between(-500, -250) } else { dice.between(-200, 200) };
    let in_fte = dice.chance(55);
    Need {
        number: number(position + 1),
        school,
        title: dice.text(),
        themes,
        support_kinds,
        barriers,
        urgency: dice.weighted(&[(15, "LOW"), (45, "NORMAL"), (28, "HIGH"), (12, "CRITICAL")], "NORMAL"),
        status,
        fte: in_fte.then(|| tenths(dice.between(2, 40))),
        hours_per_week: (!in_fte && dice.chance(80)).then(|| tenths(dice.between(2, 32) * 10)),
        starts_on: (!dice.chance(8)).then(|| frame.day(starts)),
        ends_on: dice.chance(70).then(|| frame.day(starts + dice.between(120, 900))),
        modified: frame.past(dice),
        deleted: false,
        overlay: Overlay::default(),
    }
}

/// So many tenths.
pub(super) fn tenths(count: i64) -> f32 {
    f32::from(i16::try_from(count).unwrap_or(i16::MAX)) / 10.0
}
