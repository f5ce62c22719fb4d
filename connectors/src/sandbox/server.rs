//! The listener: routes, and what every request to a system goes through before and after the system itself.
//!
//! In order: it is counted, its token is checked, a planned fault strikes, the system answers, and a fault that spoils
//! answers spoils this one.

use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, post};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::counters::Tallies;
use super::faults::{Fault, Faults, Target};
use super::issuer::{self, Issuer};
use super::oauth::{Authority, Refusal, client_of, refuse_client};
use super::people::{self, Codes};
use super::sample::Sample;
use super::visits::Visits;
use super::{System, boards, control, delegated, duo, housing, partners, workshops};

/// The most that is read of an answer in order to spoil it, and of a request's body.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// What all handlers share.
pub(crate) struct Shared {
    pub(crate) base_url: String,
    pub(crate) authority: Authority,
    pub(crate) issuer: Issuer,
    /// Codes of people who are signing in.
    pub(super) codes: Codes,
    /// Those who have signed in.
    pub(super) visits: Visits,
    pub(crate) faults: Faults,
    pub(crate) tallies: Tallies,
    pub(crate) stopped: CancellationToken,
    pub(crate) sample: RwLock<Sample>,
}

impl Shared {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Sample> {
        self.sample.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Sample> {
        self.sample.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A query, key by key.
pub(crate) type Pairs = Vec<(String, String)>;

/// The value of a key in a query.
pub(crate) fn value<'a>(query: &'a [(String, String)], key: &str) -> Option<&'a str> {
    query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// All routes.
pub(crate) fn routes(shared: &Arc<Shared>) -> Router {
    let guarded = |system: System, routes: Router<Arc<Shared>>| {
        routes.layer(middleware::from_fn_with_state((Arc::clone(shared), system), guard))
    };
    Router::new()
        .nest("/duo", guarded(System::Duo, duo::routes()))
        .nest("/boards", guarded(System::Boards, boards::routes()))
        .nest("/housing", guarded(System::Housing, housing::routes()))
        .nest("/partners", guarded(System::Partners, partners::routes()))
        .nest("/workshops", guarded(System::Workshops, workshops::routes(shared)))
        .route("/oauth/token", post(token))
        .merge(issuer::routes())
        .merge(people::routes())
        .merge(delegated::routes())
        .route("/sandbox", get(control::overview))
        .route("/sandbox/changes", post(control::change))
        .route("/sandbox/faults", post(control::add_fault).delete(control::clear_faults))
        .with_state(Arc::clone(shared))
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let _under_way = shared.tallies.tokens.begin();
    let fault = shared.faults.strike(Target::Token, "/oauth/token");
    if let Some(response) = instead(&shared, fault.as_ref(), None).await {
        return response;
    }
    let response = shared.authority.answer(&headers, &body);
    if response.status().is_success() {
        shared.tallies.tokens.page();
    } else {
        shared.tallies.tokens.refuse();
    }
    withhold(&shared, fault.as_ref()).await;
    spoil(fault, response).await
}

/// Holds an answer back that was made, where that was asked for.
async fn withhold(shared: &Shared, fault: Option<&Fault>) {
    if fault == Some(&Fault::Withheld) {
        shared.stopped.cancelled().await;
    }
}

async fn guard(State((shared, system)): State<(Arc<Shared>, System)>, mut request: Request, next: Next) -> Response {
    let tally = shared.tallies.of(system);
    let _under_way = tally.begin();
    if let Err(refusal) = shared.authority.check(system, request.headers()) {
        tally.refuse();
        return refused(system, refusal);
    }
    // The whole path: the nested router sees only what comes after the system's name.
    let path =
        request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().path(), |uri| uri.path()).to_owned();
    let fault = shared.faults.strike(system.into(), &path);
    if let Some(response) = instead(&shared, fault.as_ref(), Some(system)).await {
        return response;
    }
    if let Some(fault) = &fault {
        request.extensions_mut().insert(fault.clone());
    }
    let response = next.run(request).await;
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        tally.page();
    }
    withhold(&shared, fault.as_ref()).await;
    spoil(fault, response).await
}

