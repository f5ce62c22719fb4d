//! What a token says, and whether that holds here and now. Read before the signature for the issuer's name alone.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{Identity, Organisation, Refused};

/// Clocks may differ by this much.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// No token has more scopes that anybody could have asked for.
const MOST_SCOPES: usize = 100;

/// What is read of a token's claims. One that is there twice makes them unreadable.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    sub: Option<String>,
    aud: OneOrMore,
    exp: f64,
    nbf: Option<f64>,
    client_id: Option<String>,
    azp: Option<String>,
    scope: Option<OneOrMore>,
    /// How some issuers call `scope`.
    scp: Option<OneOrMore>,
    /// Only in ID tokens, which are for the client's own eyes.
    #[serde(default)]
    nonce: Option<Value>,
    #[serde(default)]
    at_hash: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn iter(&self) -> impl Iterator<Item = &str> {
        let (one, more) = match self {
            Self::One(text) => (Some(text.as_str()), &[][..]),
            Self::More(texts) => (None, texts.as_slice()),
        };
        one.into_iter().chain(more.iter().map(String::as_str))
    }
}

/// What a token must hold against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) audience: &'a str,
    pub(super) organisation_claim: &'a str,
    pub(super) now: DateTime<Utc>,
}

impl Claims {
    /// Reads a token's payload.
    pub(super) fn read(payload: &[u8]) -> Result<Self, Refused> {
        serde_json::from_slice(payload).map_err(|_| Refused::Claims)
    }

    /// Who asks, if the claims hold. The signature was checked before.
    pub(super) fn identify(self, payload: &[u8], expected: Expected<'_>) -> Result<Identity, Refused> {
        let expires_at = instant(self.exp)?;
        if expected.now >= expires_at + LEEWAY {
            return Err(Refused::Expired);
        }
        if self.nbf.map(instant).transpose()?.is_some_and(|from| expected.now + LEEWAY < from) {
            return Err(Refused::NotYet);
        }
        if !self.aud.iter().any(|audience| audience == expected.audience) {
            return Err(Refused::Audience);
        }
        if self.nonce.is_some() || self.at_hash.is_some() {
            return Err(Refused::Type);
        }
        let organisation = organisation(payload, expected.organisation_claim)?;
        let scopes = self.scope.as_ref().or(self.scp.as_ref());
        let scopes = scopes.into_iter().flat_map(OneOrMore::iter).flat_map(str::split_ascii_whitespace);
        let scopes: Vec<String> = scopes.take(MOST_SCOPES).map(str::to_owned).collect();
        let client = self.client_id.or(self.azp);
        let ends = Instant::now() + (expires_at - expected.now).to_std().unwrap_or_default();
        Ok(Identity { issuer: self.iss, subject: self.sub, client, organisation, scopes, expires_at, ends })
    }
}

/// The organisation that the token speaks for. A list of one is taken too: some issuers know only lists.
fn organisation(payload: &[u8], claim: &str) -> Result<Option<Organisation>, Refused> {
    let claims: Map<String, Value> = serde_json::from_slice(payload).map_err(|_| Refused::Claims)?;
    let named = match claims.get(claim) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) if list.is_empty() => return Ok(None),
        Some(Value::Array(list)) if list.len() == 1 => list.first().and_then(Value::as_str),
        Some(value) => value.as_str(),
    };
    named.and_then(|text| text.parse().ok()).map(Some).ok_or(Refused::Organisation)
}

