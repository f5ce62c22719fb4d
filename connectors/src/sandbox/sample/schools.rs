//! Makes the school boards and the schools.

use super::{Board, Dice, Frame, Overlay, School, index, number, places, point_near};

/// The number of the first board.
pub(crate) const FIRST_BOARD: u32 = 90_001;

/// Boards and schools. Schools stand in the order of their municipalities, so that a board's schools lie together.
pub(super) fn generate(frame: &Frame) -> (Vec<Board>, Vec<School>) {
    let mut dice = frame.dice(1);
    let places = places_of_schools(frame, &mut dice);
    let schools: Vec<School> =
        places.iter().enumerate().map(|(position, place)| school(frame, position, *place, &mut dice)).collect();
    // One more than there are: it merged with another before anybody looked, and left its tombstone.
    let boards = (0..=frame.counts.boards)
        .map(|position| {
            let first = position * schools.len() / frame.counts.boards.max(1);
            Board {
                number: FIRST_BOARD + number(position),
                name: dice.text(),
                place: places.get(first).copied().unwrap_or(0),
                modified: frame.past(&mut dice),
                deleted: position == frame.counts.boards,
                overlay: Overlay::default(),
            }
        })
        .collect();
    (boards, schools)
}

fn places_of_schools(frame: &Frame, dice: &mut Dice) -> Vec<u16> {
    let count = frame.counts.schools;
    if frame.counts.places == places::G4 {
        return (0..count).map(|position| index(position * places::G4 / count.max(1))).collect();
    }
    let mut places: Vec<u16> = (0..count).map(|_| frame.any_place(dice)).collect();
    places.sort_unstable();
    places
}

fn school(frame: &Frame, position: usize, place: u16, dice: &mut Dice) -> School {
    let location = point_near(place, 4.0, dice);
    // The first school is the one that examples show: it has everything.
    let rich = position == 0;
    School {
        code: code_at(position),
        name: dice.text(),
        board: FIRST_BOARD + number(position * frame.counts.boards / frame.counts.schools.max(1)),
        place,
        location: (rich || !dice.chance(2)).then_some(location),
        pupils: (rich || !dice.chance(3)).then(|| u16::try_from(dice.between(70, 620)).unwrap_or(200)),
        disadvantage_score: (rich || !dice.chance(10))
            .then(|| if usize::from(place) < places::G4 { dice.between(180, 1400) } else { dice.between(0, 600) })
            .map(|tenths_of_ten| f32::from(i16::try_from(tenths_of_ten).unwrap_or(0)) / 2.0),
        modified: frame.past(dice),
        deleted: false,
        overlay: Overlay::default(),
    }
}

/// The code of the school at a position: `99AA00`, `99AB00` …, and when the letters are used up, their second locations.
pub(super) fn code_at(position: usize) -> u32 {
    number((position % 676) * 100 + position / 676)
}
