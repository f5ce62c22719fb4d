//! `graphql-transport-ws`, every word of it, against a small schema: what the hub's own graph never does (panic, flood,
//! wait for ever), this one does when it is asked.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_graphql::{EmptyMutation, Object, Schema, Subscription};
use futures::stream::{self, Stream};
use futures::{FutureExt, SinkExt};
use gateway::config::SubscriptionSettings;
use gateway::feed::Feed;
use gateway::graphql::Caller;
use gateway::http::Stopped;
use gateway::http::graphql::{Admit, Close, anybody};
use serde_json::{Value, json};
use tests::gateway::{BODY_BYTES, TestGateway};
use tests::socket::Socket;
use tests::store::Backend;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

struct Query;

#[Object]
impl Query {
    async fn echo(&self, text: String) -> String {
        text
    }

    async fn fails(&self) -> async_graphql::Result<String> {
        Err("it failed".into())
    }

    async fn panics(&self, text: String) -> String {
        assert!(!text.is_empty(), "a secret");
        text
    }

    async fn sleeps(&self, millis: u64) -> u64 {
        sleep(Duration::from_millis(millis)).await;
        millis
    }
}

struct Events;

#[Subscription]
impl Events {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    async fn never(&self) -> impl Stream<Item = i32> {
        stream::pending()
    }

    async fn flood(&self) -> impl Stream<Item = String> {
        stream::repeat_with(|| "x".repeat(64 * 1024))
    }
}

fn settings() -> SubscriptionSettings {
    SubscriptionSettings { operations: 3, ..SubscriptionSettings::default() }
}

async fn start(settings: &SubscriptionSettings, admit: Admit) -> Result<TestGateway> {
    let store = Backend::Sqlite.store().await?.expect("SQLite is always there");
    let schema = Schema::build(Query, EmptyMutation, Events).finish();
    let feed = Feed::new(store.db.clone(), settings.poll());
    TestGateway::answering(schema, &store.db, feed, settings, admit).await
}

async fn gateway() -> Result<TestGateway> {
    start(&settings(), anybody()).await
}

/// The code and reason with which a socket that says this is closed.
async fn closed_after(gateway: &TestGateway, messages: &[Value]) -> Result<(u16, String)> {
    let mut socket = Socket::connect(gateway.address).await?;
    for message in messages {
        socket.say(message.clone()).await?;
    }
    socket.closed().await
}

fn init() -> Value {
    json!({ "type": "connection_init" })
}

fn subscribe(id: &str, query: &str) -> Value {
    json!({ "type": "subscribe", "id": id, "payload": { "query": query } })
}

#[tokio::test]
async fn operations_of_every_kind_run_side_by_side() -> Result<()> {
    let gateway = gateway().await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("s", "{ sleeps(millis: 400) }", json!({})).await?;
    socket.subscribe("c", "subscription($to: Int!) { count(to: $to) }", json!({ "to": 2 })).await?;
    for expected in 1..=2 {
        assert_eq!(socket.next("c").await?, json!({ "data": { "count": expected } }));
    }
    assert_eq!(socket.hear().await?, json!({ "type": "complete", "id": "c" }));
    // The id is free again as soon as the end is told.
    socket.subscribe("c", "query($t: String!) { echo(text: $t) }", json!({ "t": "hi" })).await?;
    assert_eq!(socket.next("c").await?, json!({ "data": { "echo": "hi" } }));
    assert_eq!(socket.hear().await?, json!({ "type": "complete", "id": "c" }));
    assert_eq!(socket.next("s").await?, json!({ "data": { "sleeps": 400 } }));
    assert_eq!(socket.hear().await?, json!({ "type": "complete", "id": "s" }));
    Ok(())
}

#[tokio::test]
async fn an_operation_fails_alone() -> Result<()> {
    let gateway = gateway().await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("1", "{ nothing }", json!({})).await?;
    let message = socket.hear().await?;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("1")), "{message}");
    // Executed, and failed: an answer like any other.
    socket.subscribe("1", "{ fails }", json!({})).await?;
    let payload = socket.next("1").await?;
    assert_eq!((&payload["data"], &payload["errors"][0]["path"]), (&Value::Null, &json!(["fails"])));
    assert_eq!(socket.hear().await?["type"], "complete");
    socket.subscribe("1", "{ panics(text: \"\") }", json!({})).await?;
    let expected = json!([{ "message": "Internal error", "extensions": { "code": "INTERNAL" } }]);
    assert_eq!(socket.hear().await?, json!({ "type": "error", "id": "1", "payload": expected }));
    socket.subscribe("1", "{ echo(text: \"still here\") }", json!({})).await?;
    assert_eq!(socket.next("1").await?["data"]["echo"], "still here");
    Ok(())
}

