//! Who may open a WebSocket, and who asks over it. A browser cannot send headers with one, so a token may come in the
//! payload of `connection_init`, which everything else waits for.
//!
//! Whose cookie a browser adds by itself is a different matter: a page elsewhere could have a browser open a socket, and
//! ask over it in the name of who is signed in to the console (cross-site hijacking of WebSockets). So the cookie counts
//! only where the first message asks for it, as a header does on `/graphql`, and the page that opened the socket is this
//! hub's own, by `Origin` and, where the browser says it, `Sec-Fetch-Site`; neither can be set by a page. Without that a
//! socket may come from pages anywhere: apps of third parties ask with tokens of their own, or see what anybody may see.

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::request::Parts;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::caller;
use super::socket::Close;
use crate::auth::{Authenticator, Refused};
use crate::console::Console;
use crate::graphql::Caller;
use crate::http::auth;

/// The payload of `connection_init`.
pub type Payload = Option<Map<String, Value>>;

/// Says from a WebSocket's request and the payload of `connection_init` who asks, or why the socket is closed:
/// [`Close::unauthorized`], [`Close::forbidden`], [`Close::internal`].
pub type Admit = Arc<dyn Fn(Arc<Parts>, Payload) -> BoxFuture<'static, Result<Caller, Close>> + Send + Sync>;

/// Lets everybody in, as somebody unknown.
pub fn anybody() -> Admit {
    Arc::new(|parts, _| {
        async move { Ok(Caller { identity: None, authorization: None, ..caller(&parts.extensions, &parts.headers) }) }
            .boxed()
    })
}

/// Lets in whose token is good, and those without one where that is allowed. The token comes in the `Authorization` header
/// of the handshake, or as `authorization` in the payload of `connection_init`; `Bearer` before it or not.
pub fn by_token(authenticator: Arc<Authenticator>) -> Admit {
    Arc::new(move |parts, payload| {
        let authenticator = Arc::clone(&authenticator);
        async move {
            let caller = caller(&parts.extensions, &parts.headers);
            let given = token(&parts, payload.as_ref())?;
            let identity = match given {
                Some(token) => match authenticator.identify(token).await {
                    Ok(identity) => Some(identity),
                    Err(Refused::KeysUnavailable) => return Err(Close::internal()),
                    Err(_) => return Err(Close::unauthorized()),
                },
                None if authenticator.admits_anonymous() => None,
                None => return Err(Close::unauthorized()),
            };
            // It was found good, wherever it came.
            let authorization = given.and_then(bearer);
            Ok(Caller { identity, authorization, ..caller })
        }
        .boxed()
    })
}

/// Lets in who is signed in to the console as well, where the first message asks for that (`x-hub-session`) and a page of
/// this hub's own opened the socket. A page elsewhere that asks beside the cookie is refused; everybody else is let in, or
/// not, by `admit`.
pub fn or_by_session(admit: Admit, console: Option<&Console>) -> Admit {
    let Some(sign_in) = console.and_then(|console| console.sign_in.clone()) else { return admit };
    Arc::new(move |parts, payload| {
        // A token says more exactly who asks.
        let has_token = !matches!(token(&parts, payload.as_ref()), Ok(None));
        if has_token || !asks_for_session(payload.as_ref()) || !sign_in.has_session(&parts.headers) {
            return admit(parts, payload);
        }
        let (admit, sign_in) = (Arc::clone(&admit), Arc::clone(&sign_in));
        async move {
            if !sign_in.is_own_page(&parts.headers) {
                return Err(Close::forbidden());
            }
            match sign_in.who(&parts.headers).await {
                Ok(Some((_, identity))) => {
                    Ok(Caller { identity: Some(identity), ..caller(&parts.extensions, &parts.headers) })
                }
                Ok(None) => admit(parts, payload).await,
                Err(_) => Err(Close::internal()),
            }
        }
        .boxed()
    })
}

/// Whether the first message asks in the name of who is signed in. The value does not matter, as that of the header.
fn asks_for_session(payload: Option<&Map<String, Value>>) -> bool {
    payload.is_some_and(|payload| payload.keys().any(|name| name.eq_ignore_ascii_case(auth::SESSION_HEADER)))
}

/// A token as a header has it.
fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The one token that came with the handshake or the first message.
fn token<'a>(parts: &'a Parts, payload: Option<&'a Map<String, Value>>) -> Result<Option<&'a str>, Close> {
    if auth::is_in_address(&parts.uri) {
        return Err(Close::bad_request("A token in an address ends up in logs: send it in connection_init"));
    }
    let header = auth::bearer(&parts.headers).map_err(|_| Close::unauthorized())?;
    let mut given = payload.into_iter().flatten().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let said = match (given.next(), given.next()) {
        (None, _) | (Some((_, Value::Null)), None) => None,
        (Some((_, Value::String(text))), None) => Some(text.trim()),
        _ => return Err(Close::unauthorized()),
    };
    let said = said.map(|text| match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => text,
    });
    match (header, said) {
        (Some(header), Some(said)) if header != said => Err(Close::unauthorized()),
        (header, said) => Ok(said.or(header)),
    }
}
