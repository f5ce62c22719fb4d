//! Systems that let a client in for somebody (RFC 6749 section 4.1, with the proof of RFC 7636): an authorization endpoint
//! that asks for a click instead of a password, refresh tokens that are good for once and for a while after, and an
//! address to give tokens up (RFC 7009). Everything that came of one click is a family; it ends together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::oauth::{Client, TokenError, authenticate, client_with_id, form, no_store, refuse};
use super::server::Shared;
use crate::api::is_loopback;

/// A code may be exchanged for this long.
const CODE_LASTS: Duration = Duration::from_secs(60);

/// How refresh tokens are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshRules {
    /// Whether each is good for once, and gives the next.
    pub rotate: bool,
    /// One that was used is taken again for this long. Later it is taken for stolen: its whole family ends.
    pub grace: Duration,
}

impl Default for RefreshRules {
    fn default() -> Self {
        Self { rotate: true, grace: Duration::from_secs(60) }
    }
}

/// What refresh tokens were used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefreshCounters {
    /// Refresh tokens that were sent, whatever came of it.
    pub asked: u64,
    /// Those that gave a new token.
    pub given: u64,
    /// Those that were taken again though they had been used.
    pub again: u64,
    /// Those that were taken for stolen.
    pub stolen: u64,
    /// Families that were given up.
    pub revoked: u64,
}

/// What a client asks of the authorization endpoint.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Asked {
    client_id: String,
    redirect_uri: Url,
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    code_challenge_method: String,
    /// What somebody chose: `allow` or `deny`. `None`: nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision: Option<String>,
}

struct Code {
    client: Client,
    redirect_uri: Url,
    challenge: String,
    until: Instant,
}

struct RefreshToken {
    client: Client,
    family: u64,
    used: Option<Instant>,
}

#[derive(Default)]
struct Ledger {
    rules: RefreshRules,
    codes: HashMap<String, Code>,
    tokens: HashMap<String, RefreshToken>,
    families: u64,
    counters: RefreshCounters,
}

/// Everything that was given for somebody.
#[derive(Default)]
pub(super) struct Delegations(Mutex<Ledger>);

/// What a token request in somebody's name gives beside an access token.
pub(super) struct Delegated {
    /// The family that the access token belongs to.
    pub(super) family: u64,
    /// The refresh token, where it is another one.
    pub(super) refresh: Option<String>,
}

impl Delegations {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rule(&self, rules: RefreshRules) {
        self.ledger().rules = rules;
    }

    pub(super) fn counters(&self) -> RefreshCounters {
        self.ledger().counters
    }

    /// Exchanges a code. It is good once, right or wrong.
    pub(super) fn exchange(&self, client: Client, form: &HashMap<String, String>) -> Result<Delegated, TokenError> {
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let mut ledger = self.ledger();
        let code = ledger.codes.remove(field("code")).ok_or(TokenError::InvalidGrant)?;
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        let is_right = code.until > Instant::now()
            && code.client == client
            && code.challenge == proof
            && code.redirect_uri.as_str() == field("redirect_uri");
        if !is_right {
            return Err(TokenError::InvalidGrant);
        }
        ledger.families += 1;
        let family = ledger.families;
        Ok(Delegated { family, refresh: Some(ledger.give(client, family)) })
    }

    /// Gives anew for a refresh token. Which families end with that is told beside.
    pub(super) fn refresh(&self, client: Client, form: &HashMap<String, String>) -> Result<Delegated, Refused> {
        let sent = form.get("refresh_token").map(String::as_str).unwrap_or_default();
        let mut ledger = self.ledger();
        ledger.counters.asked += 1;
        let (rules, now) = (ledger.rules, Instant::now());
        let Some(token) = ledger.tokens.get_mut(sent).filter(|token| token.client == client) else {
            return Err(Refused { ended: None });
        };
        let family = token.family;
        let again = token.used.map(|used| now.saturating_duration_since(used));
        if again.is_some_and(|ago| ago >= rules.grace) {
            ledger.counters.stolen += 1;
            ledger.end(family);
            return Err(Refused { ended: Some(family) });
        }
        if rules.rotate {
            token.used.get_or_insert(now);
        }
        ledger.counters.given += 1;
        ledger.counters.again += u64::from(again.is_some());
        let refresh = rules.rotate.then(|| ledger.give(client, family));
        Ok(Delegated { family, refresh })
    }

