//! Tokens over HTTP: read from the `Authorization` header and from nowhere else, refused as RFC 6750 says, and told of
//! by the metadata of RFC 9728.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::Refusal;
use super::graphql::SOCKET_PATH;
use crate::auth::{Authenticator, Identity, Refused, scope};
use crate::console::SignIn;

/// Where the hub tells whose tokens it takes.
pub(super) const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";
/// What a token would be called outside its header (RFC 6750, sections 2.2 and 2.3).
const TOKEN_PARAMETER: &str = "access_token";

/// Whoever sends this asks in the name of who is signed in to the console. Its value does not matter.
pub(super) const SESSION_HEADER: &str = "x-hub-session";

/// What the door needs.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) authenticator: Arc<Authenticator>,
    /// Where clients reach the hub. `None`: as `Host` says.
    pub(super) public_url: Option<Url>,
    /// Who is signed in to the console. `None`: nobody can be.
    pub(super) sign_in: Option<Arc<SignIn>>,
}

/// Who asks, among a request's extensions. `None`: somebody without a token, who may ask.
#[derive(Clone, Debug, Default)]
pub struct Asker(pub Option<Arc<Identity>>);

/// Nothing of the request may be answered, among an answer's extensions: the scopes that would let it be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopesMissing(pub Vec<String>);

