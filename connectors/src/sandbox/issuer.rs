//! The issuer of tokens for the hub's own clients: discovery, a key made at the start, and client credentials for a
//! client of each kind. It stands in for a municipality's, a board's or the alliance's identity provider; the hub
//! knows it as it knows those, by its address.
//!
//! As with the systems' clients, the secrets are fixed words that protect nothing.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use chrono::Utc;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::oauth::{TokenError, credentials, form, no_store, refuse};
use super::people::{CONSOLE, Codes};
use super::sample::{Sample, brin_code, organization_id, places};
use super::server::Shared;
use super::visits::{Visitor, Visits};

/// Where the issuer's paths begin.
const PATH: &str = "/issuer";

/// A client of the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubClient {
    /// What it is, in a word or two.
    pub name: &'static str,
    /// Client id.
    pub id: &'static str,
    /// Client secret: a fixed word that protects nothing.
    pub secret: &'static str,
    /// The scopes it may ask for, and gets where it asks for none.
    pub scopes: &'static str,
}

/// One of each kind.
pub(super) const CLIENTS: [HubClient; 5] = [
    HubClient {
        name: "school board",
        id: "demo-board",
        secret: "not-a-secret-board",
        scopes: "alliance:read needs:write commitments:write",
    },
    HubClient {
        name: "municipality",
        id: "demo-municipality",
        secret: "not-a-secret-municipality",
        scopes: "alliance:read housing:write",
    },
    HubClient {
        name: "partner",
        id: "demo-partner",
        secret: "not-a-secret-partner",
        scopes: "alliance:read offers:write commitments:write webhooks:read webhooks:write",
    },
    HubClient {
        name: "operator",
        id: "demo-operator",
        secret: "not-a-secret-operator",
        scopes: "sync:read sync:run webhooks:read",
    },
    HubClient { name: "app", id: "demo-app", secret: "not-a-secret-app", scopes: "alliance:read" },
];

/// Issues tokens for the hub.
pub(super) struct Issuer {
    url: String,
    key: EncodingKey,
    jwk: Value,
    key_id: String,
    audience: String,
    lifetime: Mutex<Duration>,
    /// For which organisation a client asks.
    organisations: HashMap<&'static str, String>,
}

impl Issuer {
    /// An issuer with a key of its own, for clients that ask for organisations of the sample.
    pub(super) fn new(base_url: &str, audience: String, lifetime: Duration, sample: &Sample) -> io::Result<Self> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let key = EncodingKey::from_ec_der(made.map_err(io::Error::other)?.as_ref());
        let jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(io::Error::other)?;
        let key_id = jwk.thumbprint(ThumbprintHash::SHA256);
        let mut jwk = serde_json::to_value(jwk)?;
        jwk["kid"] = json!(key_id);
        jwk["use"] = json!("sig");
        let organisations = organisations(sample);
        Ok(Self {
            url: format!("{base_url}{PATH}"),
            key,
            jwk,
            key_id,
            audience,
            lifetime: Mutex::new(lifetime),
            organisations,
        })
    }

    /// Its address: what tokens name as `iss`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whom its tokens are for, where a client does not say.
    pub(super) fn audience(&self) -> &str {
        &self.audience
    }

    /// Has tokens that are given from now on hold for so long.
    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        *self.lifetime.lock().unwrap_or_else(PoisonError::into_inner) = lifetime;
    }

    fn lifetime(&self) -> Duration {
        *self.lifetime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The organisation that a client asks for. `None`: an app.
    pub(super) fn organisation(&self, client: HubClient) -> Option<&str> {
        self.organisations.get(client.id).map(String::as_str)
    }

    /// An access token (RFC 9068) for a client.
    pub(super) fn token(&self, client: HubClient, audience: &str, scopes: &str) -> io::Result<String> {
        self.sign(client, client.id, audience, scopes)
    }

    /// An access token for somebody of the organisation that `of` asks for, at the client with this id.
    fn sign(&self, of: HubClient, client_id: &str, audience: &str, scopes: &str) -> io::Result<String> {
        #[expect(clippy::disallowed_methods, reason = "the issuer has a clock of its own, as real ones do")]
        let now = Utc::now().timestamp();
        let lifetime = i64::try_from(self.lifetime().as_secs()).unwrap_or(i64::MAX);
        let mut claims = json!({
            "iss": self.url,
            "sub": of.id,
            "client_id": client_id,
            "aud": audience,
            "iat": now,
            "exp": now.saturating_add(lifetime),
            "jti": uuid::Uuid::now_v7(),
            "scope": scopes,
        });
        if let Some(organisation) = self.organisation(of) {
            claims["hub_org"] = json!(organisation);
        }
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(io::Error::other)
    }

    fn metadata(&self) -> Value {
        json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/jwks", self.url),
            "token_endpoint": format!("{}/token", self.url),
            "authorization_endpoint": format!("{}/authorize", self.url),
            "revocation_endpoint": format!("{}/revoke", self.url),
            "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": CLIENTS.iter().flat_map(|client| client.scopes.split(' ')).collect::<std::collections::BTreeSet<_>>(),
        })
    }

    fn answer(&self, codes: &Codes, visits: &Visits, headers: &HeaderMap, body: &[u8]) -> Result<Response, TokenError> {
        let form = form(headers, body)?;
        let (id, secret) = credentials(headers, &form)?;
        // Whom it is for: `resource` of RFC 8707, or what many issuers call `audience`.
        let audience = form.get("resource").or_else(|| form.get("audience")).unwrap_or(&self.audience);
        if id == CONSOLE.id && secret == CONSOLE.secret {
            let (person, scopes, refresh) = match form.get("grant_type").map(String::as_str) {
                Some("authorization_code") => {
                    let (person, scopes) = codes.take(&form)?;
                    let refresh = visits.begin(person, scopes.clone());
                    (person, scopes, refresh)
                }
                Some("refresh_token") => {
                    let sent = form.get("refresh_token").map(String::as_str).unwrap_or_default();
                    let (Visitor { person, scopes, .. }, next) = visits.renew(sent).ok_or(TokenError::InvalidGrant)?;
                    (person, scopes, next)
                }
                _ => return Err(TokenError::UnsupportedGrantType),
            };
            return self.give(person, CONSOLE.id, audience, &scopes, Some(refresh));
        }
        let known = CLIENTS.into_iter().find(|client| client.id == id && client.secret == secret);
        let client = known.ok_or(TokenError::InvalidClient)?;
        match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {}
            Some(_) => return Err(TokenError::UnsupportedGrantType),
            None => return Err(TokenError::InvalidRequest("grant_type is missing")),
        }
        let scopes = form.get("scope").map_or(client.scopes, String::as_str);
        if !scopes.split_whitespace().all(|asked| client.scopes.split(' ').any(|scope| scope == asked)) {
            return Err(TokenError::InvalidScope);
        }
        self.give(client, client.id, audience, scopes, None)
    }

    fn give(
        &self,
        of: HubClient,
        client_id: &str,
        audience: &str,
        scopes: &str,
        refresh: Option<String>,
    ) -> Result<Response, TokenError> {
        let token = self.sign(of, client_id, audience, scopes);
        let token = token.map_err(|_| TokenError::InvalidRequest("no token can be signed"))?;
        let mut answer = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self.lifetime().as_secs(),
            "scope": scopes,
        });
        if let Some(refresh) = refresh {
            answer["refresh_token"] = json!(refresh);
        }
        Ok((no_store(), Json(answer)).into_response())
    }
}

