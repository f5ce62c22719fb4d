//! The token endpoint and what it issues: opaque random tokens, for client credentials (RFC 6749) and for what somebody
//! let a client in with (`delegated.rs`).
//!
//! The secrets are fixed words, so that people can type them. They protect nothing: the sandbox listens on loopback and
//! holds invented records only.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::System;
use super::delegated::{Delegated, Delegations};

/// A client of the sandbox: who may read one of its systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Client id.
    pub id: &'static str,
    /// Client secret: a fixed word that protects nothing.
    pub secret: &'static str,
    /// What it asks for, and what its system wants to see.
    pub scope: &'static str,
}

/// The client of a system.
pub(crate) const fn client_of(system: System) -> Client {
    match system {
        System::Duo => Client { id: "sandbox-duo", secret: "not-a-secret-duo", scope: "onderwijsdata.read" },
        System::Boards => Client {
            id: "sandbox-boards",
            secret: "not-a-secret-boards",
            scope: "https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly",
        },
        System::Housing => {
            Client { id: "sandbox-housing", secret: "not-a-secret-housing", scope: "WRV.Publicaties.Read" }
        }
        System::Partners => Client { id: "sandbox-partners", secret: "not-a-secret-partners", scope: "hsds.read" },
        System::Workshops => {
            Client { id: "sandbox-workshops", secret: "not-a-secret-workshops", scope: "workshops.read" }
        }
    }
}

/// Why a bearer token does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// None was sent.
    Missing,
    /// Unknown here.
    Unknown,
    /// Past its time.
    Expired,
    /// Without the scope that the system wants.
    Scope,
}

struct Grant {
    scope: &'static str,
    until: Instant,
    /// What it belongs to, where somebody let a client in.
    family: Option<u64>,
}

/// Issues tokens and knows which still hold.
pub(crate) struct Authority {
    lifetime: Duration,
    grants: Mutex<HashMap<String, Grant>>,
    pub(super) delegations: Delegations,
}

impl Authority {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, grants: Mutex::default(), delegations: Delegations::default() }
    }

    fn grants(&self) -> MutexGuard<'_, HashMap<String, Grant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets every token: who holds one is told that it is unknown.
    pub(crate) fn forget_all(&self) {
        self.grants().clear();
    }

    /// Forgets every token of a family.
    pub(super) fn end_family(&self, family: u64) {
        self.grants().retain(|_, grant| grant.family != Some(family));
    }

    /// Forgets a token.
    pub(super) fn end_token(&self, token: &str) {
        self.grants().remove(token);
    }

    /// Answers a request to the token endpoint.
    pub(crate) fn answer(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        match self.issue(headers, body) {
            Ok(response) => response,
            Err(error) => refuse(error),
        }
    }

    fn issue(&self, headers: &HeaderMap, body: &[u8]) -> Result<Response, TokenError> {
        let form = form(headers, body)?;
        let client = authenticate(headers, &form)?;
        let delegated = match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => None,
            Some("authorization_code") => Some(self.delegations.exchange(client, &form)?),
            Some("refresh_token") => Some(self.delegations.refresh(client, &form).map_err(|refused| {
                refused.ended.into_iter().for_each(|family| self.end_family(family));
                TokenError::InvalidGrant
            })?),
            Some(_) => return Err(TokenError::UnsupportedGrantType),
            None => return Err(TokenError::InvalidRequest("grant_type is missing")),
        };
        // None asked for means all there is.
        if form.get("scope").is_some_and(|asked| asked.split_whitespace().any(|scope| scope != client.scope)) {
            return Err(TokenError::InvalidScope);
        }
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut answer = json!({
            "access_token": token,
            "token_type": "Bearer",
            // Rounded up: a lifetime below a second is for tests that want a client to believe a token too long.
            "expires_in": self.lifetime.as_millis().div_ceil(1_000),
            "scope": client.scope,
        });
        let family = delegated.as_ref().map(|delegated| delegated.family);
        if let Some(Delegated { refresh: Some(refresh), .. }) = delegated {
            answer["refresh_token"] = json!(refresh);
        }
        let now = Instant::now();
        let mut grants = self.grants();
        // Expired ones are kept for a while, so that a system can say "expired" and not "unknown".
        grants.retain(|_, grant| now.saturating_duration_since(grant.until) < Duration::from_secs(600));
        grants.insert(token, Grant { scope: client.scope, until: now + self.lifetime, family });
        Ok((no_store(), Json(answer)).into_response())
    }

    /// Whether a request to a system carries a token that does.
    pub(crate) fn check(&self, system: System, headers: &HeaderMap) -> Result<(), Refusal> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or(Refusal::Missing)?;
        let grants = self.grants();
        let grant = grants.get(token).ok_or(Refusal::Unknown)?;
        if grant.until <= Instant::now() {
            return Err(Refusal::Expired);
        }
        if grant.scope == client_of(system).scope { Ok(()) } else { Err(Refusal::Scope) }
    }
}

