//! What the machine can do at best, for `side_by_side/run` to hold the hub against: three handlers on the hub's own HTTP
//! server. `/fixed` answers with the same bytes, `/redis` with what it reads from Redis each time, `/card` and `/list` with
//! what one hand-written statement of PostgreSQL gives.
//!
//! `limits ADDRESS DATABASE_URL REDIS_URL FILE`, where the file holds the bytes.

#![expect(clippy::print_stdout, reason = "a bench is told and tells on a terminal")]

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use redis::AsyncCommands;
use redis::aio::ConnectionManager;
use sea_orm::sqlx::postgres::{PgPool, PgPoolOptions};
use sea_orm::sqlx::{self, AssertSqlSafe};
use serde::Deserialize;

/// Under which key the bytes lie in Redis.
const KEY: &str = "hub:side-by-side:card";
/// One school's card, or those of a list.
const SCHOOLS: &str = include_str!("side_by_side/school.sql");

struct Limits {
    bytes: Bytes,
    redis: ConnectionManager,
    pool: PgPool,
    card: String,
    list: String,
}

#[derive(Deserialize)]
struct Asked {
    /// A BRIN code, or the code of a municipality.
    of: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, database, redis, file] = arguments.as_slice() else {
        println!("limits ADDRESS DATABASE_URL REDIS_URL FILE; see side_by_side/run");
        return Ok(());
    };
    let bytes = Bytes::from(std::fs::read(file).with_context(|| format!("cannot read {file}"))?);
    let mut redis = ConnectionManager::new(redis::Client::open(redis.as_str())?).await?;
    let () = redis.set(KEY, bytes.as_ref()).await?;
    let cores = std::thread::available_parallelism()?.get();
    let pool = PgPoolOptions::new().max_connections(u32::try_from(cores * 4)?).connect(database).await?;
    let schools = |which: &str| SCHOOLS.replace("{which}", which);
    let limits = Arc::new(Limits {
        bytes,
        redis,
        pool,
        card: format!(
            "SELECT CAST(json_build_object('data', json_build_object('school', school)) AS text) FROM ({}) AS card",
            schools("brin = $1")
        ),
        list: format!(
            "SELECT CAST(json_build_object('data', json_build_object('schools', json_build_object('nodes', \
             coalesce(json_agg(school), '[]')))) AS text) FROM ({}) AS list",
            schools("municipality_code = $1 ORDER BY name, id LIMIT 50")
        ),
    });
    let router = Router::new()
        .route("/fixed", any(|State(limits): State<Arc<Limits>>| async move { json(limits.bytes.clone()) }))
        .route("/redis", any(from_redis))
        .route(
            "/card",
            any(|State(limits), asked| async move { statement(limits, |limits| &limits.card, asked).await }),
        )
        .route(
            "/list",
            any(|State(limits), asked| async move { statement(limits, |limits| &limits.list, asked).await }),
        )
        .with_state(limits);
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

async fn from_redis(State(limits): State<Arc<Limits>>) -> Response {
    let read: redis::RedisResult<Vec<u8>> = limits.redis.clone().get(KEY).await;
    read.map_or_else(|error| failed(&error), |bytes| json(bytes.into()))
}

async fn statement(limits: Arc<Limits>, sql: fn(&Limits) -> &String, Query(Asked { of }): Query<Asked>) -> Response {
    let read = sqlx::query_scalar(AssertSqlSafe(sql(&limits).as_str())).bind(of).fetch_one(&limits.pool).await;
    read.map_or_else(|error| failed(&error), |text: String| json(text.into()))
}

fn json(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

fn failed(error: &dyn std::error::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}
