//! A JWT access token (RFC 9068) taken apart, and its signature checked. Nothing in it is believed before that, but for
//! the issuer's name and the key's, which only choose among what configuration and that issuer gave.
//!
//! Headers that carry a key or say where one is (`jwk`, `jku`, `x5c`, `x5u`) are not read: who forges a token could
//! bring their own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::Refused;
use super::keys::Key;

/// No access token is longer, in bytes: most servers take no longer header.
const LONGEST: usize = 8 * 1024;

/// A token that nobody has vouched for yet.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    kind: Option<String>,
    signed: &'a str,
    signature: &'a str,
    payload: Vec<u8>,
}

/// What is read of a header. A name that is there twice makes it unreadable (RFC 7515, section 4).
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// Whether a member is there, whatever its value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl<'a> Token<'a> {
    /// Takes a token in compact form apart.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refused> {
        if text.len() > LONGEST {
            return Err(Refused::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Refused::Malformed)?;
        if header.crit {
            return Err(Refused::Critical);
        }
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "PS256" => Algorithm::PS256,
            "ES256" => Algorithm::ES256,
            _ => return Err(Refused::Algorithm),
        };
        let payload = decode(payload)?;
        Ok(Self { algorithm, key_id: header.kid, kind: header.typ, signed, signature, payload })
    }

    /// Whether it is marked as an access token; one that is not marked at all, or as any JWT, where `plain_jwt` says.
    pub(super) fn check_type(&self, plain_jwt: bool) -> Result<(), Refused> {
        let kind = self.kind.as_deref().map(str::to_ascii_lowercase);
        match kind.as_deref() {
            Some("at+jwt" | "application/at+jwt") => Ok(()),
            None | Some("jwt" | "application/jwt") if plain_jwt => Ok(()),
            _ => Err(Refused::Type),
        }
    }

    /// The claims, as they were sent.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether it was signed with one of these keys, each of which is for its algorithm.
    pub(super) fn check_signature(&self, keys: &[Key]) -> Result<(), Refused> {
        let holds = |key: &Key| {
            jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &key.decoding, self.algorithm)
        };
        if keys.iter().any(|key| holds(key).unwrap_or(false)) { Ok(()) } else { Err(Refused::Signature) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> String {
        format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header))
    }

    fn refused(text: &str) -> Option<Refused> {
        Token::parse(text).err()
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", ".", "..", "a.b", "a.b.c", "e30.e30.", "é.é.é", &token("[]"), &token("{\"alg\":1}")] {
            assert_eq!(refused(text), Some(Refused::Malformed), "{text:?}");
        }
        // Five parts: encrypted.
        assert_eq!(refused(&format!("{}.x.x", token(r#"{"alg":"RS256"}"#))), Some(Refused::Malformed));
        assert_eq!(refused(&"a".repeat(9000)), Some(Refused::TooLong));
    }

    #[test]
    fn only_three_algorithms_are_taken_letter_by_letter() {
        for algorithm in ["none", "None", "", "HS256", "RS512", "ES384", "EdDSA", "rs256", "RS256 "] {
            let header = format!(r#"{{"alg":"{algorithm}"}}"#);
            assert_eq!(refused(&token(&header)), Some(Refused::Algorithm), "{algorithm:?}");
        }
        for algorithm in ["RS256", "PS256", "ES256"] {
            assert_eq!(refused(&token(&format!(r#"{{"alg":"{algorithm}"}}"#))), None);
        }
    }

    #[test]
    fn a_header_that_says_two_things_or_demands_what_nobody_knows_is_refused() {
        for header in [r#"{"alg":"RS256","alg":"none"}"#, r#"{"alg":"RS256","kid":"a","kid":"b"}"#] {
            assert_eq!(refused(&token(header)), Some(Refused::Malformed), "{header}");
        }
        for critical in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null", "7"] {
            let header = format!(r#"{{"alg":"RS256","crit":{critical}}}"#);
            assert_eq!(refused(&token(&header)), Some(Refused::Critical), "{header}");
        }
    }

    #[test]
    fn other_kinds_of_tokens_are_refused_and_plain_ones_where_nobody_asked_for_them() {
        for (kind, strictly, plainly) in [
            (r#","typ":"at+jwt""#, true, true),
            (r#","typ":"application/AT+JWT""#, true, true),
            (r#","typ":"JWT""#, false, true),
            ("", false, true),
            (r#","typ":"id+jwt""#, false, false),
            (r#","typ":"dpop+jwt""#, false, false),
            (r#","typ":"logout+jwt""#, false, false),
        ] {
            let text = token(&format!(r#"{{"alg":"RS256"{kind}}}"#));
            let token = Token::parse(&text).unwrap();
            assert_eq!(
                (token.check_type(false).is_ok(), token.check_type(true).is_ok()),
                (strictly, plainly),
                "{kind}"
            );
        }
    }
}
