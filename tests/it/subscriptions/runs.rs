//! `syncRuns`: runs as they begin, get on and end, whoever carries them out; for operators alone.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use async_graphql::{Executor, Request, Variables};
use chrono::DateTime;
use connectors::sandbox::{Fault, System};
use connectors::sync::RunOptions;
use futures::StreamExt;
use futures::stream::BoxStream;
use gateway::auth::Identity;
use gateway::graphql::{Caller, Graph};
use rstest::rstest;
use serde_json::{Value, json};
use tests::hub::{TestHub, engine};
use tests::store::Backend;
use tokio::time::timeout;

const QUERY: &str = "subscription ($source: String) {
    syncRuns(source: $source) { id status mode finishedAt read created refused source { id } }
}";

fn caller(scopes: &[&str]) -> Caller {
    let identity = Identity {
        issuer: "https://login.example".to_owned(),
        subject: None,
        client: None,
        organisation: "operator".parse().ok(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        expires_at: DateTime::from_timestamp(4_000_000_000, 0).expect("an instant"),
        ends: tokio::time::Instant::now() + Duration::from_secs(600),
    };
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Caller { identity: Some(Arc::new(identity)), address, ..Caller::default() }
}

/// What is told of runs.
struct Told(BoxStream<'static, async_graphql::Response>);

impl Told {
    fn to(graph: &Graph, caller: Caller, source: Option<&str>) -> Self {
        let variables = Variables::from_json(json!({ "source": source }));
        Self(graph.execute_stream(Request::new(QUERY).variables(variables).data(caller), None))
    }

    async fn next(&mut self) -> Result<Value> {
        let next = timeout(Duration::from_secs(30), self.0.next()).await.context("nothing came")?;
        Ok(serde_json::to_value(next.context("it ended")?)?)
    }

    /// The events of the next run of this source, as far as its end.
    async fn run(&mut self, source: &str) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await?["data"]["syncRuns"].take();
            if event["source"]["id"] == source {
                let is_over = event["status"] != "RUNNING";
                events.push(event);
                if is_over {
                    return Ok(events);
                }
            }
        }
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn operators_watch_runs_wherever_they_are_carried_out(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let graph = hub.graph();
    let mut all = Told::to(&graph, caller(&["sync:read"]), None);
    let mut one = Told::to(&graph, caller(&["sync:read"]), Some("housing"));
    // What has ended is not told; so the first that is told is what begins now. By another process.
    let elsewhere = engine(&hub.store.db)?;
    let (duo, housing) = (hub.source(System::Duo), hub.source(System::Housing));
    let reading = async {
        // Once they follow. A test that began too early would wait for what was told before.
        tokio::time::sleep(Duration::from_millis(500)).await;
        elsewhere.run(&duo, &RunOptions::default()).await?;
        // Slow enough to be seen under way, and how far it has come.
        hub.sandbox.fail(Fault::Slow { millis: 700 }.always().at(System::Housing));
        let report = elsewhere.run(&housing, &RunOptions { full: true, ..RunOptions::default() }).await?;
        anyhow::Ok(report)
    };
    let watching = async {
        let of_all = all.run("duo").await?;
        let of_one = one.run("housing").await?;
        let again = all.run("housing").await?;
        anyhow::Ok((of_all, of_one, again))
    };
    let (report, watched) = tokio::join!(reading, watching);
    let (report, (duo, housing, again)) = (report?, watched?);
    assert_eq!(duo.last().context("its end")?["status"], "SUCCEEDED");
    assert!(housing.len() > 2, "it begins, gets on and ends: {housing:?}");
    assert_eq!(housing[0]["status"], "RUNNING");
    assert!(housing[0]["finishedAt"].is_null());
    let read: Vec<_> = housing.iter().filter_map(|event| event["read"].as_u64()).collect();
    assert!(read.is_sorted() && read[read.len() - 2] > 0, "how far it has come is told: {read:?}");
    assert_eq!(read.last().copied(), Some(report.tally.read.into()));
    assert!(housing.iter().all(|event| event["id"] == housing[0]["id"]), "{housing:?}");
    assert_eq!(again.last(), housing.last());
    Ok(())
}

#[tokio::test]
async fn nobody_else_hears_of_runs() -> Result<()> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    let graph = hub.graph();
    for (stranger, code) in [
        (Caller::default(), "UNAUTHENTICATED"),
        (caller(&[]), "FORBIDDEN"),
        (caller(&["alliance:read", "sync:run"]), "FORBIDDEN"),
    ] {
        let mut told = Told::to(&graph, stranger, None);
        let refused = told.next().await?;
        assert_eq!(refused["errors"][0]["extensions"]["code"], code, "{refused}");
        assert!(timeout(Duration::from_secs(5), told.0.next()).await?.is_none(), "it has ended");
    }
    let mut nothing = Told::to(&graph, caller(&["sync:read"]), Some("nothing"));
    let refused = nothing.next().await?;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{refused}");
    Ok(())
}
