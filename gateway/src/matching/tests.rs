//! What must hold of every fit.

use entity::Code;
use proptest::prelude::*;

use super::*;

fn day(offset: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 24).unwrap() + chrono::Duration::days(offset)
}

fn today() -> NaiveDate {
    day(0)
}

fn set<C: Code>(bits: u16) -> CodeSet<C> {
    C::ALL.iter().copied().enumerate().filter(|(index, _)| bits & (1 << index) != 0).map(|(_, value)| value).collect()
}

fn place(key: &str) -> Option<Place> {
    Some(Place { key: key.to_owned(), name: key.to_owned() })
}

fn asked() -> impl Strategy<Value = Asked> {
    let period = (prop::option::of(-400_i64..400), prop::option::of(-50_i64..900));
    let amounts = (prop::option::of(0.0..5.0_f64), prop::option::of(0.0..80.0_f64));
    (1_u16..1024, 0_u16..512, any::<(bool, bool, bool)>(), period, amounts).prop_map(
        |(themes, kinds, (in_municipality, in_region, has_point), (starts, ends), (fte, hours_per_week))| Asked {
            themes: set(themes),
            support_kinds: set(kinds),
            municipality: place("GM9901").filter(|_| in_municipality),
            region: place("twente").filter(|_| in_region),
            point: GeoPoint::new(52.2, 6.9).filter(|_| has_point),
            starts_on: starts.map(day),
            ends_on: ends.map(day),
            fte,
            hours_per_week,
        },
    )
}

fn offered() -> impl Strategy<Value = Offered> {
    let period = (prop::option::of(-400_i64..400), prop::option::of(-50_i64..900));
    let circle = prop::option::of((51.9..52.5_f64, 6.5..7.3_f64, 0.0..60.0_f64));
    let unit = prop::sample::select(CapacityUnit::ALL.to_vec());
    let remaining = prop::option::of((prop_oneof![Just(0.0), 0.0..10.0_f64], unit));
    let vog = any::<(bool, Option<bool>)>();
    (1_u16..1024, 0_u16..512, any::<(bool, bool, bool)>(), circle, period, remaining, vog).prop_map(
        |(themes, kinds, (national, municipality, region), circle, (starts, ends), remaining, vog)| Offered {
            themes: set(themes),
            support_kinds: set(kinds),
            national,
            municipalities: municipality.then(|| "GM9901".to_owned()).into_iter().collect(),
            regions: region.then(|| "twente".to_owned()).into_iter().collect(),
            centre: circle.and_then(|(latitude, longitude, _)| GeoPoint::new(latitude, longitude)),
            radius_km: circle.map(|(_, _, radius)| radius),
            remaining,
            starts_on: starts.map(day),
            ends_on: ends.map(day),
            requires_vog: vog.0,
            vog_in_order: vog.1,
        },
    )
}

fn score(asked: &Asked, offered: &Offered) -> Option<f64> {
    fit(asked, offered, &MatchingSettings::default(), today()).map(|fit| fit.score)
}

/// The offer with a little more of one thing.
fn more(offered: &Offered, what: u8, bit: u16) -> Offered {
    let mut better = offered.clone();
    match what {
        0 => better.themes = better.themes.iter().chain(set(1 << (bit % 10)).iter()).collect(),
        1 => better.support_kinds = better.support_kinds.iter().chain(set(1 << (bit % 9)).iter()).collect(),
        2 => better.national = true,
        3 => drop(better.municipalities.insert("GM9901".to_owned())),
        4 => drop(better.regions.insert("twente".to_owned())),
        5 => better.radius_km = better.radius_km.map(|radius| radius + 5.0),
        6 => better.starts_on = better.starts_on.map(|day| day - chrono::Duration::days(30)),
        7 => better.ends_on = better.ends_on.map(|day| day + chrono::Duration::days(30)),
        8 => better.remaining = better.remaining.map(|(amount, unit)| (amount + 0.5, unit)),
        9 => better.vog_in_order = Some(true),
        10 => better.requires_vog = false,
        11 => better.ends_on = None,
        12 => better.starts_on = None,
        // The centre comes nearer to the school.
        _ => {
            better.centre = better.centre.and_then(|centre| {
                GeoPoint::new(f64::midpoint(centre.latitude, 52.2), f64::midpoint(centre.longitude, 6.9))
            });
        }
    }
    better
}

