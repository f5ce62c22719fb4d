//! What a request may ask for and how often: costs against real answers, the end of statements in both databases, and
//! rates that two gateways share.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use entity::Clock;
use gateway::config::{CacheSettings, ConnectionUrl, DatabaseSettings, LimitSettings, RedisSettings, Settings};
use gateway::database;
use gateway::error::{Code, Failure};
use gateway::graphql::Graph;
use gateway::http::SCHOOL_CARD;
use gateway::shared::Shared;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use tests::gateway::{TestGateway, client};
use tests::hub::TestHub;
use tests::redis;
use tests::store::Backend;
use tokio::time::timeout;

/// Queries of every shape: pages both ways, fragments, lists that are no pages, lists in lists, the schema itself.
const CORPUS: [&str; 12] = [
    "{ themes { theme label openNeeds } supportKinds { label } sources { id health recordCount } }",
    "{ educationSystems { country name elements { element text } } }",
    "{ initiatives(first: 50) { totalCount nodes { name partners { name kind } municipality { name } themes } } }",
    "{ schools(first: 100) { edges { cursor node { name brin } } nodes { name brin } pageInfo { endCursor } } }",
    "{ schools(last: 30) { nodes { name needs { nodes { title commitments(last: 3) { nodes { status } } } } } } }",
    "{ partners { nodes { name offers(first: 5) { nodes { title coverage { municipalities { name } regions { name } } } } } } }",
    "{ municipalities(first: 40) { nodes { name coverage { theme openNeeds unmetNeeds } housingSchemes { name status } } } }",
    "{ changes { totalCount nodes { action record { id __typename } source { id } } } }",
    "{ commitments(first: 20) { nodes { title history { status } partner { name } school { name board { name } } } } }",
    "query { a: needs(first: 3) { ...N } b: needs(last: 5) { ...N } } fragment N on NeedConnection { nodes { ...M } edges { node { ...M } } } fragment M on Need { title status school { name ... on School { brin } } }",
    "{ viewer { scopes rateLimit { limit cost } } __schema { types { name } } }",
    "{ housingOptions(first: 100) { nodes { title location { latitude } provenance { source { name } isStale } } } }",
];

#[tokio::test]
async fn no_answer_costs_more_than_was_estimated() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    hub.sync(&Default::default()).await?;
    let card = (SCHOOL_CARD, json!({ "brin": hub.sandbox.sample_brin() }));
    for (query, variables) in CORPUS.map(|query| (query, json!({}))).into_iter().chain([card]) {
        // The second time, the document is known.
        for _ in 0..2 {
            let answer = hub.ask(query, variables.clone()).await;
            assert!(answer.get("errors").is_none(), "{query}: {answer}");
            let cost = &answer["extensions"]["cost"];
            let (estimated, actual) = (cost["estimated"].as_u64(), cost["actual"].as_u64());
            assert!(actual > Some(0) && estimated >= actual, "{query}: {cost}");
            assert_eq!(cost["maximum"], json!(100_000));
        }
    }
    let answer = hub.ask("{ viewer { rateLimit { cost limit } } }", json!({})).await;
    assert_eq!(answer["data"]["viewer"]["rateLimit"], json!({ "cost": 4, "limit": 0 }));
    Ok(())
}

