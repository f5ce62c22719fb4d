//! The words of the sample: the codes that go over the wire, and the Dutch in which invented records speak.

mod lists;

use self::lists::{
    COMMITMENT_FORMS, FIRST_NAMES, LAST_NAMES, NEED_TITLES, NEIGHBOURHOODS, OFFER_TITLES, PARTNER_STEMS, SCHOOL_KINDS,
    SCHOOL_NAMES, STREETS,
};
use super::places::Place;

/// The themes.
pub const THEMES: [&str; 10] = [
    "TEACHER_RECRUITMENT",
    "TAILORED_TEACHER_TRAINING",
    "STARTING_TEACHER_SUPPORT",
    "WORKLOAD_AND_ABSENCE",
    "STRATEGIC_HR",
    "QUALIFIED_PROFESSIONALS",
    "WELFARE_AND_CARE",
    "TALENT_DEVELOPMENT",
    "NEIGHBOURHOOD_MENTORS",
    "TEACHER_HOUSING",
];
/// The kinds of support.
pub const SUPPORT_KINDS: [&str; 9] = [
    "SCALING",
    "LEGAL",
    "KNOWLEDGE_SHARING",
    "PROCESS_MONITORING",
    "RESEARCH",
    "FUNDING",
    "VISIBILITY",
    "HR_POLICY",
    "HOUSING",
];
/// The barriers.
pub const BARRIERS: [&str; 10] = [
    "TIME",
    "FUNDING",
    "REGULATION",
    "ORGANISATION",
    "SUPPORT_BASE",
    "VISION",
    "CONTACTS",
    "CAPACITY",
    "PRIVACY",
    "MONITORING",
];
/// What partners put in.
pub const INPUTS: [&str; 6] = ["PEOPLE", "MEANS", "INFRASTRUCTURE", "NETWORK", "ADVOCACY", "REGULATORY_ROOM"];
/// The kinds of partners.
pub const PARTNER_KINDS: [&str; 7] = [
    "COMPANY",
    "FOUNDATION",
    "CARE_OR_WELFARE",
    "KNOWLEDGE_INSTITUTE",
    "PUBLIC_BODY",
    "NEIGHBOURHOOD_ORGANISATION",
    "HOUSING_CORPORATION",
];
/// The languages of offers.
pub const LANGUAGES: [&str; 5] = ["nl", "en", "tr", "ar", "pl"];
/// The segments of the housing market, as priority schemes name them.
pub const SEGMENTS: [&str; 4] = ["SOCIAL", "MID_RENT", "FREE_SECTOR", "SHARED"];

/// The names of the themes, in their order.
pub(crate) const THEME_NAMES: [&str; 10] = [
    "Werving van nieuwe leerkrachten",
    "Maatwerk bij het opleiden van leerkrachten",
    "Begeleiding van startende leerkrachten",
    "Werkdrukverlaging en terugdringing ziekteverzuim",
    "Strategisch personeelsbeleid en HRD",
    "Structurele inzet van bekwame professionals",
    "Welzijns- en zorgpartners",
    "Talentontwikkeling met bedrijven en wijkorganisaties",
    "Mentoren uit de wijk",
    "Geschikte huisvesting voor leerkrachten",
];
/// The names of the kinds of support, in their order.
pub(crate) const SUPPORT_NAMES: [&str; 9] = [
    "Opschaling en verduurzaming",
    "Juridische inzichten",
    "Kennisdeling",
    "Procesbegeleiding en monitoring",
    "Onderzoek",
    "Financiering",
    "Zichtbaarheid",
    "Personeelsbeleid",
    "Huisvestingsmogelijkheden",
];
/// The names of what partners put in, in their order.
pub(crate) const INPUT_NAMES: [&str; 6] =
    ["Personele capaciteit", "Middelen", "Infrastructuur", "Netwerk", "Lobbykracht", "Regelruimte"];
/// The names of the languages, in their order.
pub(crate) const LANGUAGE_NAMES: [&str; 5] = ["Nederlands", "Engels", "Turks", "Arabisch", "Pools"];

fn pick<T: Copy>(list: &[T], number: usize, otherwise: T) -> T {
    list.get(number % list.len().max(1)).copied().unwrap_or(otherwise)
}

/// Parts of a seed, so that one seed chooses several words.
const fn part(seed: u32, divisor: u32) -> usize {
    (seed / divisor) as usize
}

/// The name of a school.
pub(crate) fn school_name(seed: u32) -> String {
    format!(
        "{} {}",
        pick(&SCHOOL_KINDS, part(seed, 48), ("OBS", "")).0,
        pick(&SCHOOL_NAMES, part(seed, 1), "De Vlinder")
    )
}

/// The denomination that goes with a school's name.
pub(crate) fn denomination(seed: u32) -> &'static str {
    pick(&SCHOOL_KINDS, part(seed, 48), ("", "Openbaar")).1
}

/// The name of a school board.
pub(crate) fn board_name(seed: u32, place: &Place) -> String {
    format!("Stichting {} Primair Onderwijs {}", pick(&PARTNER_STEMS, part(seed, 1), "Zandbak"), place.name)
}

