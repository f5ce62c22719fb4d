//! Signing in and out: OAuth 2 authorization code with PKCE at the operator's issuer. The browser is sent there and comes
//! back with a code, which is exchanged here.
//!
//! Whoever comes back must be who was sent: what began lies in a cookie of theirs, sealed ([`super::flow`]). What they get
//! then is a session of a new number.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use connectors::ErrorKind;
use connectors::oauth::authorization::{Authorization, Registration, audience};
use connectors::settings::{ClientAuthentication, Secret};
use connectors::vault::Vault;
use entity::Clock;
use serde::Deserialize;
use url::Url;

use super::Console;
use super::ask::Failed;
use super::cookies;
use super::flow::Flow;
use super::issuer::Issuer;
use super::sessions::{Session, Sessions, Unknowable};
use super::visit::Visit;
use crate::auth::{Authenticator, Identity, Refused};
use crate::config::Settings;
use crate::error::Code;
use crate::http::{Refusal, base_url};
use crate::shared::Shared;

/// Where people come back to.
const DONE: &str = "/sign-in/done";
/// No address to lead back to is longer, in bytes.
const LONGEST_BACK: usize = 500;

/// How people sign in.
pub(crate) struct SignIn {
    issuer: Arc<Issuer>,
    public_url: Option<Url>,
    /// Seals what browsers hold of a sign-in that is under way.
    vault: Arc<Vault>,
    clock: Clock,
    pub(super) sessions: Arc<Sessions>,
}

impl SignIn {
    /// As it is set. `None`: nobody signs in.
    ///
    /// # Errors
    /// Where the machine's certificates cannot be read, or a key or an address is none.
    pub(crate) fn new(
        settings: &Settings,
        authenticator: &Arc<Authenticator>,
    ) -> Result<Option<Arc<Self>>, connectors::Error> {
        let set = &settings.sign_in;
        let (Some(client_id), Some(issuer)) = (&set.client_id, settings.auth.issuer.first()) else { return Ok(None) };
        let client_secret = match &set.client_secret {
            Some(Secret::Resolved(secret)) => Some(secret.clone()),
            _ => None,
        };
        let registration = Registration {
            client_id: client_id.clone(),
            client_secret,
            scopes: set.scopes.clone(),
            client_authentication: ClientAuthentication::default(),
            whom: settings.auth.audience.as_deref().map(audience).into_iter().collect(),
        };
        let issuer = Arc::new(Issuer::new(issuer.clone(), registration)?);
        let wrong = |what: &'static str| connectors::Error::new(ErrorKind::Configuration, what);
        let given = set.vault().map_err(|_| wrong("sign_in.encryption_key is no key"))?.map(Arc::new);
        let redis = Shared::open(&settings.redis).map_err(|_| wrong("redis.url is no address of Redis"))?;
        let shared = redis.zip(given.clone());
        let vault = match given {
            Some(vault) => vault,
            // Good for as long as this process lives, as are its sessions.
            None => {
                let drawn = Vault::draw_key().and_then(|key| Vault::new(&key, None).ok());
                Arc::new(drawn.ok_or_else(|| wrong("no key can be drawn"))?)
            }
        };
        let sessions = Sessions::new(set, Arc::clone(authenticator), Arc::clone(&issuer), shared);
        let public_url = settings.http.public_url.clone();
        Ok(Some(Arc::new(Self { issuer, public_url, vault, clock: Clock::system(), sessions })))
    }

    /// The issuer.
    async fn authorization(&self) -> Result<&Authorization, Refusal> {
        self.issuer.authorization().await.map_err(|error| unavailable(&error))
    }

    /// Where people come back to, and whether the way there is safe.
    fn redirect(&self, headers: &HeaderMap) -> Result<(Url, bool), Refusal> {
        let base = base_url(self.public_url.as_ref(), headers.get(header::HOST));
        let url = Url::parse(&format!("{base}{DONE}")).map_err(|_| Refusal::bad_request("The host has no name."))?;
        let is_safe = url.scheme() == "https";
        Ok((url, is_safe))
    }

    /// Who is signed in, with their session. `None`: nobody.
    ///
    /// # Errors
    /// As [`Sessions::find`].
    pub(crate) async fn who(&self, headers: &HeaderMap) -> Result<Option<(Arc<Session>, Arc<Identity>)>, Unknowable> {
        match cookies::SESSION.read(self.is_safe(headers), headers) {
            Some(id) => self.sessions.find(id).await,
            None => Ok(None),
        }
    }

    /// Whether a session's number came along, whatever it is good for.
    pub(crate) fn has_session(&self, headers: &HeaderMap) -> bool {
        cookies::SESSION.read(self.is_safe(headers), headers).is_some()
    }

    /// Whether a page of this hub's own asks, as the browser says: by `Origin`, which every WebSocket of a browser carries,
    /// and by `Sec-Fetch-Site` where it tells that as well.
    pub(crate) fn is_own_page(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
        let own = Url::parse(&base_url(self.public_url.as_ref(), headers.get(header::HOST)));
        let is_own = own.is_ok_and(|own| own.origin().ascii_serialization().as_bytes() == origin.as_bytes());
        is_own && headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin")
    }