    /// The family of a refresh token that is given up, which ends with it.
    fn revoke(&self, client: Client, token: &str) -> Option<u64> {
        let mut ledger = self.ledger();
        let family = ledger.tokens.get(token).filter(|token| token.client == client)?.family;
        ledger.counters.revoked += 1;
        ledger.end(family);
        Some(family)
    }
}

/// A refresh token does not do.
pub(super) struct Refused {
    /// The family that ended, since its token was taken for stolen.
    pub(super) ended: Option<u64>,
}

impl Ledger {
    fn give(&mut self, client: Client, family: u64) -> String {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        self.tokens.insert(token.clone(), RefreshToken { client, family, used: None });
        token
    }

    fn end(&mut self, family: u64) {
        self.tokens.retain(|_, token| token.family != family);
    }
}

/// The routes of whoever lets a client in.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/oauth/authorize", get(authorize))
        .route("/oauth/revoke", post(revoke))
        .route("/.well-known/oauth-authorization-server/oauth", get(metadata))
}

/// Who issues these tokens, as it names itself.
pub(super) fn issuer(base_url: &str) -> String {
    format!("{base_url}/oauth")
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let base = &shared.base_url;
    Json(json!({
        "issuer": issuer(base),
        "authorization_endpoint": format!("{base}/oauth/authorize"),
        "token_endpoint": format!("{base}/oauth/token"),
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn authorize(State(shared): State<Arc<Shared>>, Query(asked): Query<Asked>) -> Response {
    // Who cannot be trusted to be a client is not redirected to.
    let Some(client) = client_with_id(&asked.client_id).filter(|_| is_loopback(&asked.redirect_uri)) else {
        return (StatusCode::BAD_REQUEST, "The client is not known, or not at this address.\n").into_response();
    };
    let mut back = asked.redirect_uri.clone();
    back.query_pairs_mut().append_pair("state", &asked.state).append_pair("iss", &issuer(&shared.base_url));
    let mut refused = |code: &str| {
        back.query_pairs_mut().append_pair("error", code);
        Redirect::to(back.as_str()).into_response()
    };
    if asked.response_type != "code" || asked.code_challenge_method != "S256" || asked.code_challenge.is_empty() {
        return refused("invalid_request");
    }
    if asked.scope.split_whitespace().any(|scope| scope != client.scope) {
        return refused("invalid_scope");
    }
    match asked.decision.as_deref() {
        None => return choice(&asked),
        Some("allow") => {}
        Some(_) => return refused("access_denied"),
    }
    let code = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let given = Code {
        client,
        redirect_uri: asked.redirect_uri,
        challenge: asked.code_challenge,
        until: Instant::now() + CODE_LASTS,
    };
    shared.authority.delegations.ledger().codes.insert(code.clone(), given);
    back.query_pairs_mut().append_pair("code", &code);
    (no_store(), Redirect::to(back.as_str())).into_response()
}

/// Both answers, each a link.
fn choice(asked: &Asked) -> Response {
    let link = |decision: &str, text: &str| {
        let asked = Asked { decision: Some(decision.to_owned()), ..asked.clone() };
        let query = serde_json::to_value(asked).ok().and_then(|asked| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in asked.as_object()? {
                query.append_pair(name, value.as_str().unwrap_or_default());
            }
            // Percent-encoded: nothing of it can end the attribute.
            Some(query.finish().replace('&', "&amp;"))
        });
        format!("<li><a href=\"/oauth/authorize?{}\">{text}</a>", query.unwrap_or_default())
    };
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Let the hub in</title><main><h1>Let the hub \
         in?</h1><p>Nobody here exists, and nobody has a password.<ul>{}{}</ul></main>",
        link("allow", "Allow"),
        link("deny", "Deny")
    );
    let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    (no_store(), [policy], Html(page)).into_response()
}

/// What is not known is as good as revoked (RFC 7009 section 2.2).
async fn revoke(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let request = form(&headers, &body).and_then(|form| Ok((authenticate(&headers, &form)?, form)));
    let (client, form) = match request {
        Ok(request) => request,
        Err(error) => return refuse(error),
    };
    let token = form.get("token").map(String::as_str).unwrap_or_default();
    match shared.authority.delegations.revoke(client, token) {
        Some(family) => shared.authority.end_family(family),
        None => shared.authority.end_token(token),
    }
    StatusCode::OK.into_response()
}
