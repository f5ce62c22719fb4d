//! Identifiers that the world outside gave to schools, boards, municipalities and organisations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: expected {expected}")]
pub struct InvalidIdentifier {
    /// The text as it came, cut to 40 characters.
    pub text: String,
    /// What it should have been.
    pub what: &'static str,
    /// The form that was expected.
    pub expected: &'static str,
}

impl InvalidIdentifier {
    fn new(text: &str, what: &'static str, expected: &'static str) -> Self {
        Self { text: text.chars().take(40).collect(), what, expected }
    }
}

/// Declares an identifier: text that is checked once and then known to be right.
macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier in its one written form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(identifier: $name) -> Self {
                identifier.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidIdentifier;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

identifier! {
    /// BRIN code of a school location (vestiging): two digits, two letters, two digits, as `20AB00`.
    Brin
}

impl FromStr for Brin {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = text.trim().to_ascii_uppercase();
        let valid = code.len() == 6
            && code.bytes().enumerate().all(|(index, byte)| match index {
                2 | 3 => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_digit(),
            });
        if valid {
            Ok(Self(code))
        } else {
            Err(InvalidIdentifier::new(
                text,
                "BRIN code of a school location",
                "two digits, two letters, two digits, as 20AB00",
            ))
        }
    }
}

identifier! {
    /// CBS code of a municipality: `GM` and four digits, as `GM0363`. Digits alone are read too, zeros lost or not.
    MunicipalityCode
}

impl MunicipalityCode {
    /// The four big cities: Amsterdam, Rotterdam, 's-Gravenhage, Utrecht.
    pub const G4: [&'static str; 4] = ["GM0363", "GM0599", "GM0518", "GM0344"];

    /// Whether it is one of the four big cities.
    #[must_use]
    pub fn is_g4(&self) -> bool {
        Self::G4.contains(&self.as_str())
    }
}

impl FromStr for MunicipalityCode {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = text.trim().to_ascii_uppercase();
        let digits = code.strip_prefix("GM").unwrap_or(&code);
        let valid = (1..=4).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && digits.bytes().any(|byte| byte != b'0');
        if valid {
            Ok(Self(format!("GM{digits:0>4}")))
        } else {
            Err(InvalidIdentifier::new(text, "municipality code", "GM and four digits, as GM0363"))
        }
    }
}

identifier! {
    /// Number of a school board (bevoegd gezag): five digits, as `41775`. Lost leading zeros are put back.
    SchoolBoardNumber
}

impl FromStr for SchoolBoardNumber {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        padded_digits(text, 5)
            .map(Self)
            .ok_or_else(|| InvalidIdentifier::new(text, "school board number", "five digits, as 41775"))
    }
}

identifier! {
    /// Number in the Dutch trade register (KvK): eight digits. Lost leading zeros are put back.
    Kvk
}

impl FromStr for Kvk {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        padded_digits(text, 8)
            .map(Self)
            .ok_or_else(|| InvalidIdentifier::new(text, "KvK number", "eight digits, as 01234567"))
    }
}

/// `text` as digits padded with zeros to `width`; `None` where it is empty, too long, all zeros or not digits.
fn padded_digits(text: &str, width: usize) -> Option<String> {
    let digits = text.trim();
    let valid = (1..=width).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.bytes().any(|byte| byte != b'0');
    valid.then(|| format!("{digits:0>width$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brin_code_is_trimmed_and_raised() {
        assert_eq!(" 99aa00 ".parse::<Brin>().unwrap().as_str(), "99AA00");
    }

    #[test]
    fn what_is_no_brin_code_is_refused_with_its_form() {
        for text in ["", "99AA", "9AAA00", "99AA0O", "99AA000", "９9AA00"] {
            let error = text.parse::<Brin>().unwrap_err();
            assert!(error.to_string().contains("as 20AB00"), "{text}");
        }
    }

    #[test]
    fn lost_zeros_come_back() {
        assert_eq!("363".parse::<MunicipalityCode>().unwrap().as_str(), "GM0363");
        assert_eq!("GM0014".parse::<MunicipalityCode>().unwrap().as_str(), "GM0014");
        assert_eq!("1234567".parse::<Kvk>().unwrap().as_str(), "01234567");
        assert_eq!("417".parse::<SchoolBoardNumber>().unwrap().as_str(), "00417");
    }

    #[test]
    fn zeros_alone_are_no_identifier() {
        assert!("0000".parse::<MunicipalityCode>().is_err());
        assert!("00000000".parse::<Kvk>().is_err());
    }
}
