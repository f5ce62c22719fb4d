//! How a gateway hears that there is something to read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use gateway::feed::{self, Feed};
use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tests::gateway::TestGateway;
use tests::socket::Socket;
use tests::store::Backend;
use tokio::time::{sleep, timeout};

use super::{CHANGES, only_told, settings_of, source, write};

const SOON: Duration = Duration::from_secs(10);

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_one_process_commits_every_other_tells(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let settings = settings_of(backend);
    let mut sockets = Vec::new();
    let mut gateways = Vec::new();
    for _ in 0..2 {
        let gateway = TestGateway::on_store(&store.db, &settings).await?;
        let mut socket = Socket::acknowledged(gateway.address).await?;
        socket.subscribe("1", CHANGES, json!({})).await?;
        sockets.push(socket);
        gateways.push(gateway);
    }
    // They listen.
    sleep(Duration::from_millis(500)).await;
    write(&store.db, [1]).await?;
    for socket in &mut sockets {
        assert_eq!(socket.next("1").await?["data"]["changes"]["sequence"], "1");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_for_notifications_that_is_killed_is_made_again() -> Result<()> {
    let Some(store) = Backend::Postgres.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let feed = Feed::new(store.db.clone(), only_told().poll());
    let mut follower = feed.follow();
    sleep(Duration::from_millis(500)).await;
    write(&store.db, [1]).await?;
    assert_eq!(timeout(SOON, follower.beyond(0)).await?, 1);

    // Whoever else listens on this server listens again as well.
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    let killed = store.db.query_all_raw(Statement::from_string(store.db.get_database_backend(), sql)).await?;
    assert!(!killed.is_empty(), "nobody listened");
    // Committed while nobody hears it.
    write(&store.db, [2]).await?;
    assert_eq!(timeout(SOON, follower.beyond(1)).await?, 2);
    sleep(Duration::from_secs(2)).await;
    write(&store.db, [3]).await?;
    assert_eq!(timeout(SOON, follower.beyond(2)).await?, 3);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_looks_for_all_who_follow_and_nobody_while_none_does(#[case] backend: Backend) -> Result<()> {
    let Some(mut store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let statements = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&statements);
    store.db.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let feed = Feed::new(store.db.clone(), Duration::from_millis(100));
    sleep(Duration::from_millis(500)).await;
    assert_eq!(statements.load(Ordering::Relaxed), 0, "nobody follows");
    let followers: Vec<_> = (0..200).map(|_| feed.follow()).collect();
    sleep(Duration::from_secs(2)).await;
    let looked = statements.load(Ordering::Relaxed);
    assert!((2..=25).contains(&looked), "{looked} statements");
    drop((followers, feed));
    sleep(Duration::from_millis(300)).await;
    let after = statements.load(Ordering::Relaxed);
    sleep(Duration::from_millis(500)).await;
    assert_eq!(statements.load(Ordering::Relaxed), after, "somebody looks though nobody follows");
    Ok(())
}

#[tokio::test]
async fn a_store_that_does_not_answer_for_a_while_is_asked_again() -> Result<()> {
    let Some(store) = Backend::Sqlite.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let feed = Feed::new(store.db.clone(), Duration::from_millis(50));
    let mut follower = feed.follow();
    store.db.execute_unprepared("ALTER TABLE journal_head RENAME TO elsewhere").await?;
    sleep(Duration::from_millis(200)).await;
    assert!(feed::end(&store.db).await.is_err());
    store.db.execute_unprepared("ALTER TABLE elsewhere RENAME TO journal_head").await?;
    write(&store.db, [1]).await?;
    assert_eq!(timeout(SOON, follower.beyond(0)).await?, 1);
    Ok(())
}
