//! `[auth]`: who may ask.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use url::{Host, Url};

/// `[auth]`: who may ask.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthSettings {
    /// Whose tokens are taken: one address or a list.
    #[serde(deserialize_with = "one_or_more")]
    pub issuer: Vec<Url>,
    /// Whom tokens must be meant for.
    pub audience: Option<String>,
    /// Where the issuer's keys are. `None`: by discovery.
    pub jwks_url: Option<Url>,
    /// What those without a token may see.
    pub anonymous: Anonymous,
    /// The claim that says for which organisation a token speaks.
    pub organisation_claim: String,
    /// Whether tokens are taken that are not marked as access tokens: whose `typ` is `JWT`, or missing.
    pub plain_jwt: bool,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            issuer: Vec::new(),
            audience: None,
            jwks_url: None,
            anonymous: Anonymous::default(),
            organisation_claim: "hub_org".to_owned(),
            plain_jwt: false,
        }
    }
}

/// What those without a token may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anonymous {
    /// What is public.
    #[default]
    Public,
    /// Nothing.
    Deny,
}

/// Whether what is sent to this address can be read by nobody on the way: `https:`, or a loopback address.
pub(super) fn is_confidential(url: &Url) -> bool {
    url.scheme() == "https"
        || (url.scheme() == "http"
            && match url.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            })
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Url>, D::Error> {
    struct OneOrMore;

    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<Url>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address or a list of addresses")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Url::parse(text).map(|url| vec![url]).map_err(|error| E::custom(error.to_string()))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut urls = Vec::new();
            while let Some(url) = list.next_element()? {
                urls.push(url);
            }
            Ok(urls)
        }
    }

    deserializer.deserialize_any(OneOrMore)
}
