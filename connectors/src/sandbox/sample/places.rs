//! The municipalities that the sample lies in: real ones, by their real CBS codes, since a code is what a hub joins on.
//!
//! Everything that is put into them is invented. Coordinates are those of the place's middle, to about a kilometre.

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

/// The municipalities: the four big cities first.
#[rustfmt::skip]
pub(crate) const PLACES: &[Place] = &[
    place(363, "Amsterdam", (52.370, 4.895), ("Groot-Amsterdam", "Groot Amsterdam"), 60),
    place(599, "Rotterdam", (51.922, 4.479), ("Groot-Rijnmond", "Rijnmond"), 50),
    place(518, "'s-Gravenhage", (52.078, 4.300), ("Agglomeratie 's-Gravenhage", "Haaglanden"), 42),
    place(344, "Utrecht", (52.091, 5.121), ("Utrecht", "Midden-Utrecht"), 30),
    place(14, "Groningen", (53.219, 6.567), ("Overig Groningen", "Centraal Groningen"), 15),
    place(34, "Almere", (52.371, 5.222), ("Flevoland", "Flevoland"), 18),
    place(37, "Stadskanaal", (52.989, 6.959), ("Oost-Groningen", "Centraal Groningen"), 4),
    place(47, "Veendam", (53.106, 6.877), ("Oost-Groningen", "Centraal Groningen"), 3),
    place(59, "Achtkarspelen", (53.213, 6.140), ("Noord-Friesland", "Friesland"), 4),
    place(72, "Harlingen", (53.174, 5.423), ("Noord-Friesland", "Friesland"), 2),
    place(74, "Heerenveen", (52.960, 5.925), ("Zuidoost-Friesland", "Friesland"), 6),
    place(80, "Leeuwarden", (53.201, 5.799), ("Noord-Friesland", "Friesland"), 11),
    place(85, "Ooststellingwerf", (52.993, 6.296), ("Zuidoost-Friesland", "Friesland"), 3),
    place(86, "Opsterland", (53.056, 6.067), ("Zuidoost-Friesland", "Friesland"), 3),
    place(90, "Smallingerland", (53.108, 6.101), ("Zuidoost-Friesland", "Friesland"), 6),
    place(98, "Weststellingwerf", (52.875, 6.003), ("Zuidoost-Friesland", "Friesland"), 3),
    place(106, "Assen", (52.995, 6.563), ("Noord-Drenthe", "Zuid- en Midden-Drenthe"), 6),
    place(109, "Coevorden", (52.661, 6.741), ("Zuidoost-Drenthe", "Zuid- en Midden-Drenthe"), 4),
    place(114, "Emmen", (52.779, 6.907), ("Zuidoost-Drenthe", "Zuid- en Midden-Drenthe"), 10),
    place(118, "Hoogeveen", (52.724, 6.477), ("Zuidwest-Drenthe", "Zuid- en Midden-Drenthe"), 6),
    place(119, "Meppel", (52.696, 6.195), ("Zuidwest-Drenthe", "Zuid- en Midden-Drenthe"), 4),
    place(141, "Almelo", (52.357, 6.663), ("Twente", "Twente"), 7),
    place(147, "Borne", (52.301, 6.754), ("Twente", "Twente"), 2),
    place(148, "Dalfsen", (52.511, 6.258), ("Noord-Overijssel", "IJssel-Vecht"), 3),
    place(150, "Deventer", (52.255, 6.160), ("Zuidwest-Overijssel", "Stedendriehoek"), 9),
    place(153, "Enschede", (52.221, 6.894), ("Twente", "Twente"), 14),
    place(158, "Haaksbergen", (52.157, 6.742), ("Twente", "Twente"), 2),
    place(160, "Hardenberg", (52.576, 6.620), ("Noord-Overijssel", "IJssel-Vecht"), 6),
    place(163, "Hellendoorn", (52.389, 6.450), ("Twente", "Twente"), 3),
    place(164, "Hengelo", (52.266, 6.793), ("Twente", "Twente"), 7),
    place(166, "Kampen", (52.556, 5.912), ("Noord-Overijssel", "IJssel-Vecht"), 5),
    place(168, "Losser", (52.262, 7.005), ("Twente", "Twente"), 2),
    place(171, "Noordoostpolder", (52.711, 5.749), ("Flevoland", "Flevoland"), 4),
    place(173, "Oldenzaal", (52.313, 6.929), ("Twente", "Twente"), 3),
    place(175, "Ommen", (52.521, 6.421), ("Noord-Overijssel", "IJssel-Vecht"), 2),
    place(177, "Raalte", (52.386, 6.275), ("Zuidwest-Overijssel", "Stedendriehoek"), 4),
    place(183, "Tubbergen", (52.407, 6.785), ("Twente", "Twente"), 2),
    place(184, "Urk", (52.662, 5.601), ("Flevoland", "Flevoland"), 3),
    place(189, "Wierden", (52.359, 6.593), ("Twente", "Twente"), 2),
    place(193, "Zwolle", (52.512, 6.094), ("Noord-Overijssel", "IJssel-Vecht"), 11),
    place(200, "Apeldoorn", (52.211, 5.970), ("Veluwe", "Stedendriehoek"), 14),
    place(202, "Arnhem", (51.985, 5.899), ("Arnhem/Nijmegen", "Midden-Gelderland"), 14),
    place(222, "Doetinchem", (51.965, 6.289), ("Achterhoek", "Achterhoek"), 5),
    place(228, "Ede", (52.041, 5.665), ("Veluwe", "Foodvalley"), 10),
    place(268, "Nijmegen", (51.842, 5.853), ("Arnhem/Nijmegen", "Rijk van Nijmegen"), 14),
    place(281, "Tiel", (51.886, 5.430), ("Zuidwest-Gelderland", "Rivierenland"), 4),
    place(289, "Wageningen", (51.969, 5.665), ("Veluwe", "Foodvalley"), 3),
    place(293, "Westervoort", (51.957, 5.972), ("Arnhem/Nijmegen", "Midden-Gelderland"), 2),
    place(299, "Zevenaar", (51.930, 6.071), ("Arnhem/Nijmegen", "Midden-Gelderland"), 4),
    place(303, "Dronten", (52.525, 5.718), ("Flevoland", "Flevoland"), 4),
    place(307, "Amersfoort", (52.156, 5.388), ("Utrecht", "Amersfoort"), 14),
    place(310, "De Bilt", (52.110, 5.181), ("Utrecht", "Midden-Utrecht"), 4),
    place(345, "Veenendaal", (52.028, 5.559), ("Utrecht", "Foodvalley"), 6),
    place(353, "IJsselstein", (52.020, 5.043), ("Utrecht", "Midden-Utrecht"), 3),
    place(355, "Zeist", (52.089, 5.233), ("Utrecht", "Midden-Utrecht"), 6),
    place(356, "Nieuwegein", (52.029, 5.081), ("Utrecht", "Midden-Utrecht"), 6),
    place(361, "Alkmaar", (52.632, 4.748), ("Alkmaar en omgeving", "Noord-Holland Noord"), 9),
    place(362, "Amstelveen", (52.301, 4.864), ("Groot-Amsterdam", "Groot Amsterdam"), 8),
    place(375, "Beverwijk", (52.483, 4.657), ("IJmond", "Zuid-Kennemerland en IJmond"), 4),
    place(392, "Haarlem", (52.381, 4.637), ("Agglomeratie Haarlem", "Zuid-Kennemerland en IJmond"), 13),
    place(394, "Haarlemmermeer", (52.303, 4.692), ("Groot-Amsterdam", "Groot Amsterdam"), 13),
    place(400, "Den Helder", (52.956, 4.760), ("Kop van Noord-Holland", "Noord-Holland Noord"), 5),
    place(402, "Hilversum", (52.224, 5.176), ("Het Gooi en Vechtstreek", "Gooi en Vechtstreek"), 8),
    place(405, "Hoorn", (52.643, 5.060), ("Kop van Noord-Holland", "Noord-Holland Noord"), 6),
    place(439, "Purmerend", (52.505, 4.960), ("Groot-Amsterdam", "Zaanstreek/Waterland"), 8),
    place(453, "Velsen", (52.460, 4.650), ("IJmond", "Zuid-Kennemerland en IJmond"), 6),
    place(479, "Zaanstad", (52.439, 4.826), ("Zaanstreek", "Zaanstreek/Waterland"), 13),
    place(484, "Alphen aan den Rijn", (52.129, 4.658), ("Oost-Zuid-Holland", "Holland Rijnland"), 9),
    place(503, "Delft", (52.012, 4.357), ("Delft en Westland", "Haaglanden"), 8),
    place(505, "Dordrecht", (51.813, 4.690), ("Zuidoost-Zuid-Holland", "Drechtsteden"), 10),
    place(513, "Gouda", (52.012, 4.711), ("Oost-Zuid-Holland", "Midden-Holland"), 7),
    place(546, "Leiden", (52.160, 4.497), ("Agglomeratie Leiden en Bollenstreek", "Holland Rijnland"), 9),
    place(606, "Schiedam", (51.919, 4.389), ("Groot-Rijnmond", "Rijnmond"), 7),
    place(622, "Vlaardingen", (51.912, 4.342), ("Groot-Rijnmond", "Rijnmond"), 6),
    place(637, "Zoetermeer", (52.060, 4.494), ("Agglomeratie 's-Gravenhage", "Haaglanden"), 10),
    place(664, "Goes", (51.504, 3.889), ("Overig Zeeland", "Zeeland"), 4),
    place(687, "Middelburg", (51.499, 3.611), ("Overig Zeeland", "Zeeland"), 5),
    place(715, "Terneuzen", (51.335, 3.829), ("Zeeuwsch-Vlaanderen", "Zeeland"), 5),
    place(718, "Vlissingen", (51.443, 3.574), ("Overig Zeeland", "Zeeland"), 4),
    place(737, "Tytsjerksteradiel", (53.209, 5.964), ("Noord-Friesland", "Friesland"), 3),
    place(748, "Bergen op Zoom", (51.495, 4.287), ("West-Noord-Brabant", "West-Brabant"), 6),
    place(758, "Breda", (51.588, 4.776), ("West-Noord-Brabant", "West-Brabant"), 15),
    place(765, "Pekela", (53.096, 6.979), ("Oost-Groningen", "Centraal Groningen"), 2),
    place(772, "Eindhoven", (51.441, 5.478), ("Zuidoost-Noord-Brabant", "Zuidoost-Brabant"), 18),
    place(794, "Helmond", (51.479, 5.657), ("Zuidoost-Noord-Brabant", "Helmond-De Peel"), 8),
    place(796, "'s-Hertogenbosch", (51.690, 5.303), ("Noordoost-Noord-Brabant", "Noordoost-Brabant"), 13),
    place(828, "Oss", (51.765, 5.518), ("Noordoost-Noord-Brabant", "Noordoost-Brabant"), 8),
    place(855, "Tilburg", (51.560, 5.091), ("Midden-Noord-Brabant", "Midden-Brabant"), 18),
    place(867, "Waalwijk", (51.683, 5.070), ("Midden-Noord-Brabant", "Midden-Brabant"), 4),
    place(889, "Beesel", (51.270, 6.041), ("Noord-Limburg", "Noord-Limburg"), 2),
    place(893, "Bergen (L.)", (51.600, 6.032), ("Noord-Limburg", "Noord-Limburg"), 2),
    place(907, "Gennep", (51.697, 5.973), ("Noord-Limburg", "Noord-Limburg"), 2),
    place(917, "Heerlen", (50.888, 5.979), ("Zuid-Limburg", "Zuid-Limburg"), 7),
    place(928, "Kerkrade", (50.866, 6.063), ("Zuid-Limburg", "Zuid-Limburg"), 4),
    place(935, "Maastricht", (50.851, 5.691), ("Zuid-Limburg", "Zuid-Limburg"), 8),
    place(944, "Mook en Middelaar", (51.752, 5.882), ("Noord-Limburg", "Noord-Limburg"), 1),
    place(946, "Nederweert", (51.286, 5.749), ("Midden-Limburg", "Weert"), 2),
    place(957, "Roermond", (51.194, 5.987), ("Midden-Limburg", "Midden-Limburg"), 5),
    place(983, "Venlo", (51.370, 6.172), ("Noord-Limburg", "Noord-Limburg"), 9),
    place(984, "Venray", (51.525, 5.975), ("Noord-Limburg", "Noord-Limburg"), 4),
    place(988, "Weert", (51.251, 5.706), ("Midden-Limburg", "Weert"), 5),
    place(995, "Lelystad", (52.508, 5.475), ("Flevoland", "Flevoland"), 8),
    place(1507, "Horst aan de Maas", (51.454, 6.052), ("Noord-Limburg", "Noord-Limburg"), 4),
    place(1640, "Leudal", (51.247, 5.905), ("Midden-Limburg", "Midden-Limburg"), 3),
    place(1674, "Roosendaal", (51.531, 4.456), ("West-Noord-Brabant", "West-Brabant"), 7),
    place(1680, "Aa en Hunze", (53.003, 6.751), ("Noord-Drenthe", "Zuid- en Midden-Drenthe"), 3),
    place(1681, "Borger-Odoorn", (52.903, 6.889), ("Zuidoost-Drenthe", "Zuid- en Midden-Drenthe"), 3),
    place(1690, "De Wolden", (52.680, 6.337), ("Zuidwest-Drenthe", "Zuid- en Midden-Drenthe"), 3),
    place(1700, "Twenterand", (52.424, 6.618), ("Twente", "Twente"), 3),
    place(1701, "Westerveld", (52.840, 6.291), ("Zuidwest-Drenthe", "Zuid- en Midden-Drenthe"), 2),
    place(1708, "Steenwijkerland", (52.787, 6.118), ("Noord-Overijssel", "IJssel-Vecht"), 5),
    place(1731, "Midden-Drenthe", (52.858, 6.517), ("Zuidwest-Drenthe", "Zuid- en Midden-Drenthe"), 4),
    place(1735, "Hof van Twente", (52.235, 6.585), ("Twente", "Twente"), 3),
    place(1742, "Rijssen-Holten", (52.308, 6.519), ("Twente", "Twente"), 4),
    place(1774, "Dinkelland", (52.371, 6.925), ("Twente", "Twente"), 2),
    place(1883, "Sittard-Geleen", (50.998, 5.869), ("Zuid-Limburg", "Zuid-Limburg"), 7),
    place(1894, "Peel en Maas", (51.330, 5.979), ("Noord-Limburg", "Noord-Limburg"), 4),
    place(1895, "Oldambt", (53.144, 7.034), ("Oost-Groningen", "Centraal Groningen"), 4),
    place(1900, "Súdwest-Fryslân", (53.033, 5.657), ("Zuidwest-Friesland", "Friesland"), 9),
    place(1940, "De Fryske Marren", (52.966, 5.789), ("Zuidwest-Friesland", "Friesland"), 5),
    place(1949, "Waadhoeke", (53.187, 5.545), ("Noord-Friesland", "Friesland"), 5),
    place(1950, "Westerwolde", (53.006, 7.035), ("Oost-Groningen", "Centraal Groningen"), 3),
    place(1952, "Midden-Groningen", (53.163, 6.760), ("Overig Groningen", "Centraal Groningen"), 6),
    place(1966, "Het Hogeland", (53.330, 6.520), ("Overig Groningen", "Noord Groningen"), 5),
    place(1969, "Westerkwartier", (53.179, 6.372), ("Overig Groningen", "Noord Groningen"), 6),
    place(1970, "Noardeast-Fryslân", (53.326, 5.998), ("Noord-Friesland", "Friesland"), 5),
    place(1979, "Eemsdelta", (53.331, 6.922), ("Delfzijl en omgeving", "Noord Groningen"), 5),
];

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