/// Why no token is issued: the codes of RFC 6749, section 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenError {
    InvalidRequest(&'static str),
    InvalidClient,
    UnsupportedGrantType,
    InvalidScope,
    /// A code that is not known, was used, or belongs to something else.
    InvalidGrant,
}

/// The answer of a token endpoint that does not know its client any more.
pub(crate) fn refuse_client() -> Response {
    refuse(TokenError::InvalidClient)
}

pub(super) fn refuse(error: TokenError) -> Response {
    let (code, description) = match error {
        TokenError::InvalidRequest(description) => ("invalid_request", description),
        TokenError::InvalidClient => ("invalid_client", "client unknown, or its secret is wrong"),
        TokenError::UnsupportedGrantType => ("unsupported_grant_type", "this client may not use this grant"),
        TokenError::InvalidGrant => ("invalid_grant", "it is not known, was used, or was given for something else"),
        TokenError::InvalidScope => ("invalid_scope", "the client may not ask for this scope"),
    };
    let body = Json(json!({"error": code, "error_description": description}));
    if error == TokenError::InvalidClient {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"sandbox\"")];
        (StatusCode::UNAUTHORIZED, no_store(), challenge, body).into_response()
    } else {
        (StatusCode::BAD_REQUEST, no_store(), body).into_response()
    }
}

pub(super) const fn no_store() -> [(header::HeaderName, &'static str); 2] {
    [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")]
}

pub(super) fn form(headers: &HeaderMap, body: &[u8]) -> Result<HashMap<String, String>, TokenError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(TokenError::InvalidRequest("the body must be application/x-www-form-urlencoded"));
    }
    let mut form = HashMap::new();
    for (key, value) in url::form_urlencoded::parse(body) {
        if form.insert(key.into_owned(), value.into_owned()).is_some() {
            return Err(TokenError::InvalidRequest("a parameter is there twice"));
        }
    }
    Ok(form)
}

pub(super) fn authenticate(headers: &HeaderMap, form: &HashMap<String, String>) -> Result<Client, TokenError> {
    let (id, secret) = credentials(headers, form)?;
    client_with_id(&id).filter(|client| client.secret == secret).ok_or(TokenError::InvalidClient)
}

/// The client with this id.
pub(super) fn client_with_id(id: &str) -> Option<Client> {
    System::ALL.into_iter().map(client_of).find(|client| client.id == id)
}

/// The client's id and secret, from the header or from the form.
pub(super) fn credentials(headers: &HeaderMap, form: &HashMap<String, String>) -> Result<(String, String), TokenError> {
    let posted =
        form.get("client_secret").map(|secret| (form.get("client_id").cloned().unwrap_or_default(), secret.clone()));
    match (basic(headers)?, posted) {
        (Some(_), Some(_)) => Err(TokenError::InvalidRequest("the client authenticates in two ways at once")),
        (Some(pair), None) | (None, Some(pair)) => Ok(pair),
        (None, None) => Err(TokenError::InvalidClient),
    }
}

/// Client id and secret out of a Basic header. Both are form-encoded inside it (RFC 6749, section 2.3.1), which many
/// clients forget; it shows only with secrets that have special characters.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, TokenError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let decoded = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(TokenError::InvalidClient)?;
    let (id, secret) = decoded.split_once(':').ok_or(TokenError::InvalidClient)?;
    Ok(Some((form_decoded(id), form_decoded(secret))))
}

fn form_decoded(text: &str) -> String {
    // Parsed as the value of a key, since that is what the standard library of forms can decode.
    let pair = format!("v={text}");
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