    /// Whether the hub is reached by a way that is safe, so that its cookies may only go that way.
    pub(super) fn is_safe(&self, headers: &HeaderMap) -> bool {
        base_url(self.public_url.as_ref(), headers.get(header::HOST)).starts_with("https:")
    }
}

fn unavailable(error: &connectors::Error) -> Refusal {
    tracing::warn!(error = error as &dyn std::error::Error, "nobody can sign in: {error}");
    Refusal::unavailable("Nobody can sign in at present.")
}

/// What `/sign-in` may be asked.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    back: String,
}

/// `/sign-in`: sends the visitor to the issuer.
pub(super) async fn begin(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failed> {
    let sign_in = console.sign_in.as_ref().ok_or_else(Refusal::not_found)?;
    let (redirect, is_safe) = sign_in.redirect(&headers)?;
    let begun = sign_in.authorization().await?.begin(&redirect);
    let flow = Flow::new(begun.state, &begun.proof, local(&wanted.back).to_owned(), sign_in.clock.now());
    let sealed = flow.seal(&sign_in.vault).ok_or_else(|| Refusal::of_code(Code::Internal, "Internal error"))?;
    Ok(lead(begun.url.as_str(), [cookies::SIGN_IN.set(is_safe, &sealed)]))
}

/// An address of this host, or the front page: nobody is led elsewhere from here.
fn local(address: &str) -> &str {
    let is_local = address.starts_with('/')
        && !address.starts_with("//")
        && !address.contains('\\')
        && address.bytes().all(|byte| byte.is_ascii_graphic())
        && address.len() <= LONGEST_BACK;
    if is_local { address } else { "/" }
}

/// What people bring back.
#[derive(Deserialize)]
pub(super) struct Brought {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

/// `/sign-in/done`: the visitor is back.
pub(super) async fn finish(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(brought): Query<Brought>,
) -> Result<Response, Failed> {
    let sign_in = console.sign_in.as_ref().ok_or_else(Refusal::not_found)?;
    let (redirect, is_safe) = sign_in.redirect(&headers)?;
    let sealed = cookies::SIGN_IN.read(is_safe, &headers).unwrap_or_default();
    let flow = Flow::open(sealed, &brought.state, &sign_in.vault, sign_in.clock.now());
    let (proof, back) =
        flow.ok_or_else(|| Refusal::bad_request("This sign-in was not begun here, or too long ago."))?;
    if brought.code.is_empty() {
        return Err(Refusal::unauthenticated("The issuer did not sign anybody in.").into());
    }
    let exchanged = sign_in.authorization().await?.exchange(brought.code, proof, &redirect).await;
    let granted = exchanged.map_err(|error| match error.kind() {
        ErrorKind::TokenRefused => {
            tracing::warn!(error = &error as &dyn std::error::Error, "nobody was signed in: {error}");
            Refusal::unauthenticated("The issuer did not sign anybody in.")
        }
        _ => unavailable(&error),
    })?;
    let session = sign_in.sessions.open(granted).await.map_err(|refused| match refused {
        Refused::KeysUnavailable => Refusal::unavailable(refused.sentence()),
        // The issuer gives tokens that the hub does not take: that is for its operator to mend.
        _ => {
            tracing::error!("who signs in gets a token that is not taken: {}", refused.sentence());
            Refusal::of_code(Code::Internal, "Internal error")
        }
    })?;
    Ok(lead(&back, [cookies::SESSION.set(is_safe, &session), cookies::SIGN_IN.clear(is_safe)]))
}

/// What the form for signing out carries.
#[derive(Deserialize)]
pub(super) struct Leaving {
    token: String,
}

/// `/sign-out`.
pub(super) async fn leave(
    State(console): State<Console>,
    visit: Visit,
    Form(leaving): Form<Leaving>,
) -> Result<Response, Failed> {
    let sign_in = console.sign_in.as_ref().ok_or_else(Refusal::not_found)?;
    visit.must_have_made(&leaving.token)?;
    let is_safe = sign_in.is_safe(&visit.headers);
    if let Some(id) = cookies::SESSION.read(is_safe, &visit.headers) {
        sign_in.sessions.close(id).await;
    }
    Ok(lead("/", [cookies::SESSION.clear(is_safe)]))
}

/// Leads elsewhere, with cookies.
fn lead<const COUNT: usize>(address: &str, cookies: [String; COUNT]) -> Response {
    let headers = [(header::LOCATION, address), (header::CACHE_CONTROL, "no-store")];
    let mut response = (StatusCode::SEE_OTHER, headers).into_response();
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_led_back_to_this_host_only() {
        assert_eq!(local("/schools/99AA00?q=a%20b"), "/schools/99AA00?q=a%20b");
        let long = format!("/{}", "a".repeat(LONGEST_BACK));
        for elsewhere in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "schools", "/a\r\nset-cookie: b", &long]
        {
            assert_eq!(local(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
