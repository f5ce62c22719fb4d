//! Makes the partners and their offers.

use super::needs::tenths;
use super::places::{G4, SHRINKING_REGIONS};
use super::{
    Amount, Codes, Dice, Frame, INPUTS, LANGUAGES, Offer, Overlay, PARTNER_KINDS, Partner, Reach, SUPPORT_KINDS,
    THEMES, number,
};

/// Partners and offers: every partner has offers, the first ones of every kind.
pub(super) fn generate(frame: &Frame) -> (Vec<Partner>, Vec<Offer>) {
    let mut dice = frame.dice(3);
    let count = frame.counts.partners;
    let partners: Vec<Partner> = (0..count)
        .map(|position| Partner {
            number: number(position + 1),
            name: dice.text(),
            kind: PARTNER_KINDS.get(position % PARTNER_KINDS.len()).copied().unwrap_or("COMPANY"),
            kvk: (!dice.chance(8)).then(|| 10_000 + number(position)),
            place: frame.any_place(&mut dice),
            overlay: Overlay::default(),
        })
        .collect();
    let offers = (0..frame.counts.offers)
        .filter_map(|position| {
            let partner = partners.get(if position < count { position } else { dice.below(count) })?;
            Some(offer(frame, position, partner, &mut dice))
        })
        .collect();
    (partners, offers)
}

fn offer(frame: &Frame, position: usize, partner: &Partner, dice: &mut Dice) -> Offer {
    let theme = match partner.kind {
        "HOUSING_CORPORATION" => 9,
        "CARE_OR_WELFARE" if dice.chance(60) => 6,
        "KNOWLEDGE_INSTITUTE" if dice.chance(50) => 1,
        // The themes go round, so that no theme is without offers.
        _ => position % (THEMES.len() - 1),
    };
    let mut themes = Codes::default().with(theme);
    let mut support_kinds = Codes::default().with(if theme == 9 { 8 } else { dice.below(SUPPORT_KINDS.len() - 1) });
    let mut inputs = Codes::default().with(dice.below(INPUTS.len()));
    let mut languages = Codes::default().with(0);
    if dice.chance(30) {
        themes = themes.with(dice.below(THEMES.len()));
    }
    for _ in 0..dice.below(3) {
        support_kinds = support_kinds.with(dice.below(SUPPORT_KINDS.len()));
        inputs = inputs.with(dice.below(INPUTS.len()));
    }
    if dice.chance(40) {
        languages = languages.with(dice.below(LANGUAGES.len()));
    }
    let starts = dice.between(-500, 60);
    let requires_vog = matches!(theme, 5..=8) || dice.chance(20);
    Offer {
        number: number(position + 1),
        partner: partner.number,
        title: dice.text(),
        themes,
        support_kinds,
        inputs,
        status: dice.weighted(&[(82, "active"), (8, "temporarily closed"), (5, "inactive"), (5, "defunct")], "active"),
        reach: reach(frame, partner, dice),
        capacity: (!dice.chance(12)).then(|| capacity(theme, dice)),
        starts_on: dice.chance(75).then(|| frame.day(starts)),
        ends_on: dice.chance(60).then(|| frame.day(starts + dice.between(600, 3_600))),
        requires_vog,
        vog_in_order: (requires_vog && !dice.chance(15)).then(|| dice.chance(90)),
        languages,
        modified: frame.past(dice),
        overlay: Overlay::default(),
    }
}

fn reach(frame: &Frame, partner: &Partner, dice: &mut Dice) -> Reach {
    match dice.below(100) {
        0..15 => Reach::National,
        15..25 => Reach::Circle { radius_km: u16::try_from(dice.between(1, 6) * 5).unwrap_or(15) },
        25..37 if frame.counts.places > G4 || dice.chance(25) => {
            let (_, slug) = SHRINKING_REGIONS.get(dice.below(SHRINKING_REGIONS.len())).unwrap_or(&SHRINKING_REGIONS[0]);
            Reach::Region(slug)
        }
        _ => {
            let mut places = vec![partner.place];
            for _ in 0..dice.below(3) {
                let place = frame.any_place(dice);
                if !places.contains(&place) {
                    places.push(place);
                }
            }
            Reach::Municipalities(places.into_boxed_slice())
        }
    }
}

/// An amount in a unit that fits the theme.
pub(super) fn capacity(theme: usize, dice: &mut Dice) -> Amount {
    let unit = match theme {
        9 => "PLACES",
        0 | 3 | 5 => dice.weighted(&[(60, "FTE"), (40, "HOURS_PER_WEEK")], "FTE"),
        6..=8 => dice.weighted(&[(50, "PEOPLE"), (50, "HOURS_PER_WEEK")], "PEOPLE"),
        _ => dice.weighted(&[(40, "HOURS_PER_WEEK"), (30, "PLACES"), (30, "EUR")], "PLACES"),
    };
    let amount = match unit {
        "FTE" => tenths(dice.between(2, 60)),
        "EUR" => tenths(dice.between(1, 30) * 1_000) * 25.0,
        "HOURS_PER_WEEK" => tenths(dice.between(2, 80) * 10),
        _ => tenths(dice.between(1, 40) * 10),
    };
    Amount { amount, unit }
}
