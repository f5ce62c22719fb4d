//! `/metrics`, at the gateway's own address or at one for operators alone, which also has the probes: a worker has no
//! other.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Readiness, Refusal, health};
use crate::telemetry::{CONTENT_TYPE, Metrics};

/// `/metrics`.
pub fn figures(metrics: &Metrics) -> Router {
    Router::new().route("/metrics", get(tell).with_state(metrics.clone()))
}

/// What operators and their machines ask for, apart from what clients do.
pub fn backstage(metrics: &Metrics, readiness: Readiness) -> Router {
    figures(metrics)
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready).with_state(readiness))
        .fallback(|| async { Refusal::not_found() })
}

async fn tell(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], metrics.tell().await).into_response()
}
