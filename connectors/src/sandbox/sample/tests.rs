//! What must hold of every sample.

use std::collections::{HashMap, HashSet};

use super::*;

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 23).unwrap()
}

fn small() -> Sample {
    Sample::generate(Size::Small, 1, day())
}

fn kilometres(a: (f32, f32), b: (f32, f32)) -> f32 {
    let east = (a.1 - b.1) * a.0.to_radians().cos();
    (a.0 - b.0).hypot(east) * 111.2
}

fn in_order(starts: Option<NaiveDate>, ends: Option<NaiveDate>) -> bool {
    starts.zip(ends).is_none_or(|(starts, ends)| starts <= ends)
}

fn check(sample: &Sample, counts: Counts) {
    assert_eq!(sample.schools.len(), counts.schools);
    assert_eq!(sample.boards.live().count(), counts.boards);
    assert_eq!(sample.partners.len(), counts.partners);
    assert_eq!(sample.needs.live().count(), counts.needs);
    assert_eq!(sample.offers.len(), counts.offers);
    assert_eq!(sample.commitments.len(), counts.commitments);
    assert_eq!(sample.homes.len(), counts.homes);
    assert_eq!(sample.schemes.len(), 4);

    let mut of_need: HashMap<u32, Vec<&str>> = HashMap::new();
    for commitment in sample.commitments.iter() {
        assert!(sample.partners.get(commitment.partner).is_some());
        assert!(sample.schools.get(commitment.school).is_some());
        assert!(in_order(commitment.starts_on, commitment.ends_on));
        if let Some(offer) = commitment.offer {
            assert_eq!(sample.offers.get(offer).unwrap().partner, commitment.partner);
        }
        if let Some(need) = commitment.need {
            assert_eq!(sample.needs.get(need).unwrap().school, commitment.school);
            assert!(!sample.needs.get(need).unwrap().deleted);
            of_need.entry(need).or_default().push(commitment.status);
        }
    }
    let live = |statuses: &[&str]| statuses.iter().any(|status| matches!(*status, "ACCEPTED" | "ACTIVE"));
    for need in sample.needs.live() {
        assert!(sample.schools.get(need.school).is_some());
        assert!(in_order(need.starts_on, need.ends_on));
        let statuses = of_need.get(&need.number).map_or(&[][..], Vec::as_slice);
        match need.status {
            "DRAFT" => assert!(statuses.is_empty()),
            "PARTLY_COMMITTED" | "COMMITTED" => assert!(live(statuses)),
            "FULFILLED" => assert!(statuses.contains(&"CONFIRMED")),
            _ => assert!(!live(statuses)),
        }
    }
    for home in sample.homes.iter() {
        assert!(in_order(Some(home.published_on), home.respond_before));
        assert!(in_order(Some(home.published_on), home.available_from));
    }
    for scheme in sample.schemes.iter() {
        assert!(in_order(Some(scheme.starts_on), scheme.ends_on));
    }
    for offer in sample.offers.iter() {
        assert!(sample.partners.get(offer.partner).is_some());
        assert!(in_order(offer.starts_on, offer.ends_on));
    }
    let with_needs: HashSet<u32> = sample.needs.live().map(|need| need.school).collect();
    for school in sample.schools.iter() {
        assert!(sample.boards.get(school.board).is_some());
        assert!(with_needs.contains(&school.code));
    }
}

#[test]
fn the_small_sample_is_whole_and_agrees_with_itself() {
    check(&small(), Size::Small.counts());
}

#[test]
fn the_national_sample_is_whole_agrees_with_itself_and_is_small_in_memory() {
    let sample = Sample::generate(Size::National, 1, day());
    check(&sample, Size::National.counts());
    let faulty = sample.needs.iter().filter(|need| need.overlay != Overlay::default()).count()
        + sample.homes.iter().filter(|home| home.overlay != Overlay::default()).count();
    assert!((1..50).contains(&faulty), "{faulty} faulty records");
    let places: HashSet<u16> = sample.schools.iter().map(|school| school.place).collect();
    assert!(places.len() > 330, "{} municipalities", places.len());
    let bytes = sample.schools.len() * size_of::<School>()
        + sample.boards.len() * size_of::<Board>()
        + sample.needs.len() * size_of::<Need>()
        + sample.partners.len() * size_of::<Partner>()
        + sample.offers.len() * size_of::<Offer>()
        + sample.commitments.len() * size_of::<Commitment>()
        + sample.homes.len() * size_of::<Home>();
    assert!(bytes < 20_000_000, "{bytes} bytes");
}

#[test]
fn the_same_seed_and_day_give_the_same_sample() {
    assert_eq!(format!("{:?}", small()), format!("{:?}", small()));
    assert_ne!(format!("{:?}", small()), format!("{:?}", Sample::generate(Size::Small, 2, day())));
}

#[test]
fn every_small_school_has_a_need_a_live_commitment_and_homes_nearby() {
    let sample = small();
    for school in sample.schools.iter() {
        let live = sample.commitments.iter().filter(|commitment| {
            commitment.school == school.code && matches!(commitment.status, "ACCEPTED" | "ACTIVE")
        });
        assert!(live.count() >= 1);
        let near = sample.homes.iter().filter(|home| {
            home.status == "GEP"
                && home.location.zip(school.location.or(home.location)).is_some_and(|(a, b)| kilometres(a, b) < 15.0)
        });
        assert!(near.count() >= 5);
    }
}

#[test]
fn the_small_sample_shows_every_case() {
    let sample = small();
    let needs: HashSet<_> = sample.needs.iter().map(|need| need.status).collect();
    assert_eq!(needs.len(), 6);
    let commitments: HashSet<_> = sample.commitments.iter().map(|commitment| commitment.status).collect();
    assert_eq!(commitments.len(), 8);
    assert!(sample.commitments.iter().any(|commitment| {
        commitment.status == "ACCEPTED" && commitment.starts_on.is_some_and(|starts| starts < day())
    }));
    let homes: HashSet<_> = sample.homes.iter().map(|home| home.status).collect();
    assert!(homes.len() >= 5);
    assert!(sample.homes.iter().any(|home| home.location.is_none()));
    let themes: HashSet<_> = sample.offers.iter().flat_map(|offer| offer.themes.places()).collect();
    assert_eq!(themes.len(), THEMES.len());
    assert!(sample.needs.iter().any(|need| need.deleted));
}

#[test]
fn brin_codes_are_read_as_they_are_written() {
    assert_eq!(brin_code(0), "99AA00");
    assert_eq!(brin_code(67_599), "99ZZ99");
    for code in [0, 1, 99, 100, 2_600, 67_599] {
        assert_eq!(school_code(&brin_code(code)), Some(code));
    }
    assert_eq!(school_code("20AB00"), None);
    assert_eq!(key_of(&service_id(77)), Some(77));
    assert_eq!(key_of("need-000123"), Some(123));
    assert_eq!(key_of("99AB00"), Some(100));
}

#[test]
fn a_change_moves_the_date_and_a_removal_leaves_what_the_standard_leaves() {
    let mut sample = small();
    let before = sample.needs.get(1).unwrap().modified;
    assert!(sample.needs.change(1, |need| need.title = "Anders".into()));
    assert!(sample.needs.get(1).unwrap().modified > before);
    assert!(sample.needs.remove(1));
    assert!(sample.needs.get(1).unwrap().deleted);
    assert!(sample.offers.remove(1));
    assert!(sample.offers.get(1).is_none());
    let copy = sample.offers.get(2).unwrap().clone();
    assert_eq!(sample.offers.add(copy), 121);
}
