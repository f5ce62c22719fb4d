//! Somebody who follows the change feed all the time, as anybody may.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use entity::change;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use tests::gateway::client;
use tests::hub::TestHub;
use tests::socket::Socket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long the last change may take to be told.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever follows.
pub(crate) struct Feed {
    from: i64,
    heard: watch::Receiver<Vec<i64>>,
    following: JoinHandle<Result<()>>,
}

/// Follows from now on.
pub(crate) async fn follow(address: &str) -> Result<Feed> {
    let mut after = Value::Null;
    let mut from = 0;
    let page = "query ($after: String) { changes(after: $after, first: 100) { nodes { cursor sequence } } }";
    loop {
        let page = ask(address, page, json!({ "after": after })).await?;
        let Some(last) = page["changes"]["nodes"].as_array().and_then(|nodes| nodes.last()) else { break };
        from = number(&last["sequence"])?;
        after = last["cursor"].clone();
    }
    let mut socket = Socket::acknowledged(address.trim_start_matches("http://").parse()?).await?;
    let query = "subscription ($after: String) { changes(after: $after) { sequence } }";
    socket.subscribe("feed", query, json!({ "after": after })).await?;
    let (telling, heard) = watch::channel(Vec::new());
    let following = tokio::spawn(async move {
        loop {
            let told = socket.next("feed").await?;
            ensure!(told.get("errors").is_none(), "{told}");
            let sequence = number(&told["data"]["changes"]["sequence"])?;
            telling.send_modify(|heard: &mut Vec<i64>| heard.push(sequence));
        }
    });
    Ok(Feed { from, heard, following })
}

impl Feed {
    /// Holds what was heard against the journal: everything that left a record public, once and in its order.
    pub(crate) async fn end(mut self, hub: &TestHub) -> Result<()> {
        let changes = change::Entity::find().filter(change::Column::Sequence.gt(self.from));
        let public: Vec<i64> = changes
            .filter(change::Column::IsPublic.eq(true))
            .select_only()
            .column(change::Column::Sequence)
            .into_tuple()
            .all(&hub.store.db)
            .await?;
        let last = public.iter().max().copied().unwrap_or(self.from);
        let has_last = self.heard.wait_for(|heard| heard.last().is_some_and(|heard| *heard >= last));
        let waited = timeout(PATIENCE, has_last).await.map(|heard| heard.map(drop));
        if self.following.is_finished() {
            self.following.await??;
        } else {
            self.following.abort();
            ensure!(waited.is_ok(), "the follower was never told of change {last}");
        }
        let heard = self.heard.borrow().clone();
        ensure!(heard.is_sorted_by(|before, next| before < next), "something was told twice, or late");
        let told: HashSet<i64> = heard.iter().copied().collect();
        let missing: Vec<_> = public.iter().filter(|sequence| !told.contains(sequence)).take(10).collect();
        ensure!(missing.is_empty(), "the follower was never told of {missing:?}");
        println!("feed: {} changes were told, {} of them of what is public now", heard.len(), public.len());
        Ok(())
    }
}

fn number(value: &Value) -> Result<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).with_context(|| format!("{value} is no number"))
}

async fn ask(address: &str, query: &str, variables: Value) -> Result<Value> {
    let body = json!({ "query": query, "variables": variables });
    let mut answer: Value = client().post(format!("{address}/graphql")).json(&body).send().await?.json().await?;
    ensure!(answer.get("errors").is_none(), "{answer}");
    Ok(answer["data"].take())
}
