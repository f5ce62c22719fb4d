//! Names as people write them, out of names in capitals, and postcodes.

/// Words that stay small within the name of a place.
const SMALL: [&str; 20] = [
    "a/d", "aan", "bij", "de", "den", "der", "des", "en", "het", "in", "of", "onder", "op", "over", "te", "ten", "ter",
    "uit", "van", "voor",
];

/// On one line, with single spaces.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name of a place as people write it, where it came in capitals; else as it came.
pub(super) fn place(name: &str) -> String {
    if name.chars().any(char::is_lowercase) {
        return name.to_owned();
    }
    let mut first = true;
    let words = name.split(' ').map(|word| {
        let parts = word.split('-').map(|part| {
            let part = part_of_place(part, first);
            first = false;
            part
        });
        parts.collect::<Vec<_>>().join("-")
    });
    words.collect::<Vec<_>>().join(" ")
}

fn part_of_place(part: &str, first: bool) -> String {
    let small = part.to_lowercase();
    // 's-Gravenhage, 't Harde.
    if small.starts_with(['\'', '’', '`']) {
        return small;
    }
    if let Some(inner) = small.strip_prefix('(') {
        // Bergen (NH.) and Hengelo (O.) are told apart by their provinces' abbreviations; longer ones are words.
        let letters = inner.chars().filter(|char| char.is_alphabetic()).count();
        return if letters <= 2 { part.to_owned() } else { format!("({}", capitalised(inner)) };
    }
    if !first && SMALL.contains(&small.as_str()) { small } else { capitalised(&small) }
}

/// With its first letter large. The Dutch ij is one letter.
fn capitalised(small: &str) -> String {
    if let Some(rest) = small.strip_prefix("ij") {
        return format!("IJ{rest}");
    }
    let mut chars = small.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// With one capital, at its beginning.
pub(super) fn sentence(text: &str) -> String {
    capitalised(&text.to_lowercase())
}

/// A Dutch postcode as `1234 AB`; `None` for what is none.
pub(super) fn postcode(text: &str) -> Option<String> {
    let code: String = text.chars().filter(|char| !char.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let (digits, letters) = code.split_at_checked(4)?;
    let valid = digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
        && letters.len() == 2
        && letters.bytes().all(|byte| byte.is_ascii_uppercase());
    valid.then(|| format!("{digits} {letters}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_capitals_are_written_as_people_do() {
        for name in [
            "'s-Gravenhage",
            "'t Harde",
            "2e Exloërmond",
            "Alphen aan den Rijn",
            "Bergen (NH.)",
            "Bergen op Zoom",
            "Capelle aan den IJssel",
            "De Fryske Marren",
            "Den Haag",
            "Hendrik-Ido-Ambacht",
            "Hengelo (Gld)",
            "Het Hogeland",
            "IJsselstein",
            "Noord-Scharwoude",
            "Stad aan 't Haringvliet",
            "Súdwest-Fryslân",
        ] {
            assert_eq!(place(&name.to_uppercase()), name);
            assert_eq!(place(name), name);
        }
    }

    #[test]
    fn a_name_that_has_small_letters_stays_as_it_is() {
        assert_eq!(place("St. Willebrord NB"), "St. Willebrord NB");
    }

    #[test]
    fn a_denomination_has_one_capital() {
        assert_eq!(sentence("Rooms-Katholiek"), "Rooms-katholiek");
        assert_eq!(sentence("OPENBAAR"), "Openbaar");
    }

    #[test]
    fn a_postcode_has_one_form() {
        for text in ["1234 AB", "1234ab", " 1234  Ab"] {
            assert_eq!(postcode(text).as_deref(), Some("1234 AB"));
        }
        for text in ["", "0123 AB", "1234", "1234 A1", "12345 AB", "123é AB"] {
            assert_eq!(postcode(text), None, "{text}");
        }
    }
}
