//! Many workers, of which some freeze.

use std::sync::Arc;

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use connectors::ErrorKind;
use connectors::sync::RunOptions;
use entity::vocabulary::SyncStatus;
use entity::{source, sync_run};
use rstest::rstest;
use sea_orm::EntityTrait;
use tests::partner::{Event, Script, Standard};
use tests::store::Backend;
use tokio::sync::Notify;

use super::bench::Bench;

#[rstest]
#[tokio::test]
async fn a_worker_that_wakes_up_after_its_lease_writes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::OneRoster, Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    bench.retitle(9, "before it froze");
    let gate = Arc::new(Notify::new());
    // The first worker's third page does not come until much later.
    bench.partner.follow(Script::new().at(3, Event::Wait(Arc::clone(&gate))));
    let frozen = bench.another()?;
    let source =
        connectors::SourceSettings { request_timeout: std::time::Duration::from_secs(60), ..bench.source.clone() };
    let full = RunOptions { full: true, ..RunOptions::default() };
    let its_source = source.clone();
    let sleeper = tokio::spawn(async move { frozen.run(&its_source, &full).await });
    while bench.partner.counters().under_way() == 0 || bench.partner.scripted() < 4 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let refused = bench.engine.run(&source, &RunOptions::default()).await.expect_err("the lease is taken");
    ensure!(refused.kind() == ErrorKind::LeaseLost);
    bench.retitle(9, "after it froze");
    let report = loop {
        bench.pass(TimeDelta::seconds(61));
        match bench.engine.run(&source, &RunOptions::default()).await {
            // It was still writing the page before, and thereby prolonged its lease.
            Err(error) if error.kind() == ErrorKind::LeaseLost => {}
            outcome => break outcome?,
        }
    };
    ensure!(report.status == SyncStatus::Succeeded, "{report:?}");
    let changes = bench.changes().await?;
    let before = source::Entity::find_by_id("partner").one(&bench.store.db).await?;
    gate.notify_one();
    let report = sleeper.await??;
    ensure!(report.status == SyncStatus::Cancelled, "{report:?}");
    ensure!(bench.changes().await? == changes);
    ensure!(source::Entity::find_by_id("partner").one(&bench.store.db).await? == before, "it wrote to its source");
    let runs = sync_run::Entity::find().all(&bench.store.db).await?;
    ensure!(runs.iter().filter(|run| run.status == SyncStatus::Cancelled).count() == 1, "{runs:?}");
    bench.must_be_equal().await
}
