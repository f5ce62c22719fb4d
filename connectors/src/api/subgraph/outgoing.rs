//! Which headers a subgraph is sent: what of the client's goes on, under which name, and what the operator has set.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, ErrorKind, Result};
use crate::settings::{HeaderSettings, HeaderText, Secret};

/// Headers that say how a message itself is sent, or what the hub says for itself.
const OWN: [&str; 18] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
];
/// What an operator may set all the same: a token that never changes.
const MAY_BE_SET: &str = "authorization";

/// The rules, checked.
pub(super) struct Outgoing {
    /// The client's name for each, and the subgraph's.
    handed_on: Vec<(HeaderName, HeaderName)>,
    set: HeaderMap,
}

impl Outgoing {
    pub(super) fn new(settings: &HeaderSettings) -> Result<Self> {
        let same = settings.forward.iter().map(|name| (name, name));
        let handed_on = same.chain(&settings.rename).map(|(from, to)| Ok((name(from)?, name(to)?)));
        let mut set = HeaderMap::new();
        for (key, text) in &settings.set {
            let name =
                if key.eq_ignore_ascii_case(MAY_BE_SET) { HeaderName::from_static(MAY_BE_SET) } else { name(key)? };
            let text = match text {
                HeaderText::Plain(text) | HeaderText::Secret(Secret::Resolved(text)) => Some(text),
                HeaderText::Secret(_) => None,
            };
            let value = text.and_then(|text| HeaderValue::from_str(text).ok());
            let mut value = value.ok_or_else(|| wrong(key, "has no text that a header may have"))?;
            value.set_sensitive(true);
            set.insert(name, value);
        }
        Ok(Self { handed_on: handed_on.collect::<Result<_>>()?, set })
    }

    /// What is sent, of a client that sent these.
    pub(super) fn of(&self, client: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (from, to) in &self.handed_on {
            headers.remove(to);
            for value in client.get_all(from) {
                headers.append(to.clone(), value.clone());
            }
        }
        headers.extend(self.set.clone());
        headers
    }
}

/// Whether these headers can be sent.
///
/// # Errors
/// [`ErrorKind::Configuration`], saying which cannot, and why.
pub fn check_headers(settings: &HeaderSettings) -> Result<()> {
    Outgoing::new(settings).map(|_| ())
}

fn name(text: &str) -> Result<HeaderName> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| wrong(text, "is no header's name"))?;
    if OWN.contains(&name.as_str()) {
        return Err(wrong(text, "is the hub's own to send: remove it (a token is passed on by oauth.forward)"));
    }
    Ok(name)
}

fn wrong(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("`{name}` {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outgoing(settings: serde_json::Value) -> Result<Outgoing> {
        Outgoing::new(&serde_json::from_value(settings).unwrap())
    }

    #[test]
    fn what_is_named_goes_on_and_what_is_set_replaces_it() {
        let rules = outgoing(json!({
            "forward": ["X-Tenant", "x-list", "x-gone"],
            "rename": { "x-client": "X-Caller", "x-other": "x-tenant" },
            "set": { "x-key": "k", "X-Caller": "hub", "Authorization": "Bearer fixed" },
        }));
        let mut client = HeaderMap::new();
        for (name, value) in
            [("x-tenant", "a"), ("x-other", "b"), ("x-list", "1"), ("x-list", "2"), ("x-client", "c"), ("cookie", "no")]
        {
            client.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let sent = rules.unwrap().of(&client);
        let mut told: Vec<_> =
            sent.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        told.sort_unstable();
        let expected =
            ["authorization: Bearer fixed", "x-caller: hub", "x-key: k", "x-list: 1", "x-list: 2", "x-tenant: b"];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_the_hubs_own_cannot_be_set_nor_what_is_no_header() {
        for settings in [
            json!({ "forward": ["Cookie"] }),
            json!({ "forward": ["authorization"] }),
            json!({ "rename": { "x-token": "Authorization" } }),
            json!({ "rename": { "x a": "b" } }),
            json!({ "set": { "content-length": "1" } }),
            json!({ "set": { "x-key": "a\nb" } }),
            json!({ "set": { "x-key": { "env": "NOT_FETCHED" } } }),
        ] {
            assert!(outgoing(settings.clone()).is_err(), "{settings}");
        }
    }
}