/// What a fault answers instead of the system; `None` where the system shall answer.
async fn instead(shared: &Shared, fault: Option<&Fault>, system: Option<System>) -> Option<Response> {
    let fault = fault?;
    if let Some(delay) = fault.delay() {
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = shared.stopped.cancelled() => {}
        }
    }
    match fault {
        Fault::Status { code, retry_after } => {
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = error(system, status, "a fault that somebody asked for");
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Some(response)
        }
        Fault::HtmlPage => {
            Some(Html("<!doctype html><title>Even geduld</title><p>Deze dienst is in onderhoud.").into_response())
        }
        Fault::OversizedBody { bytes } => Some(oversized(*bytes)),
        Fault::Stall => {
            shared.stopped.cancelled().await;
            Some(StatusCode::SERVICE_UNAVAILABLE.into_response())
        }
        Fault::Refused => Some(system.map_or_else(refuse_client, |system| refused(system, Refusal::Unknown))),
        _ => None,
    }
}

/// Spoils an answer that the system gave.
async fn spoil(fault: Option<Fault>, response: Response) -> Response {
    let breaks = match fault {
        Some(Fault::TruncatedJson) => false,
        Some(Fault::BrokenConnection) => true,
        _ => return response,
    };
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    if breaks {
        let broken = async {
            // So that the half is on its way: both at once would take the headers back, too.
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        };
        let pieces = stream::once(async { Ok(half) }).chain(stream::once(broken));
        return Response::from_parts(parts, Body::from_stream(pieces));
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(half))
}

/// A JSON array of one very long text, made as it is sent.
fn oversized(bytes: u64) -> Response {
    const PIECE: &[u8] = &[b'x'; 64 * 1024];
    let pieces = bytes.div_ceil(PIECE.len() as u64);
    let body = stream::iter((0..pieces + 2).map(move |at| {
        Ok::<_, io::Error>(match at {
            0 => Bytes::from_static(b"[\""),
            at if at > pieces => Bytes::from_static(b"\"]"),
            _ => Bytes::from_static(PIECE),
        })
    }));
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response()
}

/// What a system says to a token that does not do: RFC 6750, with the standard's own body.
fn refused(system: System, refusal: Refusal) -> Response {
    let realm = format!("Bearer realm=\"{}\"", system.name());
    let (status, challenge, text) = match refusal {
        Refusal::Missing => (StatusCode::UNAUTHORIZED, realm, "a bearer token is needed"),
        Refusal::Unknown => (
            StatusCode::UNAUTHORIZED,
            format!("{realm}, error=\"invalid_token\", error_description=\"the token is unknown\""),
            "the token is unknown",
        ),
        Refusal::Expired => (
            StatusCode::UNAUTHORIZED,
            format!("{realm}, error=\"invalid_token\", error_description=\"the token has expired\""),
            "the token has expired",
        ),
        Refusal::Scope => {
            let wanted = client_of(system).scope;
            let text = "the token lacks the scope";
            (StatusCode::FORBIDDEN, format!("{realm}, error=\"insufficient_scope\", scope=\"{wanted}\""), text)
        }
    };
    let mut response = error(Some(system), status, text);
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// An error in the shape that the system's standard gives it.
pub(crate) fn error(system: Option<System>, status: StatusCode, text: &str) -> Response {
    let body = match system {
        Some(System::Duo) => return (status, text.to_owned()).into_response(),
        Some(System::Boards) => boards::error_body(status, text),
        Some(System::Housing) => json!({"code": status.as_str(), "omschrijving": text}),
        Some(System::Workshops) => json!({"errors": [{"message": text}]}),
        // The directory's standard leaves its errors to whoever builds one.
        Some(System::Partners) => json!({"error": status.canonical_reason().unwrap_or("error"), "message": text}),
        None => json!({"error": "temporarily_unavailable", "error_description": text}),
    };
    (status, Json::<Value>(body)).into_response()
}

/// An instant as all systems write it.
pub(crate) fn instant(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A number that records keep in single precision, with so many decimals.
pub(crate) fn decimal(value: f32, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (f64::from(value) * scale).round() / scale
}
