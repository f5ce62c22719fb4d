//! Points on a plane: a map without tiles. North is up, the school in the middle, and rings tell how far away things are.

use serde::Deserialize;

/// The map is a square of this many units.
const SIDE: f64 = 400.0;
/// Nothing is drawn nearer to the edge.
const MARGIN: f64 = 16.0;
/// A degree of latitude, in kilometres.
const KM_A_DEGREE: f64 = 111.195;

/// Where something is, in degrees.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Place {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
}

/// A point of the map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    /// Which of the things that were to be drawn.
    pub(super) number: usize,
    pub(super) x: String,
    pub(super) y: String,
}

/// A circle round the middle.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ring {
    pub(super) km: u32,
    pub(super) radius: String,
    /// Where its label stands.
    pub(super) label_y: String,
}

/// Things round a place.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub(super) points: Vec<Point>,
    pub(super) rings: Vec<Ring>,
}

impl Map {
    /// The places round `middle`, numbered from 1; those without coordinates are not on it. `None`: there is nothing to draw.
    pub(super) fn around(middle: Option<Place>, places: impl Iterator<Item = Option<Place>>) -> Option<Self> {
        let middle = middle?;
        let shrink = middle.latitude.to_radians().cos();
        let offsets: Vec<(usize, f64, f64)> = places
            .enumerate()
            .filter_map(|(index, place)| {
                let place = place?;
                let east = (place.longitude - middle.longitude) * shrink * KM_A_DEGREE;
                let north = (place.latitude - middle.latitude) * KM_A_DEGREE;
                (east.is_finite() && north.is_finite()).then_some((index + 1, east, north))
            })
            .collect();
        let farthest = offsets.iter().map(|(_, east, north)| east.hypot(*north)).reduce(f64::max)?;
        let (step, count) = rings(farthest)?;
        let scale = (SIDE / 2.0 - MARGIN) / f64::from(step * count);
        let at = |offset: f64| format!("{:.1}", SIDE / 2.0 + offset * scale);
        let points = offsets.iter().map(|(number, east, north)| Point { number: *number, x: at(*east), y: at(-north) });
        let ring = |index: u32| {
            let km = step * index;
            let radius = f64::from(km) * scale;
            Ring { km, radius: format!("{radius:.1}"), label_y: format!("{:.1}", SIDE / 2.0 + radius - 4.0) }
        };
        Some(Self { points: points.collect(), rings: (1..=count).map(ring).collect() })
    }
}

/// How far the rings are apart in kilometres, and how many they are: at most four, and all within. `None`: nothing lies that
/// far away within the country.
fn rings(farthest: f64) -> Option<(u32, u32)> {
    [1_u32, 2, 5, 10, 25, 50, 100].into_iter().find_map(|step| {
        let count = (1..=4).find(|count| f64::from(step * count) >= farthest)?;
        Some((step, count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude: f64, longitude: f64) -> Option<Place> {
        Some(Place { latitude, longitude })
    }

    #[test]
    fn north_is_up_and_the_rings_hold_everything() {
        let places = [place(52.1, 5.0), None, place(52.0, 5.1)];
        let map = Map::around(place(52.0, 5.0), places.into_iter()).unwrap();
        assert_eq!(map.points.iter().map(|point| point.number).collect::<Vec<_>>(), [1, 3]);
        assert_eq!((map.points[0].x.as_str(), map.points[1].y.as_str()), ("200.0", "200.0"));
        assert!(map.points[0].y.parse::<f64>().unwrap() < 100.0, "{map:?}");
        assert_eq!(map.rings.iter().map(|ring| ring.km).collect::<Vec<_>>(), [5, 10, 15]);
    }

    #[test]
    fn what_cannot_be_drawn_is_not() {
        assert!(Map::around(None, [place(52.0, 5.0)].into_iter()).is_none());
        assert!(Map::around(place(52.0, 5.0), [None].into_iter()).is_none());
        assert!(Map::around(place(52.0, 5.0), [place(-52.0, 5.0)].into_iter()).is_none());
        assert!(Map::around(place(52.0, 5.0), [place(f64::NAN, 5.0)].into_iter()).is_none());
        assert_eq!(rings(0.0), Some((1, 1)));
    }
}
