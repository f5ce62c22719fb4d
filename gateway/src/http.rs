//! The hub's addresses: what is answered where, within which bounds, and how serving begins and ends. Knows GraphQL
//! only as something that executes requests.
//!
//! # To add an address
//! Its handler in a file here, its line in [`router`]. What it refuses, it refuses as a [`Refusal`].

pub mod auth;
pub(crate) mod client;
mod explorer;
mod figures;
pub mod graphql;
mod health;
mod observe;
mod refusal;
mod serve;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, header};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use url::Url;

pub(crate) use auth::base_url;
pub use explorer::SCHOOL_CARD;
pub(crate) use explorer::matches_tag;
pub use figures::{backstage, figures};
pub use health::Readiness;
pub use observe::RequestId;
pub use refusal::Refusal;
pub use serve::{Stopped, serve, stop_on_signal};
pub use streams::Streams;

use crate::auth::Authenticator;
use crate::console::{self, Console};
use crate::telemetry::Metrics;

/// What the addresses need.
#[derive(Clone)]
pub struct Site {
    /// What must be there to serve.
    pub readiness: Readiness,
    /// Tells who asks.
    pub authenticator: Arc<Authenticator>,
    /// Where clients reach the hub. `None`: as the request's `Host` says.
    pub public_url: Option<Url>,
    /// The longest body of a request, in bytes.
    pub body_bytes: usize,
    /// A request may take this long until its answer begins.
    pub request_timeout: Duration,
    /// Whether there is an explorer.
    pub explorer: bool,
    /// Counts requests.
    pub metrics: Metrics,
}

/// Every address of the hub, with those of `graphql`, as [`graphql::routes`] makes them, and of the `console`. Without a
/// console, browsers are led to the explorer.
pub fn router(site: Site, graphql: Router, console: Option<Console>) -> Router {
    let sign_in = console.as_ref().and_then(|console| console.sign_in.clone());
    let door = auth::Door { authenticator: site.authenticator, public_url: site.public_url, sign_in };
    let graphql = graphql.layer(middleware::from_fn_with_state(door.clone(), auth::authenticate));
    let has_console = console.is_some();
    let explorer = if site.explorer { explorer::router() } else { Router::new() };
    let front = match console {
        Some(console) => console::routes(console),
        None if site.explorer => Router::new().route("/", get(front_page)),
        None => Router::new(),
    };
    let watch = observe::Watch { request_timeout: site.request_timeout, metrics: site.metrics };
    let router = Router::new()
        .route(auth::METADATA_PATH, get(auth::metadata).with_state(door))
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready).with_state(site.readiness))
        .merge(explorer)
        .merge(front)
        .merge(graphql)
        .fallback(|| async { Refusal::not_found() })
        .method_not_allowed_fallback(|| async { Refusal::method_not_allowed() })
        .layer(DefaultBodyLimit::max(site.body_bytes))
        .layer(middleware::from_fn_with_state(watch, observe::observe));
    if has_console { router.layer(middleware::from_fn(console::show_refusals)) } else { router }
}

async fn front_page(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") {
        Redirect::temporary("/explorer").into_response()
    } else {
        Refusal::not_found().into_response()
    }
}
