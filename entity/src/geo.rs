//! Points on the earth and distances between them.
//!
//! Beside degrees, a point is stored as its three coordinates on the unit sphere: the square of the chord between two
//! points then needs only `-`, `*` and `+`, which both databases compute alike and without extensions, and it grows
//! with the great-circle distance, so that ordering by one orders by the other.

use serde::{Deserialize, Serialize};

/// Mean radius of the earth in kilometres (IUGG).
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// A point in degrees (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeoPoint {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
}

impl GeoPoint {
    /// The point, or `None` where the degrees are out of range or not numbers.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let valid = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        valid.then_some(Self { latitude, longitude })
    }

    /// The point's coordinates on the unit sphere.
    #[must_use]
    pub fn on_unit_sphere(self) -> [f64; 3] {
        let (latitude, longitude) = (self.latitude.to_radians(), self.longitude.to_radians());
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    }

    /// Great-circle distance in kilometres.
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let (a, b) = (self.on_unit_sphere(), other.on_unit_sphere());
        km_of_chord_squared((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2))
    }
}

/// Great-circle distance in kilometres of two points whose chord on the unit sphere has this square.
#[must_use]
pub fn km_of_chord_squared(chord_squared: f64) -> f64 {
    2.0 * EARTH_RADIUS_KM * (chord_squared.max(0.0).sqrt() / 2.0).min(1.0).asin()
}

/// The square of the chord on the unit sphere between two points this many kilometres apart. Half the earth's
/// circumference and more give 4, the square of the sphere's diameter.
#[must_use]
pub fn chord_squared_of_km(km: f64) -> f64 {
    let half_angle = (km.max(0.0) / (2.0 * EARTH_RADIUS_KM)).min(std::f64::consts::FRAC_PI_2);
    (2.0 * half_angle.sin()).powi(2)
}

/// How many degrees a circle reaches from its centre: a little more than it does, never less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Degrees north and south.
    pub latitude: f64,
    /// Degrees east and west. `None`: they bound nothing, for a circle holds a pole or lies across the antimeridian.
    pub longitude: Option<f64>,
}

impl Reach {
    /// The reach of circles of this radius round any of these points.
    #[must_use]
    pub fn of(km: f64, centres: impl IntoIterator<Item = GeoPoint>) -> Self {
        let angle = km.max(0.0) / EARTH_RADIUS_KM * 1.001;
        let widest = |widest: Option<f64>, centre: GeoPoint| {
            let latitude = centre.latitude.to_radians();
            let holds_pole = latitude.abs() + angle >= std::f64::consts::FRAC_PI_2;
            let degrees = (angle.sin() / latitude.cos()).asin().to_degrees();
            let is_across = centre.longitude.abs() + degrees > 180.0;
            widest.filter(|_| !holds_pole && !is_across).map(|widest| widest.max(degrees))
        };
        Self { latitude: angle.to_degrees(), longitude: centres.into_iter().fold(Some(0.0), widest) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amsterdam_to_rotterdam_is_some_57_km() {
        let amsterdam = GeoPoint::new(52.3731, 4.8926).unwrap();
        let rotterdam = GeoPoint::new(51.9225, 4.4792).unwrap();
        assert!((amsterdam.distance_km(rotterdam) - 57.5).abs() < 0.5);
    }

    #[test]
    fn degrees_out_of_range_are_no_point() {
        assert!(GeoPoint::new(91.0, 0.0).is_none());
        assert!(GeoPoint::new(0.0, f64::NAN).is_none());
    }

    #[test]
    fn no_degrees_east_bound_a_circle_with_a_pole_or_across_the_antimeridian() {
        let reach = |latitude, longitude| Reach::of(15.0, GeoPoint::new(latitude, longitude)).longitude;
        assert!((reach(52.37, 4.89).unwrap() - 0.221).abs() < 0.001);
        for (latitude, longitude) in [(90.0, 0.0), (-89.9, 10.0), (52.0, 179.9), (0.0, -180.0)] {
            assert_eq!(reach(latitude, longitude), None);
        }
        let many = [GeoPoint::new(52.0, 5.0), GeoPoint::new(89.99, 5.0), GeoPoint::new(51.0, 5.0)];
        assert_eq!(Reach::of(15.0, many.into_iter().flatten()).longitude, None);
    }

    proptest! {
        #[test]
        fn no_point_of_a_circle_lies_out_of_its_reach(
            latitude in -90.0..=90.0_f64, longitude in -180.0..=180.0_f64, km in 0.0..3000.0_f64,
            north in -30.0..30.0_f64, east in -30.0..30.0_f64,
        ) {
            let centre = GeoPoint::new(latitude, longitude).unwrap();
            let reach = Reach::of(km, [centre]);
            let other = GeoPoint::new((latitude + north).clamp(-90.0, 90.0), (longitude + east).clamp(-180.0, 180.0)).unwrap();
            if centre.distance_km(other) <= km {
                prop_assert!((other.latitude - latitude).abs() <= reach.latitude);
                prop_assert!(reach.longitude.is_none_or(|degrees| (other.longitude - longitude).abs() <= degrees));
            }
        }

        #[test]
        fn a_distance_survives_the_way_through_its_chord(km in 0.0..20_000.0_f64) {
            let back = km_of_chord_squared(chord_squared_of_km(km));
            prop_assert!((back - km).abs() < 1e-3 * km.max(1.0));
        }
    }
}
