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
use crate::graphql::StandIn;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(1);

/// The process is alive. Asks nobody: a lost database is no reason to restart.
pub(super) async fn alive() -> Response {
    answer(StatusCode::OK, json!({ "status": "alive" }))
}

/// What decides whether the hub can serve.
#[derive(Clone)]
pub struct Readiness {
    /// The store.
    pub db: DatabaseConnection,
    /// What answers while that is away.
    pub stand_in: Option<StandIn>,
}

impl Readiness {
    /// Whether this store is there.
    #[must_use]
    pub fn of(db: &DatabaseConnection) -> Self {
        Self { db: db.clone(), stand_in: None }
    }
}

/// Queries can be answered.
pub(super) async fn ready(State(Readiness { db, stand_in }): State<Readiness>) -> Response {
    let missing = match timeout(PATIENCE, schema::is_current(&db)).await {
        Ok(Ok(true)) => {
            let is_alone = stand_in.is_some_and(|stand_in| !stand_in.is_there());
            return ready_without(
                is_alone.then_some("the replica does not answer: everything is read from the primary"),
            );
        }
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
    if let Some(stand_in) = stand_in
        && stand_in.answers().await
    {
        let what = "the database does not answer: what is stored is read from its replica, and nothing is written";
        return ready_without(Some(what));
    }
    answer(StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "not ready", "missing": [missing] }))
}

fn ready_without(what: Option<&str>) -> Response {
    let body = match what {
        None => json!({ "status": "ready" }),
        Some(what) => json!({ "status": "ready", "missing": [what] }),
    };
    answer(StatusCode::OK, body)
}

fn answer(status: StatusCode, body: serde_json::Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
