//! Redis stops, freezes and starts anew: nobody is refused anything, and what replicas share is shared again after it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tests::postgres_server::PostgresServer;
use tests::redis_server::RedisServer;
use tests::until;

use super::load::Load;
use super::stage::{BACK, Stage, TIMES};

/// Waits until the hub lays answers there again.
async fn is_used(stage: &Stage, redis: &RedisServer, after: &str) -> Result<()> {
    let since = Instant::now();
    let mut connection = redis.connect().await?;
    ::redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await?;
    until("Redis is used again", async || {
        ::redis::cmd("DBSIZE").query_async::<usize>(&mut connection).await.is_ok_and(|keys| keys > 0)
    })
    .await?;
    let (took, usual) = (since.elapsed(), stage.usual().await?);
    println!("Redis is used again {took:?} after {after}; {usual:?} is usual");
    ensure!(took <= BACK + TIMES * usual, "Redis is used again only {took:?} after {after}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_fails_costs_nobody_an_answer() -> Result<()> {
    let Some(postgres) = PostgresServer::start(&[]).await? else { return Ok(()) };
    let Some(mut redis) = RedisServer::start().await? else { return Ok(()) };
    let url = redis.settings().url.context("its address")?.reveal().to_owned();
    let stage = Stage::set(&postgres.url(), Some(&url), "").await?;
    let load = Load::default();
    load.during(&stage, async {
        is_used(&stage, &redis, "the start").await?;
        redis.freeze().await?;
        load.writes(10).await?;
        ensure!(stage.is_ready().await?, "ready without Redis");
        redis.thaw().await?;
        is_used(&stage, &redis, "it was frozen").await?;
        redis.kill().await?;
        load.writes(10).await?;
        ensure!(stage.is_ready().await?, "ready without Redis");
        tokio::time::sleep(Duration::from_secs(2)).await;
        redis.restart().await?;
        is_used(&stage, &redis, "it was stopped").await?;
        redis.restart().await?;
        is_used(&stage, &redis, "it was restarted at once").await
    })
    .await?;
    let refused = load.refused.load(Ordering::Relaxed) + load.not_written.load(Ordering::Relaxed);
    ensure!(refused == 0, "{refused} were refused for want of Redis:\n{}", stage.log());
    load.is_kept_in(&postgres.connect().await?).await
}
