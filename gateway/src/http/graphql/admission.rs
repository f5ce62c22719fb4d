//! Who may open a WebSocket, and who asks over it. A browser cannot send headers with one, so a token may come in the
//! payload of `connection_init`, which everything else waits for.
//!
//! The origin is not checked. Cross-site hijacking of WebSockets rides on credentials that a browser adds by itself
//! (cookies, HTTP authentication), and the hub takes none of these: a page elsewhere that has no token sees what anybody
//! may see, and apps of third parties are meant to ask from pages of their own. A hub behind something that admits
//! browsers by cookie must check the origin there.

use std::sync::Arc;

use axum::http::request::Parts;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::caller;
use super::socket::Close;
use crate::graphql::Caller;

/// The payload of `connection_init`.
pub type Payload = Option<Map<String, Value>>;

/// Says from a WebSocket's request and the payload of `connection_init` who asks, or why the socket is closed:
/// [`Close::unauthorized`], [`Close::forbidden`], [`Close::internal`].
pub type Admit = Arc<dyn Fn(Arc<Parts>, Payload) -> BoxFuture<'static, Result<Caller, Close>> + Send + Sync>;

/// Lets everybody in, as somebody unknown.
pub fn anybody() -> Admit {
    Arc::new(|parts, _| async move { Ok(caller(&parts.headers)) }.boxed())
}
