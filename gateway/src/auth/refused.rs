//! Why a token is not taken, in sentences that tell its sender what to do and an attacker nothing.

use std::fmt;

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no signed token in compact form, or a part of it cannot be read.
    Malformed,
    /// It is longer than any token needs to be.
    TooLong,
    /// It is not signed with an algorithm that the hub takes, or not with one that fits its key.
    Algorithm,
    /// It is marked as something else than an access token.
    Type,
    /// Its header demands what the hub does not know.
    Critical,
    /// Its issuer is none that the hub takes tokens of.
    Issuer,
    /// Its issuer has no such key.
    Key,
    /// It was not signed with the key it names, or was changed since.
    Signature,
    /// It has ended.
    Expired,
    /// It does not hold yet.
    NotYet,
    /// It is meant for somebody else.
    Audience,
    /// A claim that an access token must have is missing, or has a value it cannot have.
    Claims,
    /// The organisation it speaks for is none.
    Organisation,
    /// The issuer's keys cannot be had at present: the token may be good.
    KeysUnavailable,
}

impl Refused {
    /// What its sender reads. Plain ASCII without quotes, for it stands in a header too (RFC 6750, section 3).
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "The token is no JWT that can be read.",
            Self::TooLong => "The token is too long.",
            Self::Algorithm => "The token must be signed with RS256, PS256 or ES256, as its key is for.",
            Self::Type => "The token is no access token: its typ must be at+jwt.",
            Self::Critical => "The token has a critical header that this hub does not know.",
            Self::Issuer => "This hub takes no tokens of this issuer.",
            Self::Key => "The token is signed with a key that its issuer does not publish.",
            Self::Signature => "The token's signature does not hold.",
            Self::Expired => "The token has expired.",
            Self::NotYet => "The token is not valid yet.",
            Self::Audience => "The token is meant for another audience.",
            Self::Claims => "A claim of the token is missing or malformed.",
            Self::Organisation => "The token speaks for an organisation of a kind that this hub does not know.",
            Self::KeysUnavailable => "The token cannot be checked at present: its issuer does not give its keys.",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Refused {}
