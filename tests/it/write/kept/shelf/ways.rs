//! The ways to Redis: as an ACL user with few rights, through a cluster, and where Sentinels say.

use std::time::Duration;

use anyhow::{Result, ensure};
use gateway::config::{ConnectionUrl, RedisSettings};
use tests::redis_server::{RedisServer, free_port};

use super::Scene;

fn settings(url: String) -> RedisSettings {
    RedisSettings { url: Some(ConnectionUrl::from(url)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_user_that_may_nothing_else_shares_answers() -> Result<()> {
    let Some(redis) = RedisServer::start().await? else { return Ok(()) };
    let mut connection = redis.connect().await?;
    let rights = ["on", ">p@ss", "~hub:1:*", "+get", "+set", "+setex", "+eval", "+evalsha", "+script|load", "+del"];
    let () = redis::cmd("ACL").arg("SETUSER").arg("hub").arg(&rights).query_async(&mut connection).await?;
    let () = redis::cmd("ACL").arg(&["SETUSER", "default", "off"]).query_async(&mut connection).await?;
    let url = format!("redis://hub:p%40ss@127.0.0.1:{}", redis.port());
    let Some(scene) = Scene::set(settings(url)).await? else { return Ok(()) };
    scene.write_and_read("by an ACL user").await?;
    scene.is_shared().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_are_shared_through_a_cluster() -> Result<()> {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let bus = free_port()?.to_string();
        let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "1000"];
        let Some(node) = RedisServer::start_as(arguments.map(str::to_owned).into()).await? else { return Ok(()) };
        nodes.push((node, bus));
    }
    for (number, (node, _)) in nodes.iter().enumerate() {
        let (first, last) = (number * 16_384 / nodes.len(), (number + 1) * 16_384 / nodes.len() - 1);
        let mut connection = node.connect().await?;
        let () = redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last).query_async(&mut connection).await?;
        for (other, bus) in &nodes {
            let meet = ["MEET".to_owned(), "127.0.0.1".to_owned(), other.port().to_string(), bus.clone()];
            let () = redis::cmd("CLUSTER").arg(&meet).query_async(&mut connection).await?;
        }
    }
    for (node, _) in &nodes {
        let mut connection = node.connect().await?;
        eventually("the cluster stands", async || {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query_async(&mut connection).await?;
            Ok(info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3"))
        })
        .await?;
    }

    // Two are enough to find the third by.
    let [one, two] = [nodes[0].0.port(), nodes[1].0.port()];
    let url = format!("redis+cluster://127.0.0.1:{one},127.0.0.1:{two}");
    let Some(scene) = Scene::set(settings(url)).await? else { return Ok(()) };
    scene.write_and_read("through a cluster").await?;
    scene.is_shared().await?;

    let (mut lost, _) = nodes.pop().expect("three nodes");
    lost.kill().await?;
    scene.write_and_read("a node is gone").await?;
    nodes[0].0.freeze().await?;
    scene.write_and_read("another is frozen").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whom_sentinels_name_next_is_followed() -> Result<()> {
    let Some(mut first) = RedisServer::start().await? else { return Ok(()) };
    let replica_of = ["--replicaof".to_owned(), "127.0.0.1".to_owned(), first.port().to_string()];
    let Some(second) = RedisServer::start_as(replica_of.into()).await? else { return Ok(()) };
    let mut connection = second.connect().await?;
    eventually("the replica follows", async || {
        let info: String = redis::cmd("INFO").arg("replication").query_async(&mut connection).await?;
        Ok(info.contains("master_link_status:up"))
    })
    .await?;

    // A Sentinel writes what it learns into its settings.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("sentinel.conf");
    let watched = format!("sentinel monitor hub 127.0.0.1 {} 1\n", first.port());
    let impatient = "sentinel down-after-milliseconds hub 500\nsentinel failover-timeout hub 3000\n";
    tokio::fs::write(&file, format!("{watched}{impatient}")).await?;
    let arguments = [file.display().to_string(), "--sentinel".to_owned()];
    let Some(sentinel) = RedisServer::start_as(arguments.into()).await? else { return Ok(()) };
    let mut connection = sentinel.connect().await?;
    eventually("the Sentinel knows the replica", async || {
        let replicas: Vec<redis::Value> =
            redis::cmd("SENTINEL").arg(&["REPLICAS", "hub"]).query_async(&mut connection).await?;
        Ok(!replicas.is_empty())
    })
    .await?;

    let url = format!("redis+sentinel://127.0.0.1:{}/hub", sentinel.port());
    let Some(scene) = Scene::set(settings(url)).await? else { return Ok(()) };
    scene.write_and_read("where the Sentinel says").await?;
    scene.is_shared().await?;

    first.kill().await?;
    scene.write_and_read("the server is gone").await?;
    eventually("the Sentinel names the other", async || {
        let named: (String, u16) =
            redis::cmd("SENTINEL").arg(&["GET-MASTER-ADDR-BY-NAME", "hub"]).query_async(&mut connection).await?;
        Ok(named.1 == second.port())
    })
    .await?;
    scene.write_and_read("another is named").await?;
    scene.is_shared().await
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..300 {
        if holds().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ensure!(false, "in vain: {what}");
    Ok(())
}
