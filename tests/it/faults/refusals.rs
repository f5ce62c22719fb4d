//! Records that cannot be taken, and records that change their form.

use anyhow::{Result, ensure};
use connectors::SourceSettings;
use connectors::settings::Drift;
use connectors::sync::RunOptions;
use entity::refusal;
use entity::vocabulary::SyncStatus;
use rstest::rstest;
use sea_orm::EntityTrait;
use tests::partner::{Fault, Script, Standard};
use tests::store::Backend;

use super::bench::{Bench, RECORDS};

#[rstest]
#[tokio::test]
async fn a_refused_record_keeps_what_it_was_and_is_taken_once_it_is_right(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::OneRoster, Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    bench.retitle(3, "wrong");
    bench.partner.edit(|entries| entries.iter_mut().take(3).for_each(|entry| entry.invalid = true));
    let full = RunOptions { full: true, ..RunOptions::default() };
    let report = bench.run_with(&full).await?;
    // Three of twelve, and the two that they belong to, are more than a tenth.
    ensure!(report.status == SyncStatus::Partial && report.tally.refused == 3, "{report:?}");
    ensure!(bench.stored().await? == RECORDS);
    let first = refusal::Entity::find().all(&bench.store.db).await?;
    ensure!(first.len() == 3);
    for refusal in &first {
        let payload = refusal.payload.as_deref().unwrap_or_default();
        ensure!(!payload.contains("iemand@") && !refusal.reasons.0.is_empty(), "{refusal:?}");
    }
    bench.run_with(&full).await?;
    let again = refusal::Entity::find().all(&bench.store.db).await?;
    ensure!(again.len() == 3 && again[0].first_seen_at < again[0].last_seen_at, "{again:?}");
    bench.retitle(3, "right");
    bench.partner.edit(|entries| entries.iter_mut().for_each(|entry| entry.invalid = false));
    let report = bench.run().await?;
    ensure!(report.status == SyncStatus::Succeeded && report.tally.updated == 3, "{report:?}");
    ensure!(refusal::Entity::find().all(&bench.store.db).await?.is_empty());
    bench.must_be_equal().await
}

#[rstest]
#[tokio::test]
async fn an_identifier_used_twice_is_refused_or_the_later_one_counts_and_nothing_is_doubled(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::OneRoster, Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    bench.partner.follow(Script::new().always(Fault::Contradiction));
    let full = RunOptions { full: true, ..RunOptions::default() };
    for _ in 0..2 {
        let report = bench.run_with(&full).await?;
        ensure!(standard == Standard::OneRoster || report.tally.refused > 0, "{report:?}");
        ensure!(bench.stored().await? == RECORDS);
        let refusals = refusal::Entity::find().all(&bench.store.db).await?;
        ensure!(refusals.len() == usize::try_from(report.tally.refused)?, "{refusals:?}");
    }
    bench.partner.follow(Script::new());
    ensure!(bench.run_with(&full).await?.status == SyncStatus::Succeeded);
    ensure!(refusal::Entity::find().all(&bench.store.db).await?.is_empty());
    bench.must_be_equal().await
}

#[rstest]
#[tokio::test]
async fn records_of_another_form_are_taken_and_told_of_or_refused_as_configured(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::OneRoster, Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    let full = RunOptions { full: true, ..RunOptions::default() };
    bench.retitle(2, "in another form");
    bench.partner.follow(Script::new().always(Fault::Drifted));
    let strict = SourceSettings { drift: Drift::Refuse, ..bench.source.clone() };
    let report = bench.engine.run(&strict, &full).await?;
    ensure!(report.status == SyncStatus::Partial, "{report:?}");
    ensure!(usize::try_from(report.tally.refused)? == RECORDS && report.tally.updated == 0, "{report:?}");
    let refusals = refusal::Entity::find().all(&bench.store.db).await?;
    ensure!(refusals.iter().all(|refusal| refusal.reasons.0[0].contains("`nieuw` is new")), "{refusals:?}");
    ensure!(bench.stored().await? == RECORDS);

    let report = bench.run_with(&full).await?;
    ensure!(report.status == SyncStatus::Succeeded && report.tally.updated == 2, "{report:?}");
    ensure!(report.drift.len() == 1 && report.drift[0].contains("`nieuw` is new"), "{report:?}");
    bench.must_be_equal().await?;
    // It is the known form now, and going back is a change of its own.
    ensure!(bench.engine.run(&strict, &full).await?.status == SyncStatus::Succeeded);
    ensure!(bench.run_with(&full).await?.drift.is_empty());
    bench.partner.follow(Script::new());
    let report = bench.run_with(&full).await?;
    ensure!(report.drift.len() == 1 && report.drift[0].contains("`nieuw` is gone"), "{report:?}");
    Ok(())
}
