//! Every fault, in the shape of every standard, on both databases.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use connectors::sync::RunOptions;
use entity::vocabulary::SyncStatus;
use rstest::rstest;
use tests::partner::{Event, Fault, Script, Standard};
use tests::store::Backend;

use super::bench::{Bench, RECORDS};

/// Faults that last, how a run ends by each, and a word of what the operator reads.
const LASTING: [(Fault, SyncStatus, &str); 12] = [
    (Fault::Status(500, None), SyncStatus::Failed, "500"),
    (Fault::Status(429, None), SyncStatus::Failed, "fewer requests"),
    (Fault::Status(403, None), SyncStatus::Failed, "may not be read"),
    (Fault::Status(401, None), SyncStatus::Failed, "token"),
    (Fault::Status(302, None), SyncStatus::Failed, "redirects"),
    (Fault::Broken, SyncStatus::Failed, "broke off"),
    (Fault::Truncated, SyncStatus::Failed, "breaks off"),
    (Fault::Html, SyncStatus::Failed, "HTML page"),
    (Fault::Bomb, SyncStatus::Failed, "larger than"),
    (Fault::Oversized, SyncStatus::Failed, "larger than"),
    (Fault::Silence, SyncStatus::Failed, "did not answer"),
    (Fault::Drip, SyncStatus::Failed, "did not answer"),
];

#[rstest]
#[tokio::test]
async fn a_fault_that_lasts_loses_nothing_and_leaves_nothing_behind(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::OneRoster, Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(mut bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    let mut changes = bench.changes().await?;
    for (number, (fault, status, words)) in LASTING.into_iter().enumerate() {
        bench.retitle(3, &format!("after {number}"));
        bench.patience(&fault);
        bench.partner.follow(Script::new().always(fault.clone()));
        let full = RunOptions { full: true, ..RunOptions::default() };
        let report = bench.run_with(&full).await?;
        ensure!(report.status == status && report.tally.deleted == 0, "{fault:?}: {report:?}");
        ensure!(report.error.as_ref().is_some_and(|error| error.contains(words)), "{fault:?}: {report:?}");
        ensure!(bench.stored().await? == RECORDS, "{fault:?} lost records");
        bench.partner.follow(Script::new());
        bench.patience(&Fault::Empty);
        let report = bench.run().await?;
        ensure!(report.status == SyncStatus::Succeeded, "after {fault:?}: {report:?}");
        bench.must_be_equal().await?;
        changes += 3;
        ensure!(bench.changes().await? == changes, "{fault:?} led to changes too many");
    }
    Ok(())
}

/// Faults of one page in the middle, which a run gets over by itself, or which the next one mends.
const PASSING: [Fault; 9] = [
    Fault::Status(503, None),
    Fault::Broken,
    Fault::Silence,
    Fault::Repeated,
    Fault::Reordered,
    Fault::SamePage,
    Fault::Total(40),
    Fault::Total(-6),
    Fault::Empty,
];

#[rstest]
#[tokio::test]
async fn a_fault_in_the_middle_is_mended_by_the_next_full_reading(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::OneRoster, Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(mut bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    let mut changes = bench.changes().await?;
    for (number, fault) in PASSING.into_iter().enumerate() {
        bench.retitle(7, &format!("after {number}"));
        bench.patience(&fault);
        // Which of a full reading's requests is the second page of records differs by standard.
        let second = if standard == Standard::OneRoster || standard == Standard::Vera { 2 } else { 1 };
        bench.partner.follow(Script::new().fault_at(second, fault.clone()));
        let full = RunOptions { full: true, ..RunOptions::default() };
        let report = bench.run_with(&full).await?;
        ensure!(report.tally.deleted == 0, "{fault:?}: {report:?}");
        bench.partner.follow(Script::new());
        bench.patience(&Fault::Empty);
        let report = bench.run_with(&full).await?;
        ensure!(report.status == SyncStatus::Succeeded, "after {fault:?}: {report:?}");
        bench.must_be_equal().await?;
        changes += 7;
        ensure!(bench.changes().await? == changes, "{fault:?} led to changes too many");
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn records_that_come_and_go_while_a_full_reading_pages_are_neither_lost_nor_doubled(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    let changes = bench.changes().await?;
    let second = if standard == Standard::Vera { 2 } else { 1 };
    // The first record goes between two pages: what stood first on the second page now stands on the first.
    let remove = Event::Edit(Box::new(|entries| drop(entries.remove(0))));
    bench.partner.follow(Script::new().at(second, remove));
    let report = bench.run().await?;
    ensure!(report.status == SyncStatus::Succeeded, "{report:?}");
    let report = bench.run().await?;
    ensure!(report.status == SyncStatus::Succeeded, "{report:?}");
    bench.must_be_equal().await?;
    ensure!(bench.changes().await? == changes + 1, "only one record went");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_token_refused_in_mid_run_is_replaced_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::OneRoster, Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    let tokens = || bench.partner.counters().tokens.load(std::sync::atomic::Ordering::SeqCst);
    ensure!(tokens() == 1);
    bench.partner.follow(Script::new().at(1, Event::Revoke));
    let full = RunOptions { full: true, ..RunOptions::default() };
    let report = bench.run_with(&full).await?;
    ensure!(report.status == SyncStatus::Succeeded, "{report:?}");
    ensure!(tokens() == 2, "{} tokens", tokens());
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_token_endpoint_that_fails_or_refuses_is_told_for_what_it_is(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, Standard::Hsds).await? else { return Ok(()) };
    let tokens = || bench.partner.counters().tokens.load(std::sync::atomic::Ordering::SeqCst);
    for (status, asked, words) in [(503, 4, "failed with status 503"), (401, 1, "unexpected answer")] {
        bench.partner.revoke_tokens();
        bench.partner.follow(Script::new().token_always(Fault::Status(status, None)));
        let before = tokens();
        let report = bench.run().await?;
        ensure!(report.error.as_ref().is_some_and(|error| error.contains(words)), "{report:?}");
        ensure!(tokens() - before == asked, "{} tokens asked for", tokens() - before);
        bench.partner.follow(Script::new());
        bench.pass(TimeDelta::hours(1));
        ensure!(bench.run().await?.status == SyncStatus::Succeeded);
    }
    bench.must_be_equal().await
}
