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
    let made = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED";
    db.execute_unprepared(made).await?;
    for table in ["need", "offer"] {
        let before = rows_read(&db).await?;
        db.execute_unprepared(&format!(
            "UPDATE {table} SET title = title || '!' WHERE id = (SELECT id FROM {table} ORDER BY id LIMIT 1);
             {made}"
        ))
        .await?;
        let read = rows_read(&db).await? - before;
        // The few municipalities and partners, whose names a document has, may be read whole.
        assert!(read < 500, "{read} rows were read to write one {table} of a thousand");
    }
    Ok(())
}

/// A page of offers writes them, their municipalities and their regions by statements of their own; what is made of an
/// offer for search and matching is made once all the same.
#[tokio::test]
async fn what_is_made_of_an_offer_is_made_once_in_a_transaction() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Postgres).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let db = hub.store.db.begin().await?;
    // In place of what makes it, what counts. No plan that knows of the former is kept by a connection that looks anew.
    db.execute_unprepared(
        "DISCARD PLANS; CREATE TEMPORARY TABLE made (what text, id uuid) ON COMMIT DROP;
         CREATE OR REPLACE FUNCTION search_refresh(ids uuid[]) RETURNS void LANGUAGE sql
             AS $$ INSERT INTO pg_temp.made SELECT 'document', unnest(ids) $$;
         CREATE OR REPLACE FUNCTION offer_reach_refresh(ids uuid[]) RETURNS void LANGUAGE sql
             AS $$ INSERT INTO pg_temp.made SELECT 'reach', unnest(ids) $$;
         UPDATE offer SET title = title || '!';
         DELETE FROM offer_municipality;
         DELETE FROM offer_region;
         INSERT INTO offer_municipality SELECT id, (SELECT max(code) FROM municipality) FROM offer;
         INSERT INTO offer_region SELECT id, (SELECT max(slug) FROM region) FROM offer;
         UPDATE offer SET title = title || '!';
         SET CONSTRAINTS ALL IMMEDIATE",
    )
    .await?;
    let sql = "SELECT (SELECT count(*) FROM offer) AS offers, (SELECT count(*) FROM made) AS made,
        (SELECT count(*) FROM (SELECT DISTINCT what, id FROM made) AS once) AS once";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?.context("a row")?;
    let count = |name: &str| row.try_get::<i64>("", name);
    let offers = count("offers")?;
    assert!(offers > 20, "{offers}");
    assert_eq!((count("made")?, count("once")?), (2 * offers, 2 * offers));
    Ok(())
}

/// What is made of offers is right at the commit, whoever writes an offer or its places and in whatever order.
#[tokio::test]
async fn what_is_made_of_an_offer_follows_whoever_writes_it() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Postgres).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let db = &hub.store.db;
    let differs = async || -> Result<i64> {
        let sql = "SELECT (SELECT count(*) FROM (
                SELECT record_id, title, keywords, body FROM search_document
                EXCEPT SELECT record_id, title, keywords, body FROM search_source) AS surplus)
            + (SELECT count(*) FROM (
                SELECT record_id, title, keywords, body FROM search_source
                EXCEPT SELECT record_id, title, keywords, body FROM search_document) AS lacking)
            + (SELECT count(*) FROM (
                SELECT theme, place, offer_id FROM offer_reach
                EXCEPT SELECT theme, place, offer_id FROM offer_reach_source) AS surplus)
            + (SELECT count(*) FROM (
                SELECT theme, place, offer_id FROM offer_reach_source
                EXCEPT SELECT theme, place, offer_id FROM offer_reach) AS lacking)
            + (SELECT count(*) FROM offer_due) AS differing";
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
        Ok(row.context("a row")?.try_get("", "differing")?)
    };
    assert_eq!(differs().await?, 0);
    let one = "(SELECT min(id::text)::uuid FROM offer)";
    let statements = [
        format!("DELETE FROM offer_municipality WHERE offer_id = {one}"),
        format!("INSERT INTO offer_municipality SELECT {one}, max(code) FROM municipality"),
        format!("INSERT INTO offer_region SELECT {one}, max(slug) FROM region ON CONFLICT DO NOTHING"),
        format!("UPDATE offer SET title = 'Anders', themes = 3, \"national\" = true WHERE id = {one}"),
        format!("UPDATE offer SET status = 'PAUSED' WHERE id = {one}"),
        format!("UPDATE offer SET status = 'PUBLISHED', deleted_at = now() WHERE id = {one}"),
        format!("UPDATE offer SET deleted_at = NULL WHERE id = {one}"),
        "UPDATE partner SET name = name || ' (was)'".to_owned(),
        format!("DELETE FROM commitment_step; DELETE FROM commitment; DELETE FROM offer WHERE id = {one}"),
    ];
    for statement in &statements {
        db.execute_unprepared(statement).await?;
        assert_eq!(differs().await?, 0, "{statement}");
    }
    // Undone with what made it due, and two that write the places of one offer at once.
    let (first, second) = (db.begin().await?, db.begin().await?);
    first.execute_unprepared(&statements[0]).await?;
    let waiting = tokio::spawn({
        let statement = statements[2].clone();
        async move {
            second.execute_unprepared(&statement).await?;
            second.commit().await
        }
    });
    first.commit().await?;
    waiting.await??;
    let undone = db.begin().await?;
    undone.execute_unprepared(&statements[3]).await?;
    undone.rollback().await?;
    assert_eq!(differs().await?, 0);
    Ok(())
}

/// Rows that this transaction has read so far.
async fn rows_read(db: &impl ConnectionTrait) -> Result<i64> {
    let sql = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS read FROM pg_stat_xact_user_tables";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    Ok(row.context("a row")?.try_get("", "read")?)
}
