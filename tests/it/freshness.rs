//! Answers say how complete they are, kept ones too: what they say of sources is as the sources are, though nothing else
//! of them has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_graphql::Request;
use chrono::TimeDelta;
use connectors::sandbox::{Fault, System};
use connectors::sync::{Engine, RunOptions, SyncSettings};
use entity::Clock;
use gateway::config::{CacheSettings, LimitSettings};
use gateway::graphql::{Answered, Answering, Graph};
use rstest::rstest;
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::store::Backend;
use tokio::time::{Instant, sleep};

/// Far longer than what is said of sources may be late.
const PATIENCE: Duration = Duration::from_secs(30);
const HOMES: &str = "{ housingOptions(first: 3) { totalCount nodes { title } } }";

async fn ask(graph: &Graph) -> Result<(Value, bool)> {
    let (answer, kept) = match graph.answer(Request::new(HOMES)).await {
        Answered::Response(response) => (serde_json::to_value(response)?, false),
        Answered::Kept(kept, _) => (serde_json::from_slice(&kept.body)?, true),
    };
    ensure!(answer.get("errors").is_none_or(Value::is_null), "{answer}");
    Ok((answer, kept))
}

/// Asks until the answer says this of the housing system (`None`: nothing), and a kept one says so too.
async fn until(graph: &Graph, health: Option<&str>) -> Result<()> {
    let (began, mut last) = (Instant::now(), Value::Null);
    let mut given = 0;
    while began.elapsed() < PATIENCE {
        let hits = graph.figures().context("a cache")?.hits;
        let (answer, _) = ask(graph).await?;
        let freshness = &answer["extensions"]["freshness"];
        let sources = freshness["sources"].as_array().context("sources")?;
        let said = sources.iter().find(|source| source["id"] == "housing").map(|source| source["health"].clone());
        let as_expected =
            said == health.map(|health| json!(health)) && freshness["complete"] == json!(health.is_none());
        given += u32::from(as_expected && graph.figures().context("a cache")?.hits > hits);
        if given >= 3 {
            return Ok(());
        }
        last = freshness.clone();
        sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("{health:?} was never said by kept answers: {last}")
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_kept_answer_says_when_a_source_is_late_failing_and_well_again(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let seconds = Arc::new(AtomicI64::new(0));
    let (passed, system) = (Arc::clone(&seconds), Clock::system());
    let clock = Clock::from_fn(move || system.now() + TimeDelta::seconds(passed.load(Ordering::Relaxed)));
    let db = hub.store.db.clone();
    let engine = Engine::new(db.clone(), clock.clone(), SyncSettings::default(), "worker", Vec::new())?;
    let run = async |source: &connectors::SourceSettings| engine.run(source, &RunOptions::default()).await;
    for source in hub.sources() {
        run(&source).await?;
    }
    let graph = Graph::new(db, clock, hub.feed.clone(), &LimitSettings::default());
    let graph = graph.caching(&CacheSettings::default(), None);
    let housing = hub.source(System::Housing);

    until(&graph, None).await?;
    let whole = ask(&graph).await?.0["data"].clone();
    // Time alone makes it late: nothing is written anywhere.
    let fresh_for = i64::try_from(housing.fresh_for.as_secs())?;
    seconds.fetch_add(fresh_for + 1, Ordering::Relaxed);
    until(&graph, Some("LATE")).await?;
    run(&housing).await?;
    until(&graph, None).await?;
    hub.sandbox.fail(Fault::Refused.always().at(connectors::sandbox::Target::Token));
    hub.sandbox.forget_tokens();
    seconds.fetch_add(4_000, Ordering::Relaxed);
    run(&housing).await?;
    until(&graph, Some("FAILING")).await?;
    hub.sandbox.clear_faults();
    run(&housing).await?;
    until(&graph, None).await?;
    ensure!(ask(&graph).await?.0["data"] == whole, "what it says of records has changed");
    Ok(())
}
