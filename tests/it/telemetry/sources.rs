//! What is done with partner systems, counted: against what the systems themselves counted, and what the store kept.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use connectors::pace::Pace;
use connectors::sandbox::{Fault, System, Target};
use connectors::sync::{Engine, RunOptions, SyncSettings};
use entity::vocabulary::SyncStatus;
use entity::{Clock, Code, refusal, source, sync_run};
use gateway::telemetry::Metrics;
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use tests::hub::TestHub;
use tests::process::Process;
use tests::store::Backend;
use tokio::time::sleep;

use super::Figures;

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_worker_tells_what_it_did_with_each_source(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let sources = std::fs::read_to_string(hub.configuration(folder.path(), None)?)?;
    let worker = Process::start(&["worker"], &format!("{sources}[metrics]\nlisten = \"127.0.0.1:0\"\n"))?;
    let backstage = worker.backstage().await?;
    let ready = tests::gateway::client().get(format!("{backstage}/readyz")).send().await?;
    assert_eq!(ready.status().as_u16(), 200, "a worker has probes as well");
    let ids = ["duo", "school-boards", "housing", "partners"];
    let mut rounds = 0;
    let (figures, runs) = loop {
        let is_settled = is_settled(&hub, ids.len()).await?;
        let runs = sync_run::Entity::find().all(&hub.store.db).await?;
        let figures = Figures::of(&backstage).await?;
        let told: f64 = figures.all("hub_sync_run_duration_seconds_count").iter().map(|(_, number)| number).sum();
        if is_settled && told == f64::from(u32::try_from(runs.len())?) {
            break (figures, runs);
        }
        rounds += 1;
        if rounds > 600 {
            bail!("not every source was read: {}", worker.log().join("\n"));
        }
        sleep(Duration::from_millis(100)).await;
    };

    let counters = hub.sandbox.counters();
    let systems = [System::Duo, System::Boards, System::Housing, System::Partners];
    for (id, system) in ids.into_iter().zip(systems) {
        // More than once, where it was read before another had told what its records point to.
        let runs: Vec<_> = runs.iter().filter(|run| run.source_id == id).collect();
        for status in SyncStatus::ALL {
            let number = runs.iter().filter(|run| run.status == *status).count();
            let status = status.code().to_ascii_lowercase();
            let name = format!("hub_sync_runs_total{{source=\"{id}\",status=\"{status}\"}}");
            let all = figures.all("hub_sync_runs_total");
            let told = all.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, number)| *number);
            assert_eq!(told, f64::from(u32::try_from(number)?), "{name}");
        }
        let sum = |number: fn(&sync_run::Model) -> i32| runs.iter().map(|run| number(run)).sum::<i32>();
        for (outcome, number) in [
            ("created", sum(|run| run.created)),
            ("updated", sum(|run| run.updated)),
            ("unchanged", sum(|run| run.unchanged)),
            ("deleted", sum(|run| run.deleted)),
            ("refused", sum(|run| run.refused)),
        ] {
            let name = format!("hub_sync_records_total{{source=\"{id}\",outcome=\"{outcome}\"}}");
            assert_eq!(figures.get(&name), f64::from(number), "{name}");
        }
        let asked: f64 = figures
            .all("hub_source_requests_total")
            .iter()
            .filter(|(name, _)| name.contains(&format!("source=\"{id}\"")))
            .map(|(_, number)| number)
            .sum();
        assert_eq!(asked, f64::from(u32::try_from(counters.of(system).requests)?), "{id}");
    }
    let tokens: f64 = figures.all("hub_source_tokens_total").iter().map(|(_, number)| number).sum();
    assert_eq!(tokens, f64::from(u32::try_from(counters.token_requests)?));
    assert_eq!(figures.get("hub_sync_records_total{source=\"duo\",outcome=\"refused\"}"), 0.0);
    let (status, log) = worker.stop().await?;
    assert!(status.success(), "{}", log.join("\n"));
    Ok(())
}

/// Whether so many sources were read to their end, and none of them is due or being read.
async fn is_settled(hub: &TestHub, count: usize) -> Result<bool> {
    let sources = source::Entity::find().filter(source::Column::LastStatus.is_not_null()).all(&hub.store.db).await?;
    let now = Clock::system().now();
    let rests = |source: &source::Model| {
        source.last_status == Some(SyncStatus::Succeeded)
            && source.lease_owner.is_none()
            && source.next_run_at.is_some_and(|due| due > now)
    };
    Ok(sources.len() == count && sources.iter().all(rests))
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_source_that_fails_shows_its_retries_its_breaker_and_its_lag(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let metrics = Metrics::default();
    metrics.tell_sources(hub.store.db.clone());
    let settings = SyncSettings { retry_budget: Duration::from_secs(60), ..SyncSettings::default() };
    let observers = vec![Arc::new(metrics.clone()) as Arc<dyn connectors::sync::Observer>];
    let engine = Engine::new(hub.store.db.clone(), Clock::system(), settings, "worker", observers)?;
    let engine = engine.with_pace(hurried());
    let source = hub.source(System::Housing);
    let run = async || engine.run(&source, &RunOptions::default()).await;

    hub.sandbox.fail(Fault::Status { code: 503, retry_after: None }.always().at(Target::Housing));
    for _ in 0..3 {
        run().await?;
    }
    let figures = Figures::read(&metrics.tell().await)?;
    assert_eq!(figures.get("hub_sync_runs_total{source=\"housing\",status=\"failed\"}"), 3.0);
    // A page is asked for four times before its run fails.
    assert_eq!(figures.get("hub_source_retries_total{source=\"housing\",reason=\"server_error\"}"), 9.0);
    assert_eq!(figures.get("hub_source_requests_total{source=\"housing\",outcome=\"server_error\"}"), 12.0);
    assert_eq!(figures.get("hub_source_tokens_total{source=\"housing\",outcome=\"ok\"}"), 1.0);
    assert_eq!(figures.get("hub_source_breaker_open{source=\"housing\"}"), 1.0);
    assert_eq!(figures.get("hub_source_failures{source=\"housing\"}"), 3.0);
    assert_eq!(figures.all("hub_source_lag_seconds"), [], "nothing is known of a source that never succeeded");

    // The store is asked every few seconds at most, however often somebody asks.
    hub.sandbox.clear_faults();
    run().await?;
    let figures = Figures::read(&metrics.tell().await)?;
    assert_eq!(figures.get("hub_source_breaker_open{source=\"housing\"}"), 1.0);
    sleep(Duration::from_millis(5100)).await;
    let figures = Figures::read(&metrics.tell().await)?;
    assert_eq!(figures.get("hub_source_breaker_open{source=\"housing\"}"), 0.0);
    let fresh_for = figures.get("hub_source_fresh_for_seconds{source=\"housing\"}");
    let lag = figures.get("hub_source_lag_seconds{source=\"housing\"}");
    assert!((-fresh_for..=-fresh_for + 60.0).contains(&lag), "{lag} of {fresh_for}");
    let refused = refusal::Entity::find().filter(refusal::Column::SourceId.eq("housing")).count(&hub.store.db).await?;
    let told = figures.get("hub_source_refused_records{source=\"housing\"}");
    assert_eq!(told, f64::from(u32::try_from(refused)?));
    Ok(())
}

/// Waits for nothing.
fn hurried() -> Pace {
    Pace::from_fns(|_| Box::pin(async {}), || 0.5)
}
