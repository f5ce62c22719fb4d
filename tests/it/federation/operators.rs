//! What operators are told of partners' graphs in GraphQL: the same as by the command, and who else asks nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_graphql::{Executor, Request};
use chrono::{DateTime, TimeDelta, Utc};
use connectors::settings::SubgraphSettings;
use entity::Clock;
use gateway::auth::Identity;
use gateway::config::{FederationSettings, LimitSettings};
use gateway::federation::Federation;
use gateway::graphql::Caller;
use gateway::telemetry::Metrics;
use rstest::rstest;
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::store::Backend;
use tests::subgraph::{Mood, TestSubgraph};
use tests::until;
use tokio_util::sync::CancellationToken;

use super::joined::workshops;

const QUERY: &str =
    "{ subgraphs { name url state schemaHash liveSince fetchedAt fetchError compositionError breaker } }";

/// Somebody whose token has these scopes.
pub(super) fn with_scopes(scopes: &[&str]) -> Caller {
    let identity = Identity {
        issuer: "https://login.example.nl".to_owned(),
        subject: None,
        client: None,
        organisation: None,
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        expires_at: Clock::system().now() + TimeDelta::hours(1),
        ends: tokio::time::Instant::now() + Duration::from_secs(3_600),
    };
    Caller { identity: Some(Arc::new(identity)), ..Caller::default() }
}

async fn ask(executor: &impl Executor, caller: Caller) -> Value {
    serde_json::to_value(executor.execute(Request::new(QUERY).data(caller)).await).expect("an answer")
}

/// The one subgraph, as an operator is told of it.
async fn one(executor: &impl Executor) -> Value {
    ask(executor, with_scopes(&["sync:read"])).await["data"]["subgraphs"][0].take()
}

fn instant(value: &Value) -> Result<DateTime<Utc>> {
    Ok(value.as_str().context("an instant")?.parse()?)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn operators_are_told_why_a_partners_newest_schema_is_kept_out(#[case] backend: Backend) -> Result<()> {
    const LINK: &str = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.9\", import: [\"@key\"])\n";
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let began = Clock::system().now() - TimeDelta::seconds(1);
    let partner = TestSubgraph::serve(workshops()).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("workshops.graphql");
    let write = |text: &str| std::fs::write(&file, format!("{LINK}{text}"));
    let good = "type Query { lessons: Int } type School @key(fields: \"brin\") { brin: String! lessons: Int }";
    write(good)?;
    let url = partner.settings("w").url;
    let settings: SubgraphSettings = serde_json::from_value(json!({
        "name": "workshops", "url": url, "schema": file, "retries": 0,
        "breaker": { "failures": 1, "open_for": "3600s" },
    }))?;
    let federating = FederationSettings { poll_secs: 1, ..FederationSettings::default() };
    let graph = hub.graph_within(&LimitSettings::default());
    let shutdown = CancellationToken::new();
    let federation = Federation::of(graph, &federating, &Metrics::default());
    let (federation, _) = federation.joined(&[settings], shutdown.clone()).await?;
    let _guard = shutdown.drop_guard();
    let live = one(&federation).await;
    assert_eq!((&live["name"], &live["url"], &live["state"]), (&json!("workshops"), &json!(url), &json!("LIVE")));
    assert_eq!(live["breaker"], "CLOSED", "{live}");
    assert!(live["fetchError"].is_null() && live["compositionError"].is_null(), "{live}");
    assert!(live["schemaHash"].as_str().is_some_and(|hash| hash.len() == 12), "{live}");
    assert!(instant(&live["liveSince"])? > began && instant(&live["fetchedAt"])? > began, "{live}");
    // A partner that fails is left alone, and is live all the same.
    partner.be(Mood::Down);
    federation.execute(Request::new("{ lessons }")).await;
    let left = one(&federation).await;
    assert_eq!((&left["breaker"], &left["state"]), (&json!("OPEN"), &json!("LIVE")), "{left}");
    // `name` is the hub's, and nobody says that it is shared.
    write(&good.replace("lessons: Int }", "lessons: Int name: String! }").replacen("name: String!", "more: Int", 1))?;
    until("it is told why", async || one(&federation).await["compositionError"].is_string()).await?;
    let kept_out = one(&federation).await;
    let why = kept_out["compositionError"].as_str().context("why")?;
    assert!(why.contains("School.name"), "it names the type and the field: {why}");
    assert_eq!(kept_out["state"], "LIVE_AS_BEFORE", "{kept_out}");
    for same in ["liveSince", "schemaHash"] {
        assert_eq!(kept_out[same], live[same], "{kept_out}");
    }
    // It tells its schema all the while, until it does not.
    let fetched = instant(&kept_out["fetchedAt"])?;
    until("it is fetched again", async || {
        instant(&one(&federation).await["fetchedAt"]).is_ok_and(|again| again > fetched)
    })
    .await?;
    assert_eq!(one(&federation).await["fetchError"], Value::Null);
    std::fs::remove_file(&file)?;
    until("it is told that it is silent", async || one(&federation).await["fetchError"].is_string()).await?;
    let silent = one(&federation).await;
    assert!(silent["fetchError"].as_str().is_some_and(|why| why.contains("cannot be read")), "{silent}");
    assert_eq!(silent["compositionError"], why, "one says nothing of the other");
    Ok(())
}

#[tokio::test]
async fn who_may_not_read_of_runs_is_told_nothing_of_partners() -> Result<()> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    let graph = hub.graph_within(&LimitSettings::default());
    // A hub that is joined with nobody has none.
    let nobodys = ask(&graph, with_scopes(&["sync:read"])).await;
    assert_eq!(nobodys["data"], json!({ "subgraphs": [] }), "{nobodys}");
    let partner = TestSubgraph::serve(workshops()).await?;
    let federation = Federation::of(graph, &FederationSettings::default(), &Metrics::default());
    let (federation, _) = federation.joined(&[partner.settings("workshops")], CancellationToken::new()).await?;
    ensure!(federation.is_joined());
    for (caller, code) in [(Caller::default(), "UNAUTHENTICATED"), (with_scopes(&["sync:run"]), "FORBIDDEN")] {
        let answer = ask(&federation, caller).await;
        assert_eq!(answer["data"]["subgraphs"], Value::Null, "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
    }
    let before = partner.asked();
    assert_eq!(one(&federation).await["state"], "LIVE");
    assert_eq!(partner.asked(), before, "nobody is asked");
    Ok(())
}
