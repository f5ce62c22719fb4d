//! What a search costs: its statements, and what they read.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use async_graphql::{Executor, Request, Variables};
use connectors::sync::RunOptions;
use entity::Clock;
use gateway::config::LimitSettings;
use gateway::feed::Feed;
use gateway::graphql::Graph;
use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use serde_json::json;
use tests::hub::TestHub;
use tests::store::Backend;

use super::SEARCH;

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_search_costs_the_same_statements_for_one_and_for_fifty(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let mut costs = Vec::new();
    for first in [10, 80] {
        let (found, statements) =
            hub.statements(hub.data(SEARCH, json!({ "text": "de amsterdam", "first": first }))).await;
        assert_eq!(found?["search"]["edges"].as_array().map(Vec::len), Some(first));
        costs.push(statements);
    }
    // The words' forms (SQLite), the page (titles, then all), each type on it, the count, and the sources' freshness.
    assert!(costs.iter().all(|cost| *cost <= 10), "{costs:?}");
    let wide = hub.statements(hub.data(SEARCH, json!({ "text": "a b c d e f g h", "types": ["NEED"] }))).await;
    wide.0?;
    assert!(wide.1 <= 6, "{} statements", wide.1);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn words_are_found_by_their_index(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let seen: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let mut db = hub.store.db.clone();
    let sink = Arc::clone(&seen);
    db.set_metric_callback(move |info| sink.lock().expect("no panic").push(info.statement.clone()));
    let feed = Feed::new(db.clone(), std::time::Duration::from_secs(1));
    let graph = Graph::new(db, Clock::system(), feed, &LimitSettings::default());
    let request = Request::new(SEARCH).variables(Variables::from_json(json!({ "text": "leerkrachten amsterd" })));
    assert!(graph.execute(request).await.errors.is_empty());
    let statements: Vec<Statement> = seen.lock().expect("no panic").clone();
    let searches: Vec<_> = statements.iter().filter(|each| each.sql.contains("search_document")).collect();
    assert_eq!(searches.len(), 3, "the page (titles, then all) and the count");
    for search in searches {
        let explain = if backend == Backend::Sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
        let transaction = hub.store.db.begin().await?;
        if backend == Backend::Postgres {
            // A sample this small is read whole faster than by any index.
            transaction.execute_unprepared("SET LOCAL enable_seqscan = off").await?;
        }
        let explained = Statement { sql: format!("{explain} {}", search.sql), ..search.clone() };
        let rows = transaction.query_all_raw(explained).await?;
        let column = if backend == Backend::Sqlite { "detail" } else { "QUERY PLAN" };
        let plan = rows.iter().map(|row| row.try_get::<String>("", column)).collect::<Result<Vec<_>, _>>()?.join("\n");
        match backend {
            Backend::Sqlite => {
                assert!(plan.contains("SEARCH search_document USING INTEGER PRIMARY KEY"), "{plan}");
                assert!(plan.contains("SCAN search_index VIRTUAL TABLE INDEX"), "{plan}");
                assert!(!plan.contains("SCAN search_document"), "{plan}");
            }
            Backend::Postgres => assert!(plan.contains("Bitmap Index Scan on search_document_by_words"), "{plan}"),
        }
    }
    Ok(())
}

/// What writing a record has read, on PostgreSQL, does not grow with what is stored: search and matching follow the one
/// record alone.
#[tokio::test]
async fn a_write_reads_what_it_touches_and_not_what_is_stored() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Postgres).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let db = hub.store.db.begin().await?;
    // Enough of them that reading all would be seen, and that PostgreSQL looks rows up by their keys.
    for table in ["need", "offer"] {
        db.execute_unprepared(&format!(
            "CREATE TEMPORARY TABLE more ON COMMIT DROP AS SELECT {table}.* FROM {table}, generate_series(1, 6);
             UPDATE more SET id = gen_random_uuid(), external_id = gen_random_uuid()::text;
             INSERT INTO {table} SELECT * FROM more; DROP TABLE more"
        ))
        .await?;
    }
    db.execute_unprepared(
        "INSERT INTO offer_municipality SELECT id, (SELECT min(code) FROM municipality) FROM offer WHERE NOT EXISTS (
             SELECT 1 FROM offer_municipality WHERE offer_id = offer.id)",
    )
    .await?;
    let tables = "need, offer, offer_municipality, offer_region, offer_reach, need_theme, search_document";
    db.execute_unprepared(&format!("ANALYZE {tables}")).await?;
    for table in ["need", "offer"] {
        let before = rows_read(&db).await?;
        db.execute_unprepared(&format!(
            "UPDATE {table} SET title = title || '!' WHERE id = (SELECT id FROM {table} ORDER BY id LIMIT 1)"
        ))
        .await?;
        let read = rows_read(&db).await? - before;
        // The few municipalities and partners, whose names a document has, may be read whole.
        assert!(read < 500, "{read} rows were read to write one {table} of a thousand");
    }
    Ok(())
}

/// Rows that this transaction has read so far.
async fn rows_read(db: &impl ConnectionTrait) -> Result<i64> {
    let sql = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS read FROM pg_stat_xact_user_tables";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    Ok(row.context("a row")?.try_get("", "read")?)
}
