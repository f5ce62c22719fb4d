//! The language of texts for people: as the field's argument says, else as the request's `Accept-Language` does, else
//! Dutch.

use async_graphql::{Context, Enum};

use super::reader::Reader;
use crate::error::Result;

/// The language of texts for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Enum)]
#[graphql(name = "Language")]
pub enum Language {
    /// Dutch.
    #[default]
    Nl,
    /// English.
    En,
}

impl Language {
    /// The text in this language.
    pub(crate) fn choose<'a, T: ?Sized>(self, dutch: &'a T, english: &'a T) -> &'a T {
        match self {
            Self::Nl => dutch,
            Self::En => english,
        }
    }

    /// The language that an `Accept-Language` header (RFC 9110 section 12.5.4) prefers among those there are. `None` where it names
    /// neither.
    #[must_use]
    pub fn accepted(header: &str) -> Option<Self> {
        let range = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next()?.split('-').next()?.to_ascii_lowercase();
            let language = match tag.as_str() {
                "nl" | "*" => Self::Nl,
                "en" => Self::En,
                _ => return None,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse().ok())?;
            (quality > 0.0_f32).then_some((language, quality))
        };
        let best = |best: Option<(Self, f32)>, found: (Self, f32)| match best {
            Some(best) if best.1 >= found.1 => Some(best),
            _ => Some(found),
        };
        header.split(',').filter_map(range).fold(None, best).map(|(language, _)| language)
    }
}

/// The language of a field: the one its argument gives, else the request's.
///
/// The argument's default in the schema is Dutch, for who sends no `Accept-Language`; so whether it was given is read from the
/// document and not from its value.
pub(crate) fn spoken(ctx: &Context<'_>, argument: Option<Language>) -> Result<Language> {
    let was_given = ctx.item.node.get_argument("language").is_some();
    match argument.filter(|_| was_given) {
        Some(language) => Ok(language),
        None => Ok(Reader::of(ctx)?.language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_most_wanted_of_those_there_are_is_taken() {
        for (header, expected) in [
            ("en", Some(Language::En)),
            ("en-GB,nl;q=0.8", Some(Language::En)),
            ("de, en;q=0.5, nl;q=0.7", Some(Language::Nl)),
            ("nl;q=0, en;q=0.1", Some(Language::En)),
            ("*", Some(Language::Nl)),
            ("fr-FR", None),
            ("", None),
            ("en;q=x", None),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }
}