/// The name of a partner of a kind.
pub(crate) fn partner_name(seed: u32, kind: &str, place: &Place) -> String {
    let stem = pick(&PARTNER_STEMS, part(seed, 1), "Zandbak");
    let form = part(seed, 24);
    match kind {
        "COMPANY" => format!(
            "{stem} {}",
            pick(&["Advies B.V.", "Technologie B.V.", "Groep N.V.", "Software B.V."], form, "B.V.")
        ),
        "FOUNDATION" => {
            format!("Stichting {stem} {}", pick(&["Fonds", "Onderwijskansen", "Talent", "Jeugd"], form, "Fonds"))
        }
        "CARE_OR_WELFARE" => {
            format!("{} {stem} {}", pick(&["Welzijn", "Jeugdzorg", "Buurtteam"], form, "Welzijn"), place.name)
        }
        "KNOWLEDGE_INSTITUTE" => format!(
            "{} {stem}",
            pick(&["Hogeschool", "Onderzoeksinstituut", "Lectoraat", "Kenniscentrum"], form, "Hogeschool")
        ),
        "PUBLIC_BODY" => format!(
            "{} {stem} {}",
            pick(&["Regiodienst", "Programmabureau", "Servicepunt"], form, "Regiodienst"),
            place.name
        ),
        "NEIGHBOURHOOD_ORGANISATION" => format!(
            "{} {stem} {}",
            pick(&["Buurthuis", "Wijkcoöperatie", "Buurtnetwerk"], form, "Buurthuis"),
            place.name
        ),
        _ => format!("Woningcorporatie {stem} {}", place.name),
    }
}

/// The title of a need with this theme.
pub(crate) fn need_title(seed: u32, theme: usize) -> String {
    pick(&pick(&NEED_TITLES, theme, NEED_TITLES[0]), part(seed, 1), "").to_owned()
}

/// The title of an offer with this theme.
pub(crate) fn offer_title(seed: u32, theme: usize) -> String {
    pick(&pick(&OFFER_TITLES, theme, OFFER_TITLES[0]), part(seed, 1), "").to_owned()
}

/// The title of a commitment with this theme.
pub(crate) fn commitment_title(seed: u32, theme: usize) -> String {
    pick(&COMMITMENT_FORMS, part(seed, 3), "{}").replace("{}", &offer_title(seed, theme))
}

/// A street that no town has.
pub(crate) fn street(seed: u32) -> String {
    pick(&STREETS, part(seed, 1), "Voorbeeldstraat").to_owned()
}

/// A neighbourhood that no town has.
pub(crate) fn neighbourhood(seed: u32) -> &'static str {
    pick(&NEIGHBOURHOODS, part(seed, 24), "Voorbeeldbuurt")
}

/// A house number.
pub(crate) fn house_number(seed: u32) -> String {
    format!("{}", 1 + part(seed, 7) % 240)
}

/// A postcode, without its space; plausible for nowhere in particular.
pub(crate) fn postcode(seed: u32, place: &Place) -> String {
    const LETTERS: [char; 20] =
        ['A', 'B', 'C', 'D', 'E', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'R', 'T', 'V', 'W', 'X', 'Z', 'B'];
    let digits = 1011 + (u32::from(place.code) * 7 + seed % 37) % 8900;
    format!("{digits}{}{}", pick(&LETTERS, part(seed, 37), 'A'), pick(&LETTERS, part(seed, 740), 'B'))
}

/// Somebody who does not exist.
pub(crate) fn person(seed: u32) -> String {
    format!("{} {}", pick(&FIRST_NAMES, part(seed, 1), "Sanne"), pick(&LAST_NAMES, part(seed, 12), "Voorbeeld"))
}

/// A telephone number that nobody has: the Netherlands have no area code 00.
pub(crate) fn phone(seed: u32) -> String {
    format!("+31 00 {:03} {:04}", seed % 1000, part(seed, 1000) % 10_000)
}

/// A name as it stands in a host name.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for letter in name.chars() {
        let plain = match letter.to_ascii_lowercase() {
            'ï' | 'í' => 'i',
            'ö' | 'ó' => 'o',
            'ú' | 'ü' => 'u',
            'â' | 'á' | 'ä' => 'a',
            'é' | 'ë' => 'e',
            plain => plain,
        };
        if plain.is_ascii_alphanumeric() {
            slug.push(plain);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// What a need says beyond its title.
pub(crate) fn need_description(title: &str, theme: usize) -> String {
    let theme = pick(&THEME_NAMES, theme, THEME_NAMES[0]);
    format!("{title}. Wij zoeken hiervoor een partner die langer blijft dan een jaar. Thema: {theme}.")
}

/// What an offer says beyond its title.
pub(crate) fn offer_description(title: &str, theme: usize) -> String {
    let theme = pick(&THEME_NAMES, theme, THEME_NAMES[0]);
    format!("{title}: voor basisscholen die ermee geholpen zijn. Thema: {theme}.")
}
