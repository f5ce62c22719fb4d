//! Subscriptions as server-sent events.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gateway::config::SubscriptionSettings;
use gateway::http::Stopped;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tests::gateway::TestGateway;
use tests::store::Backend;
use tokio::time::timeout;

use super::{CHANGES, looking, settings_of, source, write};

/// What a client reads of a stream of events.
struct Events {
    response: Response,
    text: String,
}

/// One event: its name, its id and its data.
type Event = (String, Option<String>, String);

impl Events {
    async fn open(request: RequestBuilder) -> Result<Self> {
        let response = request.header("accept", "text/event-stream").send().await?;
        ensure!(response.status() == StatusCode::OK, "{}", response.text().await?);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Ok(Self { response, text: String::new() })
    }

    /// The next block of lines, comments too. `None` at the end.
    async fn block(&mut self) -> Result<Option<String>> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Ok(Some(block));
            }
            let chunk = timeout(Duration::from_secs(20), self.response.chunk()).await.context("nothing came")??;
            match chunk {
                Some(chunk) => self.text += std::str::from_utf8(&chunk)?,
                None => return Ok(None),
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Event>> {
        while let Some(block) = self.block().await? {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
            if let Some(event) = field("event:") {
                let data = field("data:").context("an event without data is passed over by browsers")?;
                return Ok(Some((event.to_owned(), field("id:").map(str::to_owned), data.to_owned())));
            }
        }
        Ok(None)
    }

    /// The next answer with its id.
    async fn answer(&mut self) -> Result<(Value, Option<String>)> {
        let (event, id, data) = self.next().await?.context("an event")?;
        ensure!(event == "next", "{event} {data}");
        Ok((serde_json::from_str(&data)?, id))
    }
}

#[expect(clippy::disallowed_methods, reason = "a client of the hub, not the hub's own way out")]
fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

fn post(gateway: &TestGateway, query: &str, variables: Value) -> RequestBuilder {
    client().post(gateway.url("/graphql")).json(&json!({ "query": query, "variables": variables }))
}

fn get(gateway: &TestGateway, query: &str) -> RequestBuilder {
    client().get(gateway.url("/graphql")).query(&[("query", query)])
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn changes_are_events_that_a_browser_goes_on_behind(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    write(&store.db, [1]).await?;
    let gateway = TestGateway::on_store(&store.db, &settings_of(backend)).await?;
    let mut events = Events::open(post(&gateway, CHANGES, json!({}))).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    write(&store.db, 2..=3).await?;
    let (answer, id) = events.answer().await?;
    assert_eq!(answer["data"]["changes"]["sequence"], "2");
    assert_eq!(answer["data"]["changes"]["cursor"].as_str(), id.as_deref());
    drop(events);
    write(&store.db, [4]).await?;

    // As `EventSource` does: the same address again, with the last id that it saw.
    let again = get(&gateway, "subscription { changes { sequence } }").header("last-event-id", id.context("an id")?);
    let mut events = Events::open(again).await?;
    for expected in ["3", "4"] {
        assert_eq!(events.answer().await?.0["data"]["changes"]["sequence"], expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_outlives_a_request_stays_awake_and_ends_with_the_hub() -> Result<()> {
    let Some(store) = Backend::Sqlite.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let settings = SubscriptionSettings { ping_secs: 1, ..looking() };
    let gateway = TestGateway::on_store(&store.db, &settings).await?;
    let mut events = Events::open(post(&gateway, CHANGES, json!({}))).await?;
    // The gateway gives a request five seconds.
    for _ in 0..6 {
        let block = events.block().await?.context("a comment")?;
        assert!(block.starts_with(':'), "{block}");
    }
    write(&store.db, [1]).await?;
    assert_eq!(events.answer().await?.0["data"]["changes"]["sequence"], "1");
    gateway.stop();
    // Without `complete`: it is not over, and clients go on elsewhere.
    assert_eq!(events.next().await?, None);
    assert_eq!(timeout(Duration::from_secs(5), gateway.stopped()).await??, Stopped::InTime);
    Ok(())
}

#[tokio::test]
async fn whatever_can_be_executed_can_be_answered_as_events() -> Result<()> {
    let Some(store) = Backend::Sqlite.store().await? else { return Ok(()) };
    let settings = SubscriptionSettings { connections: 1, ..looking() };
    let gateway = TestGateway::on_store(&store.db, &settings).await?;
    for request in [post(&gateway, "{ __typename }", json!({})), get(&gateway, "{ __typename }")] {
        let mut events = Events::open(request).await?;
        assert_eq!(events.answer().await?.0["data"], json!({ "__typename": "Query" }));
        assert_eq!(events.next().await?, Some(("complete".to_owned(), None, String::new())));
        assert_eq!(events.next().await?, None);
    }
    // What is wrong with the document is told over the stream.
    let mut events = Events::open(post(&gateway, "subscription { nothing }", json!({}))).await?;
    let (answer, _) = events.answer().await?;
    assert!(answer.get("data").is_none() && answer["errors"][0]["message"].is_string(), "{answer}");
    assert_eq!(events.next().await?.context("an end")?.0, "complete");
    drop(events);
    // What is wrong with the request is told before there is one.
    let request = client().post(gateway.url("/graphql")).header("content-type", "application/json").body("{}");
    let response = request.header("accept", "text/event-stream").send().await?;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let answer: Value = response.json().await?;
    assert_eq!(answer["errors"][0]["message"], "`query` is missing.");

    let _taken = Events::open(post(&gateway, CHANGES, json!({}))).await?;
    let refused = post(&gateway, CHANGES, json!({})).header("accept", "text/event-stream").send().await?;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let answer: Value = refused.json().await?;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "TOO_MANY_STREAMS");
    Ok(())
}
