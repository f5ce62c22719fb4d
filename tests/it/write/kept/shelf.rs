//! Redis as it is in life, under answers that replicas share: frozen, full, restarted, gone, and with things in it that
//! nobody of ours put there. It may cost hits, never truth.

use anyhow::{Context, Result, ensure};
use gateway::config::RedisSettings;
use gateway::graphql::{Caller, Graph};
use gateway::shared::Shared;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use tests::redis_server::RedisServer;
use tests::store::Backend;

use super::super::{Stage, mutate};
use super::{CARD, answer, figures, replica};

mod ways;

/// Two replicas and the Redis that they share.
struct Scene {
    stage: Stage,
    redis: RedisSettings,
    replicas: [Graph; 2],
}

impl Scene {
    async fn set(redis: RedisSettings) -> Result<Option<Self>> {
        let Some(stage) = Stage::set(Backend::Postgres).await? else { return Ok(None) };
        let share = || Shared::open(&redis);
        let replicas = [replica(&stage, share()?).await?, replica(&stage, share()?).await?];
        Ok(Some(Self { stage, redis, replicas }))
    }

    /// A replica that has kept nothing yet, and has met the card's document.
    async fn fresh(&self) -> Result<Graph> {
        let fresh = replica(&self.stage, Shared::open(&self.redis)?).await?;
        answer(&fresh, &Caller::default(), CARD, json!({ "brin": self.stage.elsewhere.brin })).await?;
        Ok(fresh)
    }

    fn brin(&self) -> Value {
        json!({ "brin": self.stage.school.brin })
    }

    /// Writes through either replica and reads through both; what they say is what stands in the store.
    async fn write_and_read(&self, title: &str) -> Result<()> {
        for writer in &self.replicas {
            let input = json!({ "school": self.stage.school.brin, "title": title, "themes": ["STRATEGIC_HR"] });
            mutate(writer, &self.stage.board(), "createNeed", input).await?;
            for reader in &self.replicas {
                for _ in 0..3 {
                    let given = answer(reader, &Caller::default(), CARD, self.brin()).await?;
                    let truth = self.stage.ask(&Caller::default(), CARD, self.brin()).await;
                    ensure!(given["data"] == truth["data"] && given.to_string().contains(title), "{title}: {given}");
                }
            }
        }
        Ok(())
    }

    /// Waits until what one replica computes is given by another again.
    async fn is_shared(&self) -> Result<()> {
        for _ in 0..100 {
            let fresh = self.fresh().await?;
            let before = figures(&fresh).shared_hits;
            answer(&fresh, &Caller::default(), CARD, self.brin()).await?;
            if figures(&fresh).shared_hits > before {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::bail!("nothing is shared")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_that_is_frozen_full_restarted_or_gone_costs_no_truth() -> Result<()> {
    let Some(mut redis) = RedisServer::start().await? else { return Ok(()) };
    let Some(scene) = Scene::set(redis.settings()).await? else { return Ok(()) };
    scene.write_and_read("Redis is well").await?;
    scene.is_shared().await?;

    redis.freeze().await?;
    scene.write_and_read("Redis is frozen").await?;
    redis.thaw().await?;
    scene.is_shared().await?;

    let mut connection = redis.connect().await?;
    set(&mut connection, "maxmemory", "1").await?;
    scene.write_and_read("Redis is full").await?;
    set(&mut connection, "maxmemory-policy", "allkeys-lru").await?;
    scene.write_and_read("Redis throws everything out").await?;
    set(&mut connection, "maxmemory", "0").await?;
    scene.is_shared().await?;

    redis.restart().await?;
    scene.write_and_read("Redis is new").await?;
    scene.is_shared().await?;

    redis.kill().await?;
    scene.write_and_read("Redis is gone").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_others_put_into_redis_is_no_answer() -> Result<()> {
    let Some(redis) = RedisServer::start().await? else { return Ok(()) };
    let Some(scene) = Scene::set(redis.settings()).await? else { return Ok(()) };
    let nobody = Caller::default();
    let elsewhere = json!({ "brin": scene.stage.elsewhere.brin });
    for brin in [scene.brin(), elsewhere.clone()] {
        for graph in &scene.replicas {
            answer(graph, &nobody, CARD, brin.clone()).await?;
        }
    }
    let mut connection = redis.connect().await?;
    let keys = loop {
        let mut keys: Vec<String> = connection.keys("hub:1:answer:*").await?;
        if keys.len() >= 2 {
            keys.sort();
            break keys;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    // Each answer where the next one was.
    let mut answers: Vec<Vec<u8>> = Vec::new();
    for key in &keys {
        answers.push(connection.get(key).await?);
    }
    answers.rotate_left(1);
    for (key, moved) in keys.iter().zip(&answers) {
        let () = connection.set(key, moved).await?;
    }
    let agree = async |said: &str| -> Result<()> {
        let fresh = scene.fresh().await?;
        for brin in [scene.brin(), elsewhere.clone()] {
            let given = answer(&fresh, &nobody, CARD, brin.clone()).await?;
            let truth = scene.stage.ask(&nobody, CARD, brin).await;
            ensure!(given["data"] == truth["data"], "{said}: {given}");
        }
        Ok(())
    };
    agree("moved").await?;
    for key in &keys {
        let () = connection.set(key, b"{\"data\":{\"school\":null}}").await?;
    }
    agree("foreign").await?;
    for key in &keys {
        let () = connection.del(key).await?;
        let () = connection.lpush(key, "another type").await?;
    }
    agree("of another type").await?;
    // What is not ours is left alone.
    let () = connection.set("somebody:else", "theirs").await?;
    scene.write_and_read("beside others").await?;
    let theirs: String = connection.get("somebody:else").await?;
    ensure!(theirs == "theirs");
    let all: Vec<String> = connection.keys("*").await?;
    let foreign = all.iter().find(|key| !key.starts_with("hub:1:") && *key != "somebody:else");
    ensure!(foreign.is_none(), "{foreign:?}");
    Ok(())
}

async fn set(connection: &mut MultiplexedConnection, name: &str, value: &str) -> Result<()> {
    let () = redis::cmd("CONFIG").arg("SET").arg(name).arg(value).query_async(connection).await.context("CONFIG")?;
    Ok(())
}
