//! Partners' graphs: what their settings' types cannot tell.

use std::collections::HashSet;

use connectors::api::check_headers;
use connectors::settings::{HeaderText, Secret, SubgraphSettings};

use super::{has_credentials, lead_somewhere};
use crate::config::read::{Reader, fetch, label};

/// Checks each subgraph, and fetches its secrets.
pub(super) fn check(subgraphs: &mut [SubgraphSettings], reader: &mut Reader<'_>) {
    let mut seen = HashSet::new();
    let place = reader.place("subgraph");
    for subgraph in subgraphs {
        let label = label("subgraph", &subgraph.name);
        let mut problems = Vec::new();
        let is_of_a_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        let begins = subgraph.name.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if !begins || !subgraph.name.chars().all(is_of_a_name) {
            problems.push(("name", "must be letters, digits, _ and -, and begin with a letter".to_owned()));
        }
        if subgraph.name == "hub" {
            problems.push(("name", "is the hub's own: give the partner's graph another".to_owned()));
        }
        if !seen.insert(subgraph.name.to_ascii_uppercase()) {
            problems.push(("name", "two subgraphs have this name: give one of them another".to_owned()));
        }
        if subgraph.requests_at_once == 0 {
            problems.push(("requests_at_once", "must be at least 1".to_owned()));
        }
        if subgraph.subscriptions.at_once == 0 {
            problems.push(("subscriptions.at_once", "must be at least 1".to_owned()));
        }
        if let Some(url) = &subgraph.subscriptions.url {
            if !matches!(url.scheme(), "https" | "http" | "wss" | "ws") || url.host().is_none() {
                let what = "expected an address that begins with wss:// or https://";
                problems.push(("subscriptions.url", what.to_owned()));
            }
            if has_credentials(url) {
                let what = "a secret is not written here: use [subgraph.oauth]";
                problems.push(("subscriptions.url", what.to_owned()));
            }
        }
        let token_url = subgraph.oauth.as_ref().and_then(|oauth| oauth.token_url.as_ref());
        let addresses = [("url", Some(&subgraph.url)), ("oauth.token_url", token_url)];
        lead_somewhere(addresses, "a secret is not written here: use [subgraph.oauth]", &mut problems);
        if let Some(oauth) = &mut subgraph.oauth {
            let (has_url, has_id) = (oauth.token_url.is_some(), oauth.client_id.is_some());
            let set = [
                ("oauth.token_url", has_url),
                ("oauth.client_id", has_id),
                ("oauth.client_secret", oauth.client_secret.is_some()),
            ];
            for (key, is_set) in set {
                match (oauth.forward, is_set) {
                    (true, true) => {
                        problems.push((key, "the caller's token is passed on: remove it, or forward".to_owned()))
                    }
                    (false, false) => problems.push((key, "is missing: add it, or forward = true".to_owned())),
                    _ => {}
                }
            }
            if let Some(secret) = &mut oauth.client_secret {
                match fetch(secret, reader.environment()) {
                    Ok(text) => *secret = Secret::Resolved(text),
                    Err(what) => problems.push(("oauth.client_secret", what)),
                }
            }
        }
        for (name, text) in &mut subgraph.headers.set {
            if let HeaderText::Secret(secret) = text {
                match fetch(secret, reader.environment()) {
                    Ok(text) => *secret = Secret::Resolved(text),
                    Err(what) => problems.push(("headers.set", format!("`{name}`: {what}"))),
                }
            }
        }
        if let (true, Err(error)) = (problems.is_empty(), check_headers(&subgraph.headers)) {
            problems.push(("headers", error.to_string()));
        }
        for (key, what) in problems {
            reader.problem_at(place.clone(), &format!("{label}.{key}"), what);
        }
    }
}
