//! `/livez` and `/readyz`: for whoever restarts the process or sends it requests. They name what is missing, and no
//! internals.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sea_orm::DatabaseConnection;
use serde_json::json;
use tokio::time::timeout;
use tracing::warn;

use crate::database::schema;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(1);

/// The process is alive. Asks nobody: a lost database is no reason to restart.
pub(super) async fn alive() -> Response {
    answer(StatusCode::OK, json!({ "status": "alive" }))
}

/// Queries can be answered.
pub(super) async fn ready(State(db): State<DatabaseConnection>) -> Response {
    let missing = match timeout(PATIENCE, schema::is_current(&db)).await {
        Ok(Ok(true)) => return answer(StatusCode::OK, json!({ "status": "ready" })),
        Ok(Ok(false)) => "the database's schema is not up to date: run `hub migrate up`",
        Ok(Err(error)) => {
            warn!(error = &error as &dyn std::error::Error, "the database does not answer");
            "the database does not answer"
        }
        Err(_) => {
            warn!("the database does not answer within a second");
            "the database does not answer"
        }
    };
    answer(StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "not ready", "missing": [missing] }))
}

fn answer(status: StatusCode, body: serde_json::Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
