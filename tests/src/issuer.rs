//! An issuer on loopback with keys made at run time, and a pen that signs whatever it is told to: right tokens and
//! forged ones.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    RsaPublicKeyComponents,
};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::Clock;
use gateway::config::AuthSettings;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Whom the issuer's tokens are for.
pub const AUDIENCE: &str = "alliance-hub";

/// A key that signs.
#[derive(Clone)]
pub enum Key {
    /// An RSA key of 2048 bits.
    Rsa(Arc<RsaKeyPair>),
    /// A key on the curve P-256.
    Ec(Arc<EcdsaKeyPair>),
}

/// RSA keys take a while to make, so that tests share two.
static RSA: LazyLock<[Key; 2]> = LazyLock::new(|| {
    [(); 2].map(|()| Key::Rsa(Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be made"))))
});

impl Key {
    /// One of two RSA keys.
    #[must_use]
    pub fn rsa(which: usize) -> Self {
        RSA[which].clone()
    }

    /// A new key on the curve P-256.
    #[must_use]
    pub fn ec() -> Self {
        Self::Ec(Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made")))
    }

    /// The public key as the issuer tells it (JWK).
    #[must_use]
    pub fn public(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let parts: RsaPublicKeyComponents<Vec<u8>> = key.public_key().into();
                let [n, e] = [parts.n, parts.e].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
                json!({ "kty": "RSA", "kid": id, "use": "sig", "n": n, "e": e })
            }
            Self::Ec(key) => {
                let point = &key.public_key().as_ref()[1..];
                let [x, y] = [&point[..32], &point[32..]].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
                json!({ "kty": "EC", "kid": id, "crv": "P-256", "x": x, "y": y })
            }
        }
    }

    /// The public key as DER, which a confused reader might take for an HMAC secret.
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.public_key().as_der().expect("a public key can be written").as_ref().to_vec(),
            Self::Ec(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// A token of this header and these claims, signed as the header's `alg` says, or not at all.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.signature(header["alg"].as_str().unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        let rsa = |key: &RsaKeyPair, encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(encoding, &rng, message, &mut signature).expect("a message can be signed");
            signature
        };
        match (self, algorithm) {
            (_, "none") => Vec::new(),
            (Self::Rsa(key), "PS256") => rsa(key, &RSA_PSS_SHA256),
            (Self::Rsa(key), _) => rsa(key, &RSA_PKCS1_SHA256),
            (Self::Ec(key), _) => key.sign(&rng, message).expect("a message can be signed").as_ref().to_vec(),
        }
    }
}

/// An issuer on loopback.
pub struct TestIssuer {
    /// Its address, and its name.
    pub url: String,
    state: Arc<Shared>,
    served: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    url: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    /// What it answers instead of its keys.
    instead: Mutex<Option<(u16, String)>>,
    asked: AtomicUsize,
    is_slow: AtomicBool,
}

impl TestIssuer {
    /// An issuer that publishes these keys.
    pub async fn start(keys: Vec<Value>) -> Result<Self> {
        Self::start_at("127.0.0.1:0".parse()?, keys).await
    }

    /// The same at an address that may have been another's.
    pub async fn start_at(address: SocketAddr, keys: Vec<Value>) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}/realms/alliance", listener.local_addr()?);
        let state = Arc::new(Shared { url: Mutex::new(url.clone()), keys: Mutex::new(keys), ..Shared::default() });
        let router = Router::new()
            // As RFC 8414 puts it: the other place answers 404.
            .route("/.well-known/oauth-authorization-server/realms/alliance", get(metadata))
            .route("/realms/alliance/keys", get(answer))
            .with_state(Arc::clone(&state));
        let served = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a listener serves");
        });
        Ok(Self { url, state, served })
    }

    /// How the hub is told to take its tokens.
    #[must_use]
    pub fn settings(&self) -> AuthSettings {
        AuthSettings {
            issuer: vec![self.url.parse().expect("an address")],
            audience: Some(AUDIENCE.to_owned()),
            ..AuthSettings::default()
        }
    }

    /// Publishes these keys and no others.
    pub fn publish(&self, keys: Vec<Value>) {
        *self.state.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Answers this instead of its keys.
    pub fn answer_instead(&self, status: u16, body: impl Into<String>) {
        *self.state.instead.lock().unwrap_or_else(PoisonError::into_inner) = Some((status, body.into()));
    }

    /// Calls itself otherwise in its metadata.
    pub fn rename(&self, url: &str) {
        url.clone_into(&mut self.state.url.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes a while to answer.
    pub fn be_slow(&self) {
        self.state.is_slow.store(true, Ordering::Relaxed);
    }

    /// How often its keys were asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.state.asked.load(Ordering::Relaxed)
    }

    /// Goes away: nobody listens at its address any more.
    pub async fn stop(self) -> Result<SocketAddr> {
        self.served.abort();
        drop(self.served.await);
        let address = self.url.trim_start_matches("http://").split('/').next().context("an address")?;
        Ok(address.parse()?)
    }
}

async fn metadata(State(state): State<Arc<Shared>>) -> Json<Value> {
    let url = state.url.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Json(json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }))
}

async fn answer(State(state): State<Arc<Shared>>) -> Response {
    state.asked.fetch_add(1, Ordering::Relaxed);
    if state.is_slow.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    if let Some((status, body)) = state.instead.lock().unwrap_or_else(PoisonError::into_inner).clone() {
        return (StatusCode::from_u16(status).expect("a status"), body).into_response();
    }
    Json(json!({ "keys": *state.keys.lock().unwrap_or_else(PoisonError::into_inner) })).into_response()
}

/// The header of an access token.
#[must_use]
pub fn header(algorithm: &str, key_id: &str) -> Value {
    json!({ "alg": algorithm, "typ": "at+jwt", "kid": key_id })
}

/// The claims of an access token of this issuer that holds for ten minutes.
#[must_use]
pub fn claims(issuer: &TestIssuer, clock: &Clock) -> Value {
    let now = clock.now().timestamp();
    json!({
        "iss": issuer.url,
        "aud": AUDIENCE,
        "sub": "somebody",
        "client_id": "a-client",
        "iat": now,
        "exp": now + 600,
        "scope": "alliance:read",
    })
}

/// The same with one member set, or taken away where the value is null.
#[must_use]
pub fn with(value: &Value, name: &str, member: Value) -> Value {
    let mut changed = value.clone();
    if let Value::Object(members) = &mut changed {
        if member.is_null() {
            members.remove(name);
        } else {
            members.insert(name.to_owned(), member);
        }
    }
    changed
}