fn weights() -> impl Strategy<Value = MatchingSettings> {
    prop::array::uniform6(0.0..100.0_f64).prop_map(|weights| MatchingSettings {
        theme_weight: weights[0] + 0.1,
        support_kind_weight: weights[1],
        reach_weight: weights[2],
        period_weight: weights[3],
        capacity_weight: weights[4],
        vog_weight: weights[5],
        ..MatchingSettings::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn more_overlap_never_scores_lower(asked in asked(), offered in offered(), what in 0_u8..14, bit in any::<u16>()) {
        let (before, after) = (score(&asked, &offered), score(&asked, &more(&offered, what, bit)));
        prop_assert!(before.is_none_or(|before| after.is_some_and(|after| after >= before)), "{before:?} {after:?}");
    }

    #[test]
    fn a_score_is_the_sum_of_its_reasons_and_at_most_one(
        asked in asked(), offered in offered(), settings in weights(),
    ) {
        if let Some(fit) = fit(&asked, &offered, &settings, today()) {
            let sum: f64 = fit.reasons.iter().map(|reason| reason.score).sum();
            prop_assert!((0.0..=1.0).contains(&fit.score) && (sum - fit.score).abs() <= 0.0001);
            let weights: f64 = fit.reasons.iter().map(|reason| reason.weight).sum();
            prop_assert!((weights - 1.0).abs() < 1e-9);
            for reason in &fit.reasons {
                prop_assert!((0.0..=reason.weight).contains(&reason.score));
                for language in [entity::Language::Nl, entity::Language::En] {
                    let sentence = reason.finding.sentence(language);
                    prop_assert!(sentence.ends_with('.') && !sentence.contains("NaN"), "{sentence}");
                }
            }
        }
    }

    #[test]
    fn out_of_reach_or_exhausted_never_fits(asked in asked(), offered in offered()) {
        let mut far = offered.clone();
        (far.national, far.radius_km) = (false, None);
        (far.municipalities, far.regions) = (["GM0001".to_owned()].into(), ["elders".to_owned()].into());
        prop_assert_eq!(score(&asked, &far), None);
        let mut empty = offered.clone();
        for remaining in [0.0, -1.0, f64::NAN] {
            empty.remaining = Some((remaining, CapacityUnit::Fte));
            prop_assert_eq!(score(&asked, &empty), None);
        }
        let mut over = offered;
        over.ends_on = Some(day(-1));
        prop_assert_eq!(score(&asked, &over), None);
    }

    #[test]
    fn the_order_is_total_and_stable(
        asked in asked(), offers in prop::collection::vec(offered(), 1..12), turn in 0_usize..12,
        scores in prop::collection::vec(prop::option::of(0.0..3.0_f64), 12),
    ) {
        let mut fits: Vec<(usize, Fit)> = offers
            .iter()
            .enumerate()
            .filter_map(|(id, offered)| Some((id, fit(&asked, offered, &MatchingSettings::default(), today())?)))
            .collect();
        let order = |one: &(usize, Fit), other: &(usize, Fit)| {
            best_first(&one.1, &other.1, || vulnerable_first(scores[one.0], scores[other.0]).then(one.0.cmp(&other.0)))
        };
        fits.sort_by(order);
        let sorted: Vec<usize> = fits.iter().map(|(id, _)| *id).collect();
        let length = fits.len().max(1);
        fits.rotate_left(turn % length);
        fits.sort_by(order);
        prop_assert_eq!(sorted, fits.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    }
}

#[test]
fn the_reasons_say_what_was_found() {
    let asked = Asked {
        themes: set(0b11),
        support_kinds: set(0b1),
        municipality: place("Zuidwolde"),
        point: GeoPoint::new(52.2, 6.9),
        starts_on: Some(day(-10)),
        ends_on: Some(day(99)),
        fte: Some(0.5),
        ..Asked::default()
    };
    let offered = Offered {
        themes: set(0b1),
        centre: GeoPoint::new(52.23, 6.9),
        radius_km: Some(15.0),
        remaining: Some((10.0, CapacityUnit::HoursPerWeek)),
        ends_on: Some(day(49)),
        requires_vog: true,
        ..Offered::default()
    };
    let fit = fit(&asked, &offered, &MatchingSettings::default(), today()).unwrap();
    let said = |language| fit.reasons.iter().map(|reason| reason.finding.sentence(language)).collect::<Vec<_>>();
    assert_eq!(
        said(entity::Language::Nl),
        [
            "Gaat over 1 van de 2 thema's van de hulpvraag: Werving van nieuwe leerkrachten.",
            "Geeft andere ondersteuning dan de hulpvraag noemt.",
            "De school ligt op 3,3 km; het aanbod reikt tot 15 km.",
            "Is er 50% van de periode van de hulpvraag.",
            "Er is niet genoeg voor de hele vraag: 10 uur per week over, 20 uur per week gevraagd.",
            "Er is een VOG nodig; of die in orde is, is niet bekend.",
        ]
    );
    assert_eq!(
        said(entity::Language::En)[2..4],
        ["The school is 3.3 km away; the offer reaches 15 km.", "Is there for 50% of the need's period."]
    );
    // 35% × 1/2 + 0 + 15% × 0.93 + 10% × 1/2 + 10% × 1/2 + 10% × 1/2
    assert!((fit.score - 0.4650).abs() < 0.0006, "{}", fit.score);
    assert!(fit.distance_km.is_some_and(|km| (km - 3.3).abs() < 0.1));
}

#[test]
fn schools_without_a_disadvantage_score_come_last() {
    assert_eq!(vulnerable_first(Some(2.0), Some(1.0)), Ordering::Less);
    assert_eq!(vulnerable_first(None, Some(0.0)), Ordering::Greater);
    assert_eq!(vulnerable_first(None, None), Ordering::Equal);
}
