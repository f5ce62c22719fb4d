//! The municipalities that the sample lies in: real ones, by their real CBS codes, since a code is what a hub joins on.
//!
//! Everything that is put into them is invented. Coordinates are those of the place's middle, to a few
//! kilometres.

mod list;

pub(crate) use self::list::PLACES;

/// A municipality.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// CBS code, the four digits.
    pub(crate) code: u16,
    /// Name.
    pub(crate) name: &'static str,
    /// Latitude of its middle.
    pub(crate) latitude: f32,
    /// Longitude of its middle.
    pub(crate) longitude: f32,
    /// Its COROP area.
    pub(crate) corop: &'static str,
    /// Its labour-market area for education.
    pub(crate) rpa: &'static str,
    /// Its weight when schools and homes are spread.
    pub(crate) weight: usize,
}

impl Place {
    /// The slug of the shrinking region it lies in.
    pub(crate) fn shrinking_region(&self) -> Option<&'static str> {
        SHRINKING_REGIONS.iter().find(|(name, _)| *name == self.rpa).map(|(_, slug)| *slug)
    }

    /// Its province.
    pub(crate) fn province(&self) -> &'static str {
        PROVINCES.iter().find(|(areas, _)| areas.contains(&self.corop)).map_or("Zuid-Holland", |(_, name)| *name)
    }
}

/// The shrinking regions: name and slug.
pub(crate) const SHRINKING_REGIONS: [(&str, &str); 7] = [
    ("Twente", "twente"),
    ("Zuid- en Midden-Drenthe", "zuid-en-midden-drenthe"),
    ("Centraal Groningen", "centraal-groningen"),
    ("Noord Groningen", "noord-groningen"),
    ("Friesland", "friesland"),
    ("Noord-Limburg", "noord-limburg"),
    ("Weert", "weert"),
];

const PROVINCES: [(&[&str], &str); 11] = [
    (&["Overig Groningen", "Oost-Groningen", "Delfzijl en omgeving"], "Groningen"),
    (&["Noord-Friesland", "Zuidwest-Friesland", "Zuidoost-Friesland"], "Friesland"),
    (&["Noord-Drenthe", "Zuidoost-Drenthe", "Zuidwest-Drenthe"], "Drenthe"),
    (&["Noord-Overijssel", "Zuidwest-Overijssel", "Twente"], "Overijssel"),
    (&["Flevoland"], "Flevoland"),
    (&["Veluwe", "Achterhoek", "Arnhem/Nijmegen", "Zuidwest-Gelderland"], "Gelderland"),
    (&["Utrecht"], "Utrecht"),
    (
        &[
            "Groot-Amsterdam",
            "Kop van Noord-Holland",
            "Alkmaar en omgeving",
            "IJmond",
            "Agglomeratie Haarlem",
            "Zaanstreek",
            "Het Gooi en Vechtstreek",
        ],
        "Noord-Holland",
    ),
    (&["Zeeuwsch-Vlaanderen", "Overig Zeeland"], "Zeeland"),
    (
        &["West-Noord-Brabant", "Midden-Noord-Brabant", "Noordoost-Noord-Brabant", "Zuidoost-Noord-Brabant"],
        "Noord-Brabant",
    ),
    (&["Noord-Limburg", "Midden-Limburg", "Zuid-Limburg"], "Limburg"),
];

const fn place(
    code: u16,
    name: &'static str,
    (latitude, longitude): (f32, f32),
    (corop, rpa): (&'static str, &'static str),
    weight: usize,
) -> Place {
    Place { code, name, latitude, longitude, corop, rpa, weight }
}

/// How many of the first places are the four big cities.
pub(crate) const G4: usize = 4;

/// The municipality at an index; the first where the index leads nowhere.
pub(crate) fn place_at(index: u16) -> &'static Place {
    PLACES.get(usize::from(index)).unwrap_or(&PLACES[0])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_municipality_stands_there_once_and_in_the_netherlands() {
        let codes: HashSet<u16> = PLACES.iter().map(|place| place.code).collect();
        assert_eq!(codes.len(), PLACES.len());
        for place in PLACES {
            assert!((50.7..53.6).contains(&place.latitude), "{}", place.name);
            assert!((3.3..7.3).contains(&place.longitude), "{}", place.name);
        }
    }

    #[test]
    fn every_shrinking_region_has_municipalities() {
        for (_, slug) in SHRINKING_REGIONS {
            assert!(PLACES.iter().any(|place| place.shrinking_region() == Some(slug)), "{slug}");
        }
    }
}
