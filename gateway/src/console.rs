//! The console: what a school board or municipality sees in a browser. Pages rendered here, of answers of the public API.
//!
//! Each page is fed by one GraphQL request, which stands in a file of `queries/` and goes through the same gate, limits,
//! policy and cache as anybody's; whoever reads a page can open that very request in the explorer. A page can therefore
//! show nothing that its reader could not have asked for, and nothing here may look into the store.
//!
//! Pages work without JavaScript. What there is of it (`assets/console.js`) makes them quicker to use.
//!
//! # To add a page
//! Its request in `queries/` and among [`Document`]; the shape of its answer, its template's struct and its handler in
//! `pages/`; its template in `templates/`, where each text stands in Dutch and English (`frame.say`); its address in
//! `routes`.

mod ask;
mod assets;
mod cookies;
mod documents;
mod failure;
mod flow;
mod format;
mod frame;
mod issuer;
mod map;
mod pages;
mod sessions;
mod sign_in;
mod visit;

use std::sync::Arc;

use async_graphql::Request;
use axum::Router;
use axum::extract::Request as HttpRequest;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use futures::FutureExt;
use futures::future::BoxFuture;
use tower_http::compression::CompressionLayer;

pub use self::documents::Document;
pub(crate) use self::sign_in::SignIn;
use crate::auth::Authenticator;
use crate::config::{Anonymous, Network, Settings};
use crate::graphql::{Answered, Answering};
use crate::http::client;

/// Executes requests of the public API.
type Ask = Arc<dyn Fn(Request) -> BoxFuture<'static, Answered> + Send + Sync>;

/// What the pages need.
#[derive(Clone)]
pub struct Console {
    ask: Ask,
    /// Whether there is an explorer to open a page's request in.
    explorer: bool,
    /// Whether those who have not signed in see anything.
    admits_anonymous: bool,
    /// How people sign in. `None`: they do not.
    pub(crate) sign_in: Option<Arc<SignIn>>,
    proxies: Arc<[Network]>,
}

impl Console {
    /// Pages of what `executor` answers, to whom `authenticator` knows. `None`: the operator wants none, or
    /// has left the hub's own schema out.
    ///
    /// # Errors
    /// Where the machine's certificates cannot be read.
    pub fn new<E: Answering>(
        executor: E,
        settings: &Settings,
        authenticator: &Arc<Authenticator>,
    ) -> Result<Option<Self>, connectors::Error> {
        // Its requests are of the hub's own schema.
        if !settings.http.console || !settings.federation.local {
            return Ok(None);
        }
        let ask: Ask = Arc::new(move |request| {
            let executor = executor.clone();
            async move { executor.answer(request).await }.boxed()
        });
        let admits_anonymous = settings.auth.anonymous == Anonymous::Public;
        let sign_in = SignIn::new(settings, authenticator)?;
        let proxies = settings.http.trusted_proxies.as_slice().into();
        Ok(Some(Self { ask, explorer: settings.http.explorer, admits_anonymous, sign_in, proxies }))
    }
}

/// The console's pages.
pub(crate) fn routes(console: Console) -> Router {
    let proxies = Arc::clone(&console.proxies);
    Router::new()
        .route("/", get(pages::front::show))
        .route("/schools", get(pages::schools::show))
        .route("/schools/suggestions", get(pages::schools::suggest))
        .route("/schools/{brin}", get(pages::school::show))
        .route("/municipalities", get(pages::country::show))
        .route("/municipalities/{code}", get(pages::municipality::show))
        .route("/boards/{number}", get(pages::board::show))
        .route("/knowledge", get(pages::knowledge::show))
        .route("/knowledge/systems", get(pages::systems::show))
        .route("/sources", get(pages::sources::show).post(pages::sources::sync))
        .route("/sources/{id}", get(pages::source::show))
        .route("/subgraphs", get(pages::subgraphs::show))
        .route("/commitments/answer", post(pages::answer::send))
        .route("/sign-in", get(sign_in::begin))
        .route("/sign-in/done", get(sign_in::finish))
        .route("/sign-out", post(sign_in::leave))
        .layer(middleware::from_fn(visit::choose_language))
        .layer(middleware::from_fn_with_state(proxies, client::tell))
        .route("/assets/{name}", get(assets::show))
        .layer(CompressionLayer::new())
        .with_state(console)
}

/// Shows people in a page what was refused, where a program reads it in JSON. Around everything, so that it holds for
/// addresses that are not there, answers that took too long and handlers that panicked.
pub(crate) async fn show_refusals(request: HttpRequest, next: Next) -> Response {
    let asked = failure::Asked::of(&request);
    let response = next.run(request).await;
    match asked {
        Some(asked) => failure::show(&asked, response),
        None => response,
    }
}
