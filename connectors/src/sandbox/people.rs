//! Sample people sign in: an authorization endpoint that shows a menu instead of asking for passwords, and the codes that
//! it gives (RFC 6749 section 4.1, with the proof of RFC 7636).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::issuer::{CLIENTS, HubClient};
use super::oauth::{TokenError, no_store};
use super::server::Shared;
use crate::api::is_loopback;

/// A code may be exchanged for this long.
const CODE_LASTS: Duration = Duration::from_secs(60);

/// The client in which people sign in: the hub's console. It asks for nothing in its own name.
pub(super) const CONSOLE: HubClient =
    HubClient { name: "console", id: "demo-console", secret: "not-a-secret-console", scopes: "" };

/// What a client asks of the authorization endpoint.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Asked {
    client_id: String,
    redirect_uri: Url,
    response_type: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    code_challenge_method: String,
    /// Who was chosen. `None`: nobody yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
}

/// What a code stands for.
struct Grant {
    person: HubClient,
    scopes: String,
    redirect_uri: Url,
    challenge: String,
    until: Instant,
}

/// The codes that were given and not exchanged yet.
#[derive(Default)]
pub(super) struct Codes(Mutex<HashMap<String, Grant>>);

impl Codes {
    fn give(&self, grant: Grant) -> String {
        let code = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        codes.retain(|_, grant| grant.until > now);
        codes.insert(code.clone(), grant);
        code
    }

    /// Who signed in by the code of this token request, and the scopes they gave. A code is good once, right or wrong.
    pub(super) fn take(&self, form: &HashMap<String, String>) -> Result<(HubClient, String), TokenError> {
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let grant = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(field("code"));
        let grant = grant.filter(|grant| grant.until > Instant::now()).ok_or(TokenError::InvalidGrant)?;
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        if proof != grant.challenge || grant.redirect_uri.as_str() != field("redirect_uri") {
            return Err(TokenError::InvalidGrant);
        }
        Ok((grant.person, grant.scopes))
    }
}

/// The routes of people who sign in.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/issuer/authorize", get(authorize))
}

async fn authorize(State(shared): State<Arc<Shared>>, Query(asked): Query<Asked>) -> Response {
    // Who cannot be trusted to be a client is not redirected to.
    if asked.client_id != CONSOLE.id || !is_loopback(&asked.redirect_uri) {
        return (StatusCode::BAD_REQUEST, "The client is not known, or not at this address.\n").into_response();
    }
    let mut back = asked.redirect_uri.clone();
    back.query_pairs_mut().append_pair("state", &asked.state);
    if asked.response_type != "code" || asked.code_challenge_method != "S256" || asked.code_challenge.is_empty() {
        back.query_pairs_mut().append_pair("error", "invalid_request");
        return Redirect::to(back.as_str()).into_response();
    }
    let Some(person) = &asked.person else { return menu(&shared, &asked) };
    let Some(person) = CLIENTS.into_iter().find(|client| client.id == person) else {
        back.query_pairs_mut().append_pair("error", "access_denied");
        return Redirect::to(back.as_str()).into_response();
    };
    // Of what was asked for, what this person has.
    let is_asked = |scope: &&str| asked.scope.is_empty() || asked.scope.split(' ').any(|asked| asked == *scope);
    let scopes: Vec<_> = person.scopes.split(' ').filter(is_asked).collect();
    let code = shared.codes.give(Grant {
        person,
        scopes: scopes.join(" "),
        redirect_uri: asked.redirect_uri,
        challenge: asked.code_challenge,
        until: Instant::now() + CODE_LASTS,
    });
    back.query_pairs_mut().append_pair("code", &code);
    (no_store(), Redirect::to(back.as_str())).into_response()
}

/// Everybody who may sign in, each a link.
fn menu(shared: &Shared, asked: &Asked) -> Response {
    let item = |client: HubClient| {
        let mut link = Url::parse("http://localhost/issuer/authorize").ok()?;
        link.query_pairs_mut()
            .append_pair("client_id", &asked.client_id)
            .append_pair("redirect_uri", asked.redirect_uri.as_str())
            .append_pair("response_type", &asked.response_type)
            .append_pair("state", &asked.state)
            .append_pair("scope", &asked.scope)
            .append_pair("code_challenge", &asked.code_challenge)
            .append_pair("code_challenge_method", &asked.code_challenge_method)
            .append_pair("person", client.id);
        // Percent-encoded: nothing of it can end the attribute.
        let address = format!("{}?{}", link.path(), link.query().unwrap_or_default().replace('&', "&amp;"));
        let organisation = shared.issuer.organisation(client).unwrap_or("no organisation");
        Some(format!("<li><p><a href=\"{address}\">Sample person of a {}</a><br>{organisation}", client.name))
    };
    let items: String = CLIENTS.into_iter().filter(|client| client.name != "app").filter_map(item).collect();
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Sign in</title><main><h1>Sign in as a sample person</h1><p>Nobody here exists, and nobody has a password.\
         <ul>{items}</ul></main>"
    );
    let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    (no_store(), [policy], Html(page)).into_response()
}
