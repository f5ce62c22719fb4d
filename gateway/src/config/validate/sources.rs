//! Sources: what their settings' types cannot tell.

use std::collections::HashSet;

use connectors::settings::{GrantType, HeaderText, OAuthSettings, Secret, SourceSettings};
use connectors::systems::declarative::{self, Mistake};
use connectors::systems::{DECLARATIVE, Entry};

use super::{has_credentials, lead_somewhere};
use crate::config::auth::is_confidential;
use crate::config::read::{Reader, fetch, label};

/// Checks each source, and fetches its secrets. `can_keep`: what lets the hub into systems can be kept.
pub(super) fn check(sources: &mut [SourceSettings], can_keep: bool, reader: &mut Reader<'_>, systems: &[Entry]) {
    let mut seen = HashSet::new();
    let place = reader.place("source");
    for (number, source) in sources.iter_mut().enumerate() {
        let label = label("source", &source.id);
        let mut problems = Vec::new();
        if !is_identifier(&source.id) {
            problems.push(("id", "must be lower-case letters, digits and hyphens, and begin with a letter".to_owned()));
        }
        if source.id.starts_with("api-") {
            let what = "must not begin with api-: so begin those of parties that write through the hub's interface";
            problems.push(("id", what.to_owned()));
        }
        if !seen.insert(source.id.clone()) {
            problems.push(("id", "two sources have this id: give one of them another".to_owned()));
        }
        if source.requests_at_once == 0 {
            problems.push(("requests_at_once", "must be at least 1".to_owned()));
        }
        if source.requests_per_minute == Some(0) {
            problems.push(("requests_per_minute", "must be at least 1; remove it for no limit".to_owned()));
        }
        addresses(source, &mut problems);
        if let Some(secret) = source.oauth.as_mut().and_then(|oauth| oauth.client_secret.as_mut()) {
            match fetch(secret, reader.environment()) {
                Ok(text) => *secret = Secret::Resolved(text),
                Err(what) => problems.push(("oauth.client_secret", what)),
            }
        }
        let granted = source.oauth.as_ref().map(|oauth| grant(oauth, can_keep)).unwrap_or_default();
        let described = described(source, reader);
        connector(source, systems, described.is_empty(), &mut problems);
        let volatile = if problems.is_empty() { volatile(source, systems) } else { Vec::new() };
        for (key, what) in problems {
            let key = if key.is_empty() { label.clone() } else { format!("{label}.{key}") };
            reader.problem_at(place.clone(), &key, what);
        }
        for Mistake { path, what } in granted.into_iter().chain(volatile).chain(described) {
            // What could not be read is missing for that.
            if reader.is_wrong(&format!("{label}.{}", path.join("."))) && path == ["oauth", "client_secret"] {
                continue;
            }
            let place = reader.position(number, &path).unwrap_or_else(|| place.clone());
            reader.problem_at(place, &format!("{label}.{}", path.join(".")), what);
        }
    }
}

/// Which streams cannot be checked record by record, though they should.
fn volatile(source: &SourceSettings, systems: &[Entry]) -> Vec<Mistake> {
    let entry = systems.iter().find(|entry| entry.manifest.id == source.connector);
    let Some(connector) = entry.and_then(|entry| (entry.build)(source).ok()) else { return Vec::new() };
    let can = connector.singles();
    let cannot = source.volatile.keys().filter(|name| !can.contains(&name.as_str()));
    cannot
        .map(|name| {
            let what = match can {
                [] => format!("`{}` can read no records one by one: remove it", source.connector),
                can => format!("`{}` can read records one by one only of {}", source.connector, can.join(", ")),
            };
            Mistake { path: vec!["volatile".to_owned(), name.clone()], what }
        })
        .collect()
}

/// What is wrong with how a source's tokens are got.
fn grant(oauth: &OAuthSettings, can_keep: bool) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut note = |key: &str, what: &str| {
        found.push(Mistake { path: vec!["oauth".to_owned(), key.to_owned()], what: what.to_owned() });
    };
    let addresses = [
        ("authorization_url", &oauth.authorization_url),
        ("revocation_url", &oauth.revocation_url),
        ("issuer", &oauth.issuer),
    ];
    let is_delegated = oauth.grant == GrantType::AuthorizationCode;
    if !is_delegated {
        if oauth.client_secret.is_none() {
            note("client_secret", "is missing: add it, as { env = \"NAME\" } or { file = \"PATH\" }");
        }
        let set = addresses.iter().map(|(key, url)| (*key, url.is_some()));
        for (key, _) in set.chain([("redirect_port", oauth.redirect_port.is_some())]).filter(|(_, is_set)| *is_set) {
            note(key, "has no effect without grant = \"authorization_code\": add that, or remove this");
        }
        return found;
    }
    for (key, url) in addresses.iter().filter_map(|(key, url)| Some((*key, url.as_ref()?))) {
        if !is_confidential(url) || url.host().is_none() || has_credentials(url) {
            note(key, "expected an address that begins with https:// (http only on a loopback address)");
        }
    }
    if oauth.authorization_url.is_none() && oauth.issuer.is_none() {
        note("grant", "nobody knows where people let the hub in: add authorization_url, or issuer");
    }
    if !can_keep {
        let what =
            "what lets the hub in is kept encrypted: set grants.encryption_key (`openssl rand -base64 32` makes one)";
        note("grant", what);
    }
    found
}

fn addresses(source: &SourceSettings, problems: &mut Vec<(&'static str, String)>) {
    let addresses = [
        ("base_url", source.base_url.as_ref()),
        ("oauth.token_url", source.oauth.as_ref().map(|oauth| &oauth.token_url)),
    ];
    lead_somewhere(addresses, "a secret is not written here: use [source.oauth]", problems);
}

/// What is wrong with how a source's interface is described. Its secrets are fetched.
fn described(source: &mut SourceSettings, reader: &Reader<'_>) -> Vec<Mistake> {
    let key = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect();
    let mut found = declarative::mistakes(source);
    let Some(interface) = &mut source.interface else { return found };
    if source.connector != DECLARATIVE {
        let what = format!("is for connector = \"{DECLARATIVE}\"; `{}` knows its own", source.connector);
        found.push(Mistake { path: key(&["interface"]), what });
    }
    for (path, text) in interface.header_texts() {
        if let HeaderText::Secret(secret) = text {
            match fetch(secret, reader.environment()) {
                Ok(fetched) => *secret = Secret::Resolved(fetched),
                Err(what) => found.push(Mistake { path, what }),
            }
        }
    }
    found
}

fn connector(
    source: &SourceSettings,
    systems: &[Entry],
    is_well_described: bool,
    problems: &mut Vec<(&'static str, String)>,
) {
    let Some(entry) = systems.iter().find(|entry| entry.manifest.id == source.connector) else {
        let known: Vec<_> = systems.iter().map(|entry| entry.manifest.id).collect();
        problems.push((
            "connector",
            format!("there is no connector `{}`; known are {}", source.connector, known.join(", ")),
        ));
        return;
    };
    let known = entry.streams(source);
    if let Some(streams) = &source.streams {
        for stream in streams.iter().filter(|stream| !known.contains(&stream.as_str())) {
            let what = format!("`{}` has no stream `{stream}`; it has {}", source.connector, known.join(", "));
            problems.push(("streams", what));
        }
        if streams.is_empty() {
            problems.push(("streams", "is empty: name what to read, or remove it to read everything".to_owned()));
        }
    }
    if problems.is_empty()
        && is_well_described
        && let Err(error) = (entry.build)(source)
    {
        problems.push(("", error.to_string()));
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '-')
}