#[tokio::test]
async fn who_completes_an_operation_hears_no_more_of_it() -> Result<()> {
    let gateway = gateway().await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("1", "{ sleeps(millis: 300) }", json!({})).await?;
    socket.say(json!({ "type": "complete", "id": "1" })).await?;
    socket.say(json!({ "type": "complete", "id": "never begun" })).await?;
    socket.subscribe("1", "subscription { never }", json!({})).await?;
    let silence = timeout(Duration::from_millis(600), socket.hear()).await;
    assert!(silence.is_err(), "{silence:?}");
    Ok(())
}

#[tokio::test]
async fn more_operations_than_a_socket_holds_are_refused_one_by_one() -> Result<()> {
    let gateway = gateway().await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    for id in ["1", "2", "3", "4"] {
        socket.subscribe(id, "subscription { never }", json!({})).await?;
    }
    let message = socket.hear().await?;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("4")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "TOO_MANY_OPERATIONS");
    socket.say(json!({ "type": "complete", "id": "2" })).await?;
    socket.subscribe("4", "{ echo(text: \"room\") }", json!({})).await?;
    assert_eq!(socket.next("4").await?["data"]["echo"], "room");
    Ok(())
}

#[tokio::test]
async fn every_offence_has_its_close_code() -> Result<()> {
    let gateway = gateway().await?;
    for (messages, code, reason) in [
        (vec![json!({ "type": "start" })], 4400, "There is no message of this `type`"),
        (vec![init(), json!([])], 4400, "A message is a JSON object"),
        (vec![subscribe("1", "{ echo(text: \"x\") }")], 4401, "Unauthorized"),
        (
            vec![init(), subscribe("1", "subscription { never }"), subscribe("1", "{ echo(text: \"x\") }")],
            4409,
            "Subscriber for 1 already exists",
        ),
        (vec![init(), init()], 4429, "Too many initialisation requests"),
    ] {
        // The acknowledgement must be there before an operation begins.
        let mut socket = Socket::connect(gateway.address).await?;
        for message in &messages {
            socket.say(message.clone()).await?;
            if message["type"] == "connection_init" {
                sleep(Duration::from_millis(100)).await;
            }
        }
        assert_eq!(socket.closed().await?, (code, reason.to_owned()), "{messages:?}");
    }
    let mut socket = Socket::connect(gateway.address).await?;
    socket.raw.send(Message::binary(&b"{}"[..])).await?;
    assert_eq!(socket.closed().await?, (4400, "A message is text".to_owned()));
    let mut socket = Socket::connect(gateway.address).await?;
    socket.raw.send(Message::text("x".repeat(BODY_BYTES + 1))).await?;
    assert_eq!(socket.closed().await?.0, 1009);
    for protocol in [None, Some("graphql-ws"), Some("graphql-transport-ws-2")] {
        match Socket::open(gateway.address, protocol).await {
            Ok(mut socket) => assert_eq!(socket.closed().await?.0, 4406),
            // A client that offers protocols gives up by itself when none is taken.
            Err(Error::Protocol(_)) if protocol.is_some() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[tokio::test]
async fn who_is_not_let_in_hears_why() -> Result<()> {
    let admit: Admit = Arc::new(|_, payload| {
        let token = payload.and_then(|payload| Some(payload.get("token")?.as_str()?.to_owned()));
        async move {
            match token.as_deref() {
                Some("good") => Ok(Caller::default()),
                Some("slow") => std::future::pending().await,
                Some("broken") => panic!("a secret"),
                Some(_) => Err(Close::forbidden()),
                None => Err(Close::unauthorized()),
            }
        }
        .boxed()
    });
    let gateway = start(&settings(), admit).await?;
    let with = |token: &str| json!({ "type": "connection_init", "payload": { "token": token } });
    for (messages, expected) in [
        (vec![init()], (4401, "Unauthorized")),
        (vec![with("bad")], (4403, "Forbidden")),
        (vec![with("broken")], (4500, "Internal server error")),
        (vec![with("slow"), subscribe("1", "{ echo(text: \"x\") }")], (4401, "Unauthorized")),
        (vec![with("slow"), with("good")], (4429, "Too many initialisation requests")),
    ] {
        let (code, reason) = closed_after(&gateway, &messages).await?;
        assert_eq!((code, reason.as_str()), expected, "{messages:?}");
    }
    let mut socket = Socket::connect(gateway.address).await?;
    socket.say(with("good")).await?;
    assert_eq!(socket.hear().await?["type"], "connection_ack");
    Ok(())
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() -> Result<()> {
    let settings = SubscriptionSettings { init_timeout_secs: 1, ping_secs: 1, ..settings() };
    let gateway = start(&settings, anybody()).await?;
    let mut socket = Socket::connect(gateway.address).await?;
    assert_eq!(socket.closed().await?, (4408, "Connection initialisation timeout".to_owned()));

    // Asks and answers in both directions.
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.say(json!({ "type": "ping", "payload": { "n": 1 } })).await?;
    assert_eq!(socket.hear().await?, json!({ "type": "pong", "payload": { "n": 1 } }));
    // Answering pings keeps it open for longer than two of them.
    let silence = timeout(Duration::from_millis(2500), socket.hear()).await;
    assert!(silence.is_err(), "{silence:?}");
    // No longer answering closes it.
    assert_eq!(socket.closed().await?, (4408, "Request timeout: no answer to a ping".to_owned()));
    Ok(())
}

/// The memory that this process holds, where the system tells.
fn resident_bytes() -> Result<usize> {
    let Ok(told) = std::fs::read_to_string("/proc/self/statm") else { return Ok(0) };
    Ok(told.split_whitespace().nth(1).unwrap_or("0").parse::<usize>()? * 4096)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_cut_off_with_a_reason() -> Result<()> {
    let settings = SubscriptionSettings { slow_reader_secs: 1, ..settings() };
    let gateway = start(&settings, anybody()).await?;
    let mut slow = Socket::acknowledged(gateway.address).await?;
    slow.subscribe("1", "subscription { flood }", json!({})).await?;
    // Reads nothing for longer than the hub's patience; then what was on its way, and why there is no more.
    sleep(Duration::from_secs(2)).await;
    let (code, reason) = slow.closed().await?;
    assert_eq!((code, reason.as_str()), (1013, "Too slow: messages were not taken. Go on with the last cursor"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_cost_little_and_harm_nobody() -> Result<()> {
    let gateway = start(&settings(), anybody()).await?;
    let before = resident_bytes()?;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut socket = Socket::acknowledged(gateway.address).await?;
        socket.subscribe("1", "subscription { flood }", json!({})).await?;
        slow.push(socket);
    }
    sleep(Duration::from_secs(2)).await;
    // A queue of 16 messages of 64 kB for each, and what is being written.
    let grown = resident_bytes()?.saturating_sub(before);
    assert!(grown < 50 << 20, "{grown} bytes");
    let mut other = Socket::acknowledged(gateway.address).await?;
    other.subscribe("1", "{ echo(text: \"fine\") }", json!({})).await?;
    assert_eq!(other.next("1").await?["data"]["echo"], "fine");
    Ok(())
}

#[tokio::test]
async fn no_more_sockets_are_open_than_there_are_places() -> Result<()> {
    let settings = SubscriptionSettings { connections: 2, ..settings() };
    let gateway = start(&settings, anybody()).await?;
    let first = Socket::acknowledged(gateway.address).await?;
    let mut second = Socket::acknowledged(gateway.address).await?;
    match Socket::open(gateway.address, Some("graphql-transport-ws")).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), 503),
        other => panic!("{:?}", other.map(|_| "opened")),
    }
    drop(first);
    let mut third = None;
    for _ in 0..100 {
        third = Socket::acknowledged(gateway.address).await.ok();
        if third.is_some() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(third.is_some(), "a place that was left stays empty");
    second.subscribe("1", "{ echo(text: \"fine\") }", json!({})).await?;
    assert_eq!(second.next("1").await?["data"]["echo"], "fine");
    Ok(())
}

#[tokio::test]
async fn sockets_are_closed_in_order_when_the_hub_stops() -> Result<()> {
    let gateway = gateway().await?;
    let mut idle = Socket::connect(gateway.address).await?;
    let mut busy = Socket::acknowledged(gateway.address).await?;
    busy.subscribe("1", "subscription { never }", json!({})).await?;
    sleep(Duration::from_millis(200)).await;
    gateway.stop();
    for socket in [&mut idle, &mut busy] {
        assert_eq!(socket.closed().await?, (1001, "The hub is stopping".to_owned()));
    }
    drop((idle, busy));
    assert_eq!(timeout(Duration::from_secs(5), gateway.stopped()).await??, Stopped::InTime);
    Ok(())
}
