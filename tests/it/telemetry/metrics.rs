//! Requests, statements and streams of a real hub, counted.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use tests::gateway::client;
use tests::process::Process;
use tests::socket::Socket;
use tests::store::Backend;
use tokio::time::sleep;

use super::{Figures, ask};

const LISTEN: &str = "[http]\nlisten = \"127.0.0.1:0\"\n";
const BACKSTAGE: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn requests_are_counted_by_operation_with_what_they_cost_the_store(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    let settings = format!("{LISTEN}{BACKSTAGE}[database]\nurl = \"{}\"\n", store.url);
    let hub = Process::start(&["serve"], &settings)?;
    let (address, backstage) = (hub.address().await?, hub.backstage().await?);
    let schools = |first: u8| format!("query Schools {{ schools(first: {first}) {{ totalCount }} }}");
    ask(&address, &schools(1)).await?;
    let once = Figures::of(&backstage).await?;
    let statements = once.get("hub_graphql_statements_total{operation=\"Schools\"}");
    assert_eq!(statements, 2.0, "the page and its length: the sources were read just before, for all");
    for first in 2..=3 {
        ask(&address, &schools(first)).await?;
    }
    // An answer that is kept counts as well, and costs no statement.
    ask(&address, &schools(1)).await?;
    ask(&address, "{ themes { theme } }").await?;
    ask(&address, "query Broken { nothing }").await?;
    ask(&address, "{").await?;
    let wrong = ask(&address, "query Wrong { schools(first: 5, after: \"nonsense\") { totalCount } }").await?;
    ensure!(wrong.get("errors").is_some(), "{wrong}");
    assert_eq!(client().get(format!("{address}/nowhere")).send().await?.status().as_u16(), 404);
    assert_eq!(client().get(format!("{address}/metrics")).send().await?.status().as_u16(), 404);
    let form = client().post(format!("{address}/graphql")).header("content-type", "text/plain").body("{}");
    assert_eq!(form.send().await?.status().as_u16(), 415);

    let figures = Figures::of(&backstage).await?;
    let count = |name: &str| figures.get(name);
    let requests = |labels: &str| count(&format!("hub_graphql_requests_total{{{labels}}}"));
    assert_eq!(requests("operation=\"Schools\",type=\"query\",outcome=\"ok\""), 4.0);
    assert_eq!(requests("operation=\"anonymous\",type=\"query\",outcome=\"ok\""), 1.0);
    // What was not executed has no name of its own: anybody may make one up.
    assert_eq!(requests("operation=\"other\",type=\"query\",outcome=\"refused\""), 1.0);
    assert_eq!(requests("operation=\"anonymous\",type=\"unknown\",outcome=\"refused\""), 1.0);
    assert_eq!(count("hub_graphql_request_duration_seconds_count{operation=\"Schools\"}"), 4.0);
    assert_eq!(count("hub_cache_answers_total{outcome=\"hit\"}"), 1.0);
    assert_eq!(count("hub_graphql_statements_total{operation=\"Schools\"}"), 3.0 * statements);
    assert_eq!(count("hub_graphql_errors_total{code=\"GRAPHQL_PARSE_FAILED\"}"), 1.0);
    assert_eq!(count("hub_graphql_errors_total{code=\"GRAPHQL_VALIDATION_FAILED\"}"), 1.0);
    assert_eq!(count("hub_graphql_errors_total{code=\"BAD_USER_INPUT\"}"), 1.0);
    assert_eq!(count("hub_http_requests_total{route=\"/graphql\",method=\"POST\",status=\"200\"}"), 8.0);
    assert_eq!(count("hub_http_requests_total{route=\"/graphql\",method=\"POST\",status=\"415\"}"), 1.0);
    assert_eq!(count("hub_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"}"), 2.0);
    assert_eq!(count("hub_http_request_duration_seconds_count{route=\"/graphql\"}"), 9.0);
    assert_eq!(count("hub_http_refusals_total{code=\"UNSUPPORTED_MEDIA_TYPE\"}"), 1.0);
    assert_eq!(count("hub_http_refusals_total{code=\"NOT_FOUND\"}"), 2.0);
    assert_eq!(count("hub_http_requests_in_flight"), 0.0);
    ensure!(count("hub_database_statements_total{pool=\"queries\",outcome=\"ok\"}") >= 3.0 * statements);
    let most = if backend == Backend::Postgres { 16.0 } else { 4.0 };
    assert_eq!(count("hub_database_connections_max{pool=\"queries\"}"), most);
    let open = |state: &str| count(&format!("hub_database_connections{{pool=\"queries\",state=\"{state}\"}}"));
    ensure!((1.0..=most).contains(&(open("idle") + open("used"))));
    assert_eq!(count("hub_store_up"), 1.0);
    let (status, log) = hub.stop().await?;
    ensure!(status.success(), "{}", log.join("\n"));
    Ok(())
}

#[tokio::test]
async fn streams_count_while_they_are_open() -> Result<()> {
    let hub = Process::start(&["serve"], &format!("{LISTEN}{BACKSTAGE}"))?;
    let (address, backstage) = (hub.address().await?, hub.backstage().await?);
    let socket = address.strip_prefix("http://").context("an address")?.parse()?;
    let mut open = Socket::acknowledged(socket).await?;
    open.subscribe("1", "subscription Follow { changes { cursor } }", serde_json::json!({})).await?;
    let events = client().post(format!("{address}/graphql")).header("accept", "text/event-stream");
    let events = events.json(&serde_json::json!({ "query": "subscription { changes { cursor } }" })).send().await?;
    let figures = Figures::of(&backstage).await?;
    assert_eq!(figures.get("hub_streams_open{kind=\"websocket\"}"), 1.0);
    assert_eq!(figures.get("hub_streams_open{kind=\"events\"}"), 1.0);
    drop((open, events));
    for _ in 0..100 {
        let figures = Figures::of(&backstage).await?;
        if figures.all("hub_streams_open").iter().all(|(_, number)| *number == 0.0) {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("streams still count after they have ended")
}

#[tokio::test]
async fn names_that_clients_make_up_do_not_make_memory_grow() -> Result<()> {
    let settings = format!("{LISTEN}[telemetry]\noperations = 3\nlog = \"warn\"\nslow_ms = 0\n");
    let hub = Process::start(&["serve"], &settings.replace("log = \"warn\"\n", ""))?;
    let address = hub.address().await?;
    for number in 0..50 {
        ask(&address, &format!("query Name{number} {{ themes {{ theme }} }}")).await?;
    }
    let long = "a".repeat(2000);
    ask(&address, &format!("query {long} {{ themes {{ theme }} }}")).await?;
    let made_up = reqwest::Method::from_bytes(b"MADEUP")?;
    client().request(made_up, format!("{address}/graphql")).send().await?;
    // On the gateway's own address, where no other is set.
    let figures = Figures::of(&address).await?;
    let requests = figures.all("hub_graphql_requests_total");
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert_eq!(figures.get("hub_graphql_requests_total{operation=\"other\",type=\"query\",outcome=\"ok\"}"), 48.0);
    assert_eq!(figures.get("hub_http_requests_total{route=\"/graphql\",method=\"other\",status=\"405\"}"), 1.0);
    let (_, log) = hub.stop().await?;
    let slow: Vec<_> = log.iter().filter(|line| line.contains("a slow query")).collect();
    assert_eq!(slow.len(), 51, "every request is slow where none may take any time");
    ensure!(slow.iter().all(|line| line.contains("\"db.statements\":") && !line.contains("themes")), "{slow:?}");
    ensure!(slow.iter().all(|line| line.len() < 1500), "a name without end does not fill the log");
    Ok(())
}

#[tokio::test]
async fn whoever_asks_too_often_is_counted() -> Result<()> {
    let hub = Process::start(&["serve"], &format!("{LISTEN}[limits]\nrate_per_minute = 2\n"))?;
    let address = hub.address().await?;
    for _ in 0..5 {
        ask(&address, "query Often { themes { theme } }").await?;
    }
    let figures = Figures::of(&address).await?;
    assert_eq!(figures.get("hub_graphql_errors_total{code=\"RATE_LIMITED\"}"), 3.0);
    assert_eq!(figures.get("hub_graphql_requests_total{operation=\"Often\",type=\"query\",outcome=\"ok\"}"), 2.0);
    Ok(())
}
