//! For which organisation a token speaks: `board:41775`, `municipality:GM0363`, `partner:<KvK or id>`, `operator`.

use std::fmt;
use std::str::FromStr;

use entity::{MunicipalityCode, SchoolBoardNumber};

/// No identifier of a partner is longer, in bytes.
const LONGEST_PARTNER: usize = 200;

/// An organisation that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Organisation {
    /// A school board (bevoegd gezag), by its number.
    Board(SchoolBoardNumber),
    /// A municipality (gemeente), by its CBS code.
    Municipality(MunicipalityCode),
    /// A partner, by its KvK number, its global id, or its identifier in its own system.
    Partner(String),
    /// The alliance's operators.
    Operator,
}

/// Text that names no organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidOrganisation;

impl FromStr for Organisation {
    type Err = InvalidOrganisation;

    fn from_str(text: &str) -> Result<Self, InvalidOrganisation> {
        let Some((kind, name)) = text.split_once(':') else {
            return if text == "operator" { Ok(Self::Operator) } else { Err(InvalidOrganisation) };
        };
        match kind {
            // In their one written form: zeros that got lost are put back for data, and not for rights.
            "board" => name.parse().ok().filter(|board: &SchoolBoardNumber| board.as_str() == name).map(Self::Board),
            "municipality" => {
                let code = name.parse().ok().filter(|code: &MunicipalityCode| code.as_str() == name);
                code.map(Self::Municipality)
            }
            "partner" if is_plain(name) => Some(Self::Partner(name.to_owned())),
            _ => None,
        }
        .ok_or(InvalidOrganisation)
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_PARTNER && !name.chars().any(|each| each.is_control())
}

impl fmt::Display for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Board(number) => write!(f, "board:{number}"),
            Self::Municipality(code) => write!(f, "municipality:{code}"),
            Self::Partner(name) => write!(f, "partner:{name}"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_survives_its_written_form() {
        for text in ["board:41775", "municipality:GM0363", "partner:00012345", "partner:a:b", "operator"] {
            assert_eq!(text.parse::<Organisation>().map(|organisation| organisation.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_names_none_is_refused() {
        let long = format!("partner:{}", "x".repeat(201));
        for text in [
            "",
            "board",
            "board:",
            "board:x",
            "board:1",
            "board: 41775",
            "municipality:0363",
            "partner:",
            "partner:\n",
            "operator:1",
            "app",
            &long,
        ] {
            assert_eq!(text.parse::<Organisation>(), Err(InvalidOrganisation), "{text:?}");
        }
    }
}
