//! Which shrinking region a school's municipality lies in, by the areas that the register names: the labour market area
//! (RPA), whose names are closest to the regions', and the COROP area of Statistics Netherlands where that tells nothing.
//!
//! The areas are not the regions, so these choices were made:
//! - An RPA area of a whole province (`Groningen`, `Drenthe`) tells nothing; the COROP area then decides.
//! - Zuid- en Midden-Drenthe is `Zuidwest-Drenthe` and `Zuidoost-Drenthe`. `Noord-Drenthe` is left out: it holds Assen
//!   and the suburbs of Groningen, and of the region only the municipality Midden-Drenthe.
//! - Centraal Groningen is `Overig Groningen`; Noord Groningen is `Delfzijl en omgeving`, and `Oost-Groningen`, which
//!   shrinks with it and belongs to no other region.
//! - Weert is `Midden-Limburg`, the smallest area that holds it.

use super::columns::same;

/// Slugs of regions, with the areas that belong to them.
const AREAS: [(&str, &[&str]); 7] = [
    ("twente", &["Twente"]),
    (
        "zuid-en-midden-drenthe",
        &["Zuid- en Midden-Drenthe", "Zuid-Drenthe", "Midden-Drenthe", "Zuidwest-Drenthe", "Zuidoost-Drenthe"],
    ),
    ("centraal-groningen", &["Centraal-Groningen", "Overig Groningen"]),
    (
        "noord-groningen",
        &["Noord-Groningen", "Noord- en Oost-Groningen", "Oost-Groningen", "Delfzijl en omgeving", "Delfzijl e.o."],
    ),
    ("friesland", &["Friesland", "Fryslân", "Noord-Friesland", "Zuidwest-Friesland", "Zuidoost-Friesland"]),
    ("noord-limburg", &["Noord-Limburg"]),
    ("weert", &["Weert", "Midden-Limburg"]),
];

/// The slug of the region, by the names of the labour market area and of the COROP area.
pub(super) fn of(labour_market_area: Option<&str>, corop_area: Option<&str>) -> Option<&'static str> {
    [labour_market_area, corop_area].into_iter().flatten().find_map(named)
}

fn named(area: &str) -> Option<&'static str> {
    AREAS.iter().find(|(_, names)| names.iter().any(|name| same(name, area))).map(|(slug, _)| *slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labour_market_area_goes_first_where_it_names_a_region() {
        assert_eq!(of(Some("NOORD-LIMBURG"), Some("Midden-Limburg")), Some("noord-limburg"));
        assert_eq!(of(Some("FRYSLÂN"), None), Some("friesland"));
        assert_eq!(of(Some("Drenthe"), Some("Zuidoost-Drenthe")), Some("zuid-en-midden-drenthe"));
        assert_eq!(of(Some("Drenthe"), Some("Noord-Drenthe")), None);
        assert_eq!(of(Some("Groningen"), Some("overig groningen")), Some("centraal-groningen"));
    }

    #[test]
    fn most_of_the_country_lies_in_no_shrinking_region() {
        assert_eq!(of(Some("Rijnmond"), Some("Groot-Rijnmond")), None);
        assert_eq!(of(None, None), None);
    }
}
