//! Taxonomy terms, and the attributes that hang them on services: how the hub's codes travel in the standard's shape.

use serde_json::{Value, json};

use super::number;
use crate::sandbox::sample::{
    Codes, INPUTS, Offer, PARTNER_KINDS, Partner, Reach, SUPPORT_KINDS, THEMES, directory_id, words,
};
use crate::sandbox::server::decimal;

const UNITS: [&str; 5] = ["FTE", "HOURS_PER_WEEK", "PEOPLE", "PLACES", "EUR"];
const UNIT_NAMES: [&str; 5] = ["Fte", "Uren per week", "Mensen", "Plaatsen", "Euro"];
const KIND_NAMES: [&str; 7] = [
    "Bedrijf",
    "Stichting of fonds",
    "Welzijn of zorg",
    "Kennisinstelling",
    "Overheid",
    "Wijkorganisatie",
    "Woningcorporatie",
];

/// A taxonomy: its name, its codes, and their names in Dutch.
struct Taxonomy(&'static str, &'static [&'static str], &'static [&'static str]);

const THEME: usize = 0;
const SUPPORT_KIND: usize = 1;
const INPUT: usize = 2;
const CAPACITY: usize = 3;
const CERTIFICATE: usize = 4;
const RADIUS: usize = 5;
const PARTNER_KIND: usize = 6;
const FOREIGN: usize = 7;

const TAXONOMIES: [Taxonomy; 8] = [
    Taxonomy("onderwijsalliantie:theme", &THEMES, &words::THEME_NAMES),
    Taxonomy("onderwijsalliantie:support_kind", &SUPPORT_KINDS, &words::SUPPORT_NAMES),
    Taxonomy("onderwijsalliantie:input", &INPUTS, &words::INPUT_NAMES),
    Taxonomy("onderwijsalliantie:capacity", &UNITS, &UNIT_NAMES),
    Taxonomy("onderwijsalliantie:certificate", &["VOG_REQUIRED", "VOG_IN_ORDER"], &["VOG nodig", "VOG in orde"]),
    Taxonomy("onderwijsalliantie:radius_km", &["RADIUS_KM"], &["Straal in kilometers"]),
    Taxonomy("onderwijsalliantie:partner_kind", &PARTNER_KINDS, &KIND_NAMES),
    // Directories have terms of others, too.
    Taxonomy("openeligibility", &["1102"], &["Education"]),
];

/// Kinds of ids; the taxonomy's position is added, and for attributes the term's place.
const TERM: u32 = 0x0a11_1000;
const TAXONOMY: u32 = 0x0a11_1100;
const ATTRIBUTE: u32 = 0x0a12_0000;

/// A term: the positions of its taxonomy, and of its code in that.
#[derive(Clone, Copy)]
pub(in crate::sandbox::partners) struct Term {
    taxonomy: usize,
    place: usize,
}

impl Term {
    fn id(self) -> String {
        directory_id(TERM + number(self.taxonomy), number(self.place))
    }

    pub(in crate::sandbox::partners) fn json(self) -> Value {
        let Taxonomy(name, codes, names) = TAXONOMIES.get(self.taxonomy).unwrap_or(&TAXONOMIES[FOREIGN]);
        json!({
            "id": self.id(),
            "code": codes.get(self.place),
            "name": names.get(self.place),
            "taxonomy": name,
            "taxonomy_detail": {
                "id": directory_id(TAXONOMY, number(self.taxonomy)),
                "name": name,
                "uri": format!("https://taxonomie.example/{}", name.replace(':', "/")),
            },
        })
    }

    /// The term hung on something, with a value where it has one.
    fn attribute(self, link: (&str, u32), value: Option<String>) -> Value {
        let (link_entity, owner) = link;
        json!({
            "id": directory_id(ATTRIBUTE + number(self.taxonomy) * 256 + number(self.place), owner),
            "link_entity": link_entity,
            "value": value,
            "taxonomy_term": self.json(),
        })
    }
}

/// All terms.
pub(in crate::sandbox::partners) fn terms() -> Vec<Term> {
    let of = |(taxonomy, Taxonomy(_, codes, _)): (usize, &Taxonomy)| {
        (0..codes.len()).map(move |place| Term { taxonomy, place }).collect::<Vec<_>>()
    };
    TAXONOMIES.iter().enumerate().flat_map(of).collect()
}

/// Whether a service has the term with this id.
pub(in crate::sandbox::partners) fn has_term(offer: &Offer, id: &str) -> bool {
    carried(offer).iter().any(|(term, _)| term.id() == id)
}

/// The attributes of a service.
pub(super) fn attributes(offer: &Offer) -> Vec<Value> {
    carried(offer).into_iter().map(|(term, value)| term.attribute(("service", offer.number), value)).collect()
}

/// The attribute that says what kind of party an organization is.
pub(super) fn kind_of_partner(partner: &Partner) -> Value {
    let place = PARTNER_KINDS.iter().position(|kind| *kind == partner.kind).unwrap_or_default();
    Term { taxonomy: PARTNER_KIND, place }.attribute(("organization", partner.number), None)
}

/// The terms that a service carries, with their values.
fn carried(offer: &Offer) -> Vec<(Term, Option<String>)> {
    let set = |taxonomy, codes: Codes| codes.places().map(move |place| (Term { taxonomy, place }, None));
    let mut carried: Vec<_> = set(THEME, offer.themes)
        .chain(set(SUPPORT_KIND, offer.support_kinds))
        .chain(set(INPUT, offer.inputs))
        .collect();
    if let Some(capacity) = offer.capacity {
        let place = UNITS.iter().position(|unit| *unit == capacity.unit).unwrap_or_default();
        carried.push((Term { taxonomy: CAPACITY, place }, Some(decimal(capacity.amount, 1).to_string())));
    }
    if offer.requires_vog {
        carried.push((Term { taxonomy: CERTIFICATE, place: 0 }, None));
    }
    if let Some(in_order) = offer.vog_in_order {
        carried.push((Term { taxonomy: CERTIFICATE, place: 1 }, Some(in_order.to_string())));
    }
    if let Reach::Circle { radius_km } = offer.reach {
        carried.push((Term { taxonomy: RADIUS, place: 0 }, Some(radius_km.to_string())));
    }
    if offer.number.is_multiple_of(4) {
        carried.push((Term { taxonomy: FOREIGN, place: 0 }, None));
    }
    carried
}
