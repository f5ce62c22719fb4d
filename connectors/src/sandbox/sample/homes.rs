//! Makes the homes and the municipalities' priority schemes.

use super::places::{G4, PLACES};
use super::{Codes, Dice, Frame, Home, HomeRules, Overlay, SEGMENTS, Scheme, index, number, point_near};

/// Homes and schemes. The schemes are those of the four big cities, each in another state.
pub(super) fn generate(frame: &Frame) -> (Vec<Home>, Vec<Scheme>) {
    let mut dice = frame.dice(5);
    let homes = (0..frame.counts.homes).map(|position| home(frame, position, &mut dice)).collect();
    (homes, schemes(frame))
}

fn home(frame: &Frame, position: usize, dice: &mut Dice) -> Home {
    // The first ones stand in each city in turn and are free, so that no city is without.
    let shown = position < 8 * G4;
    let place = if shown { index(position % G4) } else { frame.any_place(dice) };
    let kind = dice
        .weighted(&[(42, "POF"), (14, "GAL"), (12, "BOV"), (6, "MAI"), (12, "TUS"), (4, "HOE"), (10, "KAM")], "POF");
    let studio = kind == "POF" && dice.chance(30);
    let segment = dice.weighted(&[(35, "SOC"), (40, "MID"), (25, "VRI")], "MID");
    let (area, rooms) = match kind {
        "KAM" => (dice.between(12, 28), 1),
        _ if studio => (dice.between(22, 38), 1),
        "TUS" | "HOE" => (dice.between(75, 130), dice.between(3, 6)),
        _ => (dice.between(40, 95), dice.between(2, 4)),
    };
    let rent = match (kind, segment) {
        ("KAM", _) => dice.between(38_000, 69_000),
        (_, "SOC") => dice.between(51_000, 93_000),
        (_, "MID") => dice.between(93_500, 122_800),
        _ => dice.between(123_000, 195_000),
    };
    let located = shown || !dice.chance(6);
    let status = if shown {
        "GEP"
    } else {
        dice.weighted(&[(68, "GEP"), (10, "AAN"), (11, "AFG"), (6, "ING"), (3, "GER"), (2, "VOO")], "GEP")
    };
    let over = matches!(status, "AFG" | "ING");
    let published = if over { dice.between(-90, -45) } else { dice.between(-60, -1) };
    let respond = if over { dice.between(-40, -2) } else { dice.between(3, 45) };
    Home {
        number: number(position + 1),
        street: dice.text(),
        place,
        location: located.then(|| point_near(place, 6.0, dice)),
        status,
        kind,
        studio,
        segment: (!dice.chance(4)).then_some(segment),
        rent_cents: u32::try_from(rent).unwrap_or(100_000),
        service_cents: (!dice.chance(25)).then(|| u32::try_from(dice.between(1_500, 9_500)).unwrap_or(5_000)),
        area_m2: u16::try_from(area).unwrap_or(50),
        rooms: u8::try_from(rooms).unwrap_or(2),
        homes: if dice.chance(6) { u8::try_from(dice.between(2, 24)).unwrap_or(2) } else { 1 },
        published_on: frame.day(published),
        respond_before: (!dice.chance(15)).then(|| frame.day(respond)),
        available_from: (!dice.chance(8)).then(|| frame.day(respond + dice.between(10, 120))),
        contract_months: dice.chance(20).then(|| dice.weighted(&[(50, 24), (30, 60), (20, 12)], 24)),
        rules: rules(segment, dice),
        scheme: (usize::from(place) < G4 && dice.chance(40))
            .then(|| PLACES.get(usize::from(place)).map(|place| place.code))
            .flatten(),
        overlay: Overlay::default(),
    }
}

fn rules(segment: &str, dice: &mut Dice) -> HomeRules {
    let teachers_only = dice.chance(45);
    HomeRules {
        teachers_only,
        minimum_hours: (teachers_only && dice.chance(60)).then(|| dice.weighted(&[(50, 20), (50, 24)], 20)),
        minimum_income: (segment == "VRI").then(|| thousands(dice.between(45, 70))),
        maximum_income: (segment != "VRI")
            .then(|| thousands(if segment == "SOC" { dice.between(46, 54) } else { dice.between(62, 90) })),
        starters_only: dice.chance(15),
        maximum_distance_km: dice.chance(8).then_some(45),
    }
}

fn thousands(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(0) * 1_000
}

/// One scheme in each of the four big cities: open, suspended since its quota was used, announced, closed.
fn schemes(frame: &Frame) -> Vec<Scheme> {
    let year_ago = frame.day(-300);
    let scheme = |place: usize, status, starts_on, quota: (u32, u32), segments: &[&str]| Scheme {
        number: PLACES.get(place).map_or(0, |place| place.code),
        place: index(place),
        status,
        starts_on,
        ends_on: Some(frame.day(if status == "CLOSED" { -20 } else { 420 })),
        quota: Some(quota.0),
        used: Some(quota.1),
        segments: Codes::of(&SEGMENTS, segments),
        minimum_fte: None,
        via_employer: false,
        rules: HomeRules { teachers_only: true, ..HomeRules::default() },
        overlay: Overlay::default(),
    };
    let mut schemes = vec![
        scheme(0, "OPEN", year_ago, (150, 87), &["SOCIAL", "MID_RENT"]),
        scheme(1, "CLOSED", frame.day(-400), (100, 96), &["MID_RENT"]),
        scheme(2, "ANNOUNCED", frame.day(60), (80, 0), &["SOCIAL", "MID_RENT", "SHARED"]),
        scheme(3, "SUSPENDED", year_ago, (60, 60), &["SOCIAL"]),
    ];
    let [amsterdam, rotterdam, the_hague, utrecht] = schemes.as_mut_slice() else { return schemes };
    amsterdam.minimum_fte = Some(0.6);
    amsterdam.via_employer = true;
    amsterdam.rules.maximum_income = Some(81_000);
    rotterdam.rules.minimum_hours = Some(20);
    rotterdam.used = None;
    the_hague.rules.starters_only = true;
    the_hague.rules.maximum_distance_km = Some(30);
    utrecht.minimum_fte = Some(0.5);
    utrecht.rules.maximum_income = Some(54_000);
    schemes
}