/// Lets a request in whose token is good, or that has none where that is allowed; refuses the rest. Puts the challenge
/// on answers that say which scopes were missing.
pub(super) async fn authenticate(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    if request.uri().path() == SOCKET_PATH {
        // Browsers cannot send the header with a WebSocket: who asks there is told by its first message.
        return next.run(request).await;
    }
    let asker = match door.admit(request.headers(), request.uri()).await {
        Ok(asker) => asker,
        Err(refused) => return refused.response(&door.challenge(request.headers().get(HOST))),
    };
    let host = request.headers().get(HOST).cloned();
    request.extensions_mut().insert(asker);
    let mut response = next.run(request).await;
    // What one may see is not what the next one may.
    response.headers_mut().append(VARY, HeaderValue::from_static("authorization"));
    if door.sign_in.is_some() {
        response.headers_mut().append(VARY, HeaderValue::from_static("cookie, x-hub-session"));
    }
    if let Some(ScopesMissing(scopes)) = response.extensions().get::<ScopesMissing>() {
        let error = if response.status() == StatusCode::FORBIDDEN { "error=\"insufficient_scope\", " } else { "" };
        let challenge = door.challenge(host.as_ref());
        let challenge = header(&format!("{challenge}, {error}scope=\"{}\"", scopes.join(" ")));
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// `/.well-known/oauth-protected-resource` (RFC 9728): whose tokens are taken, and with which scopes.
pub(super) async fn metadata(State(door): State<Door>, headers: HeaderMap) -> Response {
    let base = door.base(headers.get(HOST));
    let issuers: Vec<&str> = door.authenticator.issuers().map(trimmed).collect();
    // The audience where it is an address: that is what clients must ask their issuer for (RFC 8707).
    let audience = door.authenticator.audience().filter(|audience| audience.contains("://"));
    let mut metadata = json!({
        "resource": audience.unwrap_or(&base),
        "resource_name": "The alliance hub",
        "scopes_supported": scope::ALL,
        "bearer_methods_supported": ["header"],
    });
    if !issuers.is_empty() {
        metadata["authorization_servers"] = json!(issuers);
    }
    ([(CACHE_CONTROL, "no-cache")], Json::<Value>(metadata)).into_response()
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAdmitted {
    /// No token, and one is needed; or credentials of another kind.
    NoToken,
    /// A token where none is taken, two of them, or what is none.
    Misplaced(&'static str),
    /// A token that does not do.
    Token(Refused),
}

impl Door {
    async fn admit(&self, headers: &HeaderMap, uri: &Uri) -> Result<Asker, NotAdmitted> {
        if is_in_address(uri) {
            let what = "A token in an address ends up in logs: send it in the Authorization header.";
            return Err(NotAdmitted::Misplaced(what));
        }
        match bearer(headers)? {
            Some(token) => {
                let identity = self.authenticator.identify(token).await.map_err(NotAdmitted::Token)?;
                Ok(Asker(Some(identity)))
            }
            None => match self.signed_in(headers).await? {
                Some(identity) => Ok(Asker(Some(identity))),
                None if self.authenticator.admits_anonymous() => Ok(Asker(None)),
                None => Err(NotAdmitted::NoToken),
            },
        }
    }

    /// Who is signed in to the console, where a page of this hub asks in their name. A cookie comes with whatever page has
    /// a browser ask, so it counts only beside a header that no page of another site can send without being refused first,
    /// and never where the browser says that one asks.
    async fn signed_in(&self, headers: &HeaderMap) -> Result<Option<Arc<Identity>>, NotAdmitted> {
        let Some(sign_in) = &self.sign_in else { return Ok(None) };
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        if !headers.contains_key(SESSION_HEADER) || site.is_some_and(|site| site != b"same-origin") {
            return Ok(None);
        }
        let found = sign_in.who(headers).await.map_err(|_| NotAdmitted::Token(Refused::KeysUnavailable))?;
        Ok(found.map(|(_, identity)| identity))
    }

    fn challenge(&self, host: Option<&HeaderValue>) -> String {
        let base = self.base(host);
        format!("Bearer realm=\"alliance-hub\", resource_metadata=\"{base}{METADATA_PATH}\"")
    }

    /// Where clients reach the hub, without a slash at the end.
    fn base(&self, host: Option<&HeaderValue>) -> String {
        base_url(self.public_url.as_ref(), host)
    }
}

/// Where clients reach the hub, without a slash at the end: as is set, else as the request's `Host` says.
pub(crate) fn base_url(public_url: Option<&Url>, host: Option<&HeaderValue>) -> String {
    if let Some(url) = public_url {
        return trimmed(url).to_owned();
    }
    // Told back to nobody but who sent it. What is no name of a host is not repeated: it would stand between quotes.
    let host = host.and_then(|host| host.to_str().ok()).filter(|host| is_plain(host));
    let Some(url) = host.and_then(|host| Url::parse(&format!("http://{host}")).ok()) else {
        return "http://localhost".to_owned();
    };
    let is_local = connectors::api::is_loopback(&url);
    format!("{}://{}", if is_local { "http" } else { "https" }, trimmed(&url).trim_start_matches("http://"))
}

/// Whether this can be a host with its port.
fn is_plain(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
}

impl NotAdmitted {
    fn response(self, challenge: &str) -> Response {
        let (refusal, challenge) = match self {
            Self::NoToken => (Refusal::unauthenticated("This needs an access token."), challenge.to_owned()),
            Self::Misplaced(what) => {
                let challenge = format!("{challenge}, error=\"invalid_request\", error_description=\"{what}\"");
                (Refusal::bad_request(what), challenge)
            }
            Self::Token(Refused::KeysUnavailable) => {
                return Refusal::unavailable(Refused::KeysUnavailable.sentence()).into_response();
            }
            Self::Token(refused) => {
                let what = refused.sentence();
                let challenge = format!("{challenge}, error=\"invalid_token\", error_description=\"{what}\"");
                (Refusal::unauthenticated(what), challenge)
            }
        };
        let headers = [(WWW_AUTHENTICATE, header(&challenge)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        (headers, refusal).into_response()
    }
}

/// Whether an address has a token in it, where it is never taken.
pub(super) fn is_in_address(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == TOKEN_PARAMETER)
}

/// The token of the one `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, NotAdmitted> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(NotAdmitted::Misplaced("Send one Authorization header."));
    }
    let text = value.to_str().map_err(|_| NotAdmitted::Token(Refused::Malformed))?.trim();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(NotAdmitted::NoToken);
    }
    Ok(Some(token.trim()))
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}

/// An address without the slash that our reader of addresses adds to one without a path.
fn trimmed(url: &Url) -> &str {
    if url.path() == "/" { url.as_str().trim_end_matches('/') } else { url.as_str() }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;
    use crate::config::AuthSettings;
    use entity::Clock;

    fn door(public_url: Option<&str>) -> Door {
        let authenticator = Authenticator::new(&AuthSettings::default(), Clock::system()).unwrap();
        let public_url = public_url.map(|url| url.parse().unwrap());
        Door { authenticator: Arc::new(authenticator), public_url, sign_in: None }
    }

    #[test]
    fn the_hub_knows_where_it_is_reached() {
        let base = |public_url, host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
            door(public_url).base(headers.get(HOST))
        };
        assert_eq!(base(Some("https://hub.example"), "evil.example"), "https://hub.example");
        assert_eq!(base(None, "127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(base(None, "[::1]:8080"), "http://[::1]:8080");
        assert_eq!(base(None, "hub.example"), "https://hub.example");
        for host in ["a\"b", "a/b", "a?b", "user@host", "a b", ""] {
            assert_eq!(base(None, host), "http://localhost", "{host}");
        }
    }

    #[test]
    fn one_bearer_token_is_read_and_nothing_else() {
        let read = |values: &[&'static str]| {
            let headers = values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value)));
            let mut map = HeaderMap::new();
            headers.for_each(|(name, value)| {
                map.append(name, value);
            });
            bearer(&map).map(|token| token.map(str::to_owned))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Bearer a.b.c"]), Ok(Some("a.b.c".to_owned())));
        assert_eq!(read(&["bEARER   a.b.c "]), Ok(Some("a.b.c".to_owned())));
        assert_eq!(read(&["Bearer"]), Ok(Some(String::new())));
        assert_eq!(read(&["Basic YTpi"]), Err(NotAdmitted::NoToken));
        assert_eq!(read(&["DPoP a.b.c"]), Err(NotAdmitted::NoToken));
        assert!(matches!(read(&["Bearer a", "Bearer b"]), Err(NotAdmitted::Misplaced(_))));
    }
}