/// A NumericDate: seconds since 1970, perhaps with a fraction.
fn instant(seconds: f64) -> Result<DateTime<Utc>, Refused> {
    #[expect(clippy::cast_possible_truncation, reason = "cut to whole milliseconds, within the range of the calendar")]
    let millis = (seconds * 1000.0) as i64;
    let in_range = seconds.is_finite() && (0.0..=253_402_300_799.0).contains(&seconds);
    DateTime::from_timestamp_millis(millis).filter(|_| in_range).ok_or(Refused::Claims)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn identify(change: Value) -> Result<Identity, Refused> {
        let mut claims = json!({ "iss": "https://issuer.example", "aud": "hub", "exp": NOW + 60 });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let payload = claims.to_string();
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        let expected = Expected { audience: "hub", organisation_claim: "hub_org", now };
        Claims::read(payload.as_bytes())?.identify(payload.as_bytes(), expected)
    }

    #[test]
    fn a_token_holds_from_its_beginning_to_its_end_with_a_little_leeway() {
        for (change, outcome) in [
            (json!({}), None),
            (json!({ "exp": NOW - 29 }), None),
            (json!({ "exp": NOW - 30 }), Some(Refused::Expired)),
            (json!({ "exp": NOW as f64 + 0.5 }), None),
            (json!({ "exp": 0 }), Some(Refused::Expired)),
            (json!({ "nbf": NOW + 30 }), None),
            (json!({ "nbf": NOW + 31 }), Some(Refused::NotYet)),
        ] {
            assert_eq!(identify(change.clone()).err(), outcome, "{change}");
        }
        assert_eq!(identify(json!({})).unwrap().expires_at.timestamp(), NOW + 60);
    }

    #[test]
    fn a_claim_of_the_wrong_kind_is_not_taken_for_a_missing_one() {
        for change in [
            json!({ "exp": "1900000000" }),
            json!({ "exp": null }),
            json!({ "exp": -1 }),
            json!({ "exp": 1e300 }),
            json!({ "nbf": "0" }),
            json!({ "nbf": [] }),
            json!({ "aud": 7 }),
            json!({ "aud": { "hub": true } }),
            json!({ "iss": null }),
            json!({ "sub": 7 }),
            json!({ "scope": { "a": 1 } }),
        ] {
            assert_eq!(identify(change.clone()).unwrap_err(), Refused::Claims, "{change}");
        }
        let twice = br#"{"iss":"a","aud":"other","aud":"hub","exp":1900000000}"#;
        assert_eq!(Claims::read(twice).unwrap_err(), Refused::Claims);
        assert_eq!(Claims::read(br#"{"iss":"a","aud":"hub"}"#).unwrap_err(), Refused::Claims);
    }

    #[test]
    fn a_token_is_for_this_hub_or_refused() {
        for (audience, fits) in [
            (json!("hub"), true),
            (json!(["other", "hub"]), true),
            (json!("Hub"), false),
            (json!("hub/"), false),
            (json!([]), false),
            (json!(""), false),
        ] {
            assert_eq!(identify(json!({ "aud": audience })).is_ok(), fits, "{audience}");
        }
        assert_eq!(identify(json!({ "nonce": "x" })).unwrap_err(), Refused::Type);
    }

    #[test]
    fn scopes_client_and_organisation_are_read_as_issuers_write_them() {
        let whole = json!({
            "sub": "s", "client_id": "c", "azp": "a", "scope": "alliance:read  sync:read", "hub_org": "board:41775"
        });
        let identity = identify(whole).unwrap();
        assert_eq!((identity.subject.as_deref(), identity.client.as_deref()), (Some("s"), Some("c")));
        assert!(identity.holds("alliance:read") && identity.holds("sync:read") && !identity.holds("alliance"));
        assert_eq!(identity.organisation.unwrap().to_string(), "board:41775");
        let other = identify(json!({ "azp": "a", "scp": ["sync:read"], "hub_org": ["operator"] })).unwrap();
        assert_eq!(other.client.as_deref(), Some("a"));
        assert!(other.holds("sync:read") && other.organisation == Some(Organisation::Operator));
        for organisation in [json!(null), json!([])] {
            assert_eq!(identify(json!({ "hub_org": organisation })).unwrap().organisation, None);
        }
        for organisation in [json!("board:x"), json!(7), json!(["operator", "operator"]), json!({}), json!("")] {
            let refused = identify(json!({ "hub_org": organisation })).unwrap_err();
            assert_eq!(refused, Refused::Organisation, "{organisation}");
        }
    }
}