/// The issuer's routes.
pub(super) fn routes() -> Router<Arc<Shared>> {
    let metadata = async |State(shared): State<Arc<Shared>>| Json(shared.issuer.metadata());
    let keys = async |State(shared): State<Arc<Shared>>| Json(json!({ "keys": [shared.issuer.jwk] }));
    let token = async |State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes| {
        shared.issuer.answer(&shared.codes, &shared.visits, &headers, &body).unwrap_or_else(refuse)
    };
    // Whoever gives up a token need not be known: it says nothing, and ends what its holder holds.
    let revoke = async |State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes| match form(&headers, &body)
    {
        Ok(form) => {
            shared.visits.revoke(form.get("token").map(String::as_str).unwrap_or_default());
            StatusCode::OK.into_response()
        }
        Err(error) => refuse(error),
    };
    Router::new()
        .route("/issuer/.well-known/openid-configuration", get(metadata))
        .route("/.well-known/oauth-authorization-server/issuer", get(metadata))
        .route("/issuer/jwks", get(keys))
        .route("/issuer/token", post(token))
        .route("/issuer/revoke", post(revoke))
}

/// Organisations with something of their own: the board and the municipality of the school that has something
/// everywhere, and a partner that is committed there.
fn organisations(sample: &Sample) -> HashMap<&'static str, String> {
    let mut organisations = HashMap::from([("demo-operator", "operator".to_owned())]);
    let brin = sample.sample_brin();
    let Some(school) = brin.as_deref().and_then(|brin| sample.school(brin)) else { return organisations };
    debug_assert_eq!(brin, Some(brin_code(school.code)), "a school is found by its own code");
    organisations.insert("demo-board", format!("board:{}", school.board));
    organisations.insert("demo-municipality", format!("municipality:GM{:04}", places::place_at(school.place).code));
    let live = sample
        .commitments
        .iter()
        .find(|commitment| commitment.school == school.code && matches!(commitment.status, "ACCEPTED" | "ACTIVE"));
    if let Some(partner) = live.and_then(|commitment| sample.partners.get(commitment.partner)) {
        let name = partner.kvk.map_or_else(|| organization_id(partner.number), |kvk| format!("{kvk:08}"));
        organisations.insert("demo-partner", format!("partner:{name}"));
    }
    organisations
}