/// Something that takes a database for ever.
fn endless(backend: DbBackend) -> Statement {
    let sql = match backend {
        DbBackend::Postgres => "SELECT pg_sleep(60)",
        _ => "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    };
    Statement::from_string(backend, sql)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_statement_is_ended_in_the_database_though_nobody_waits(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    let settings = DatabaseSettings::at(store.url.as_str(), Some(1));
    let db = database::connect_for_queries(&settings, Duration::from_millis(500)).await?;
    let kind = db.get_database_backend();
    let began = Instant::now();
    let ended = db.query_all_raw(endless(kind)).await.expect_err("it was ended");
    assert_eq!(Failure::from(ended).code(), Code::Timeout);
    // Given up before its end, it keeps the one connection only until then.
    assert!(timeout(Duration::from_millis(50), db.query_all_raw(endless(kind))).await.is_err());
    db.query_all_raw(Statement::from_string(kind, "SELECT 1")).await.context("the connection is free again")?;
    assert!(began.elapsed() < Duration::from_secs(20));
    // Much work in many short statements is no long statement.
    for _ in 0..20 {
        db.query_all_raw(Statement::from_string(kind, "SELECT 1")).await?;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_store_without_a_free_connection_is_unavailable() -> Result<()> {
    let Some(store) = Backend::Postgres.store().await? else { return Ok(()) };
    let settings = DatabaseSettings::at(store.url.as_str(), Some(1));
    let db = database::connect_within(&settings, Duration::from_millis(500)).await?;
    let held = sea_orm::TransactionTrait::begin(&db).await?;
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT 1");
    let error = db.query_all_raw(statement.clone()).await.expect_err("the one connection is taken");
    assert_eq!(Failure::from(error).code(), Code::Unavailable);
    held.rollback().await?;
    db.query_all_raw(statement).await?;
    Ok(())
}

/// As where some searches are slow: what is kept is given meanwhile, and the store does not count as away.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn queries_that_take_all_connections_keep_nobody_from_what_is_kept(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let db =
        database::connect_for_queries(&DatabaseSettings::at(hub.store.url.as_str(), Some(2)), Duration::from_secs(20))
            .await?;
    let graph = |feed| {
        let graph = Graph::new(db.clone(), Clock::system(), feed, &LimitSettings::default());
        graph.caching(&CacheSettings::default(), None)
    };
    let gateway = TestGateway::within(&db, &Settings::default(), graph).await?;
    let query = json!({ "query": "{ themes { theme } }" });
    let (status, kept) = gateway.ask(&query).await?;
    assert_eq!(status, 200, "{kept}");
    let held = [sea_orm::TransactionTrait::begin(&db).await?, sea_orm::TransactionTrait::begin(&db).await?];
    let free = Statement::from_string(db.get_database_backend(), "SELECT 1");
    assert!(timeout(Duration::from_millis(100), db.query_all_raw(free)).await.is_err(), "all are taken");
    for _ in 0..3 {
        // Longer than a look holds.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let response = gateway.post(query.to_string()).await?;
        assert_eq!((response.status().as_u16(), response.headers().get("cache-status")), (200, None));
        assert_eq!(response.json::<serde_json::Value>().await?["data"], kept["data"]);
    }
    for transaction in held {
        transaction.rollback().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_told_so_and_leaves_nothing_behind() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Postgres).await? else { return Ok(()) };
    let url = ConnectionUrl::from(hub.store.url.as_str());
    let limits = LimitSettings { execution_ms: 300, ..LimitSettings::default() };
    let db = database::connect_for_queries(&DatabaseSettings::at(url, Some(2)), limits.execution()).await?;
    let settings = Settings { limits, ..Settings::default() };
    let graph = |feed| Graph::new(db.clone(), Clock::system(), feed, &settings.limits);
    let gateway = TestGateway::within(&db, &settings, graph).await?;
    let lock = sea_orm::TransactionTrait::begin(&hub.store.db).await?;
    lock.execute_unprepared("LOCK TABLE school IN ACCESS EXCLUSIVE MODE").await?;
    let query = json!({ "query": "{ schools { totalCount } }" });
    let (status, answer) = gateway.ask(&query).await?;
    assert_eq!(status, 503, "{answer}");
    assert_eq!(
        answer["errors"][0]["extensions"],
        json!({ "code": "TIMEOUT", "limit": "execution_ms", "maximum": 300 })
    );
    tokio::time::sleep(Duration::from_millis(600)).await;
    let waiting = "SELECT count(*) AS waiting FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                   WHERE c.relname = 'school' AND NOT l.granted AND c.relnamespace = current_schema()::regnamespace";
    let row = lock.query_one_raw(Statement::from_string(DbBackend::Postgres, waiting)).await?.context("a count")?;
    assert_eq!(row.try_get::<i64>("", "waiting")?, 0, "no statement waits for nobody");
    lock.rollback().await?;
    assert_eq!(gateway.ask(&query).await?.0, 200);
    Ok(())
}

/// A gateway for clients that a proxy tells of, each with its own address.
async fn limited(hub: &TestHub, redis: &RedisSettings, limits: &LimitSettings) -> Result<TestGateway> {
    let mut settings = Settings { limits: limits.clone(), ..Settings::default() };
    settings.http.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    let (db, shared) = (&hub.store.db, Shared::open(redis)?);
    let graph = |feed| Graph::new(db.clone(), Clock::system(), feed, limits).sharing(shared);
    TestGateway::within(db, &settings, graph).await
}

async fn asked(gateway: &TestGateway, address: &str) -> Result<(u16, Value, reqwest::header::HeaderMap)> {
    let request = client().post(gateway.url("/graphql")).header("x-forwarded-for", address);
    let query = json!({ "query": "{ viewer { rateLimit { limit remaining } } }" });
    let response = request.json(&query).send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok((status, response.json().await?, headers))
}

#[tokio::test]
async fn two_gateways_count_a_clients_requests_together() -> Result<()> {
    let Some(redis) = redis() else { return Ok(()) };
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    let limits = LimitSettings { rate_per_minute: 4, ..LimitSettings::default() };
    let gateways = [limited(&hub, &redis, &limits).await?, limited(&hub, &redis, &limits).await?];
    // A network of its own for each run, for Redis remembers.
    let client = format!("2001:db8:{:x}:{:x}::1", std::process::id() & 0xffff, rand_word());
    for (index, remaining) in [3, 2, 1, 0].into_iter().enumerate() {
        let (status, answer, headers) = asked(&gateways[index % 2], &client).await?;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["data"]["viewer"]["rateLimit"], json!({ "limit": 4, "remaining": remaining }));
        assert_eq!(headers["ratelimit-policy"], "\"requests\";q=4;w=60");
        assert!(headers["ratelimit"].to_str()?.starts_with(&format!("\"requests\";r={remaining};t=")));
    }
    for gateway in &gateways {
        let (status, answer, headers) = asked(gateway, &client).await?;
        assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (429, &json!("RATE_LIMITED")));
        let seconds: u64 = headers["retry-after"].to_str()?.parse()?;
        assert!((1..=15).contains(&seconds), "{seconds}");
        assert!(answer.get("data").is_none(), "{answer}");
    }
    let other = client.replace("::1", "::2");
    assert_eq!(asked(&gateways[0], &other).await?.0, 429, "an address of the same network is the same client");
    assert_eq!(asked(&gateways[0], "198.51.100.7").await?.0, 200);
    Ok(())
}

fn rand_word() -> u128 {
    uuid::Uuid::now_v7().as_u128() & 0xffff
}

#[tokio::test]
async fn without_redis_each_gateway_counts_for_itself_and_nobody_waits() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    let limits = LimitSettings { rate_per_minute: 2, ..LimitSettings::default() };
    // Takes connections, and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    for url in ["redis://127.0.0.1:1".to_owned(), format!("redis://{}", silent.local_addr()?)] {
        let redis = RedisSettings { url: Some(ConnectionUrl::from(url.as_str())) };
        let gateway = limited(&hub, &redis, &limits).await?;
        let statuses = async {
            let mut statuses = Vec::new();
            for _ in 0..3 {
                statuses.push(asked(&gateway, "192.0.2.1").await?.0);
            }
            anyhow::Ok(statuses)
        };
        assert_eq!(timeout(Duration::from_secs(10), statuses).await??, [200, 200, 429], "{url}");
    }
    Ok(())
}
