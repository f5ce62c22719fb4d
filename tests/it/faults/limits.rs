//! How long a source is waited for, how often it is asked, and how much it may take away.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use connectors::SourceSettings;
use connectors::sync::RunOptions;
use entity::source;
use entity::vocabulary::SyncStatus;
use rstest::rstest;
use sea_orm::EntityTrait;
use tests::partner::{Fault, Script, Standard};
use tests::store::Backend;

use super::bench::{Bench, RECORDS};

#[rstest]
#[tokio::test]
async fn a_source_that_says_how_long_to_wait_is_waited_for_exactly_so_long(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, Standard::Vera).await? else { return Ok(()) };
    bench.waited();
    bench.partner.follow(Script::new().fault_at(1, Fault::Status(429, Some("7".to_owned()))));
    ensure!(bench.run().await?.status == SyncStatus::Succeeded);
    assert_eq!(bench.waited(), [Duration::from_secs(7)]);

    #[expect(clippy::disallowed_methods, reason = "the partner's web server tells the machine's time")]
    let soon = SystemTime::now() + Duration::from_secs(20);
    let date = axum::http::HeaderValue::from_str(&httpdate::fmt_http_date(soon))?.to_str()?.to_owned();
    bench.partner.follow(Script::new().fault_at(1, Fault::Status(503, Some(date))));
    ensure!(bench.run().await?.status == SyncStatus::Succeeded);
    let waited = bench.waited();
    ensure!(waited.len() == 1 && (18..=20).contains(&waited[0].as_secs()), "{waited:?}");

    // Longer than a run should last: the next run is not due earlier.
    bench.partner.follow(Script::new().always(Fault::Status(429, Some("3000".to_owned()))));
    ensure!(bench.run().await?.status == SyncStatus::Failed);
    let row = source::Entity::find_by_id("partner").one(&bench.store.db).await?.expect("the source");
    ensure!(row.next_run_at.is_some_and(|at| at - bench.now() >= chrono::TimeDelta::seconds(3000)), "{row:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_source_that_fails_again_and_again_is_asked_once_a_run_until_it_answers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, Standard::Vera).await? else { return Ok(()) };
    let requests = || bench.partner.counters().requests.load(Ordering::SeqCst);
    bench.partner.follow(Script::new().always(Fault::Status(500, None)));
    let mut asked = Vec::new();
    for _ in 0..5 {
        let before = requests();
        ensure!(bench.run().await?.status == SyncStatus::Failed);
        asked.push(requests() - before);
    }
    assert_eq!(asked, [4, 4, 4, 1, 1]);
    // Another worker knows it, too.
    let before = requests();
    bench.another()?.run(&bench.source, &RunOptions::default()).await?;
    ensure!(requests() - before == 1);
    bench.partner.follow(Script::new());
    ensure!(bench.run().await?.status == SyncStatus::Succeeded);
    let row = source::Entity::find_by_id("partner").one(&bench.store.db).await?.expect("the source");
    ensure!(row.failures == 0);
    Ok(())
}

#[tokio::test]
async fn requests_are_spread_over_the_minute_as_configured() -> Result<()> {
    let Some(bench) = Bench::start(Backend::Sqlite, Standard::Vera).await? else { return Ok(()) };
    bench.waited();
    let source = SourceSettings { requests_per_minute: Some(30), ..bench.source.clone() };
    bench.engine.run(&source, &RunOptions::default()).await?;
    bench.engine.run(&source, &RunOptions::default()).await?;
    // Four requests a run: the first leaves at once, each other two seconds after the one before it.
    assert_eq!(bench.waited(), [Duration::from_secs(2); 7]);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_drop_beyond_the_allowed_share_deletes_nothing_until_somebody_says_so(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::Hsds, Standard::Vera)] standard: Standard,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    bench.partner.edit(|entries| entries.truncate(RECORDS - 6));
    for _ in 0..2 {
        let report = bench.run().await?;
        ensure!(report.status == SyncStatus::Held && report.tally.deleted == 0, "{report:?}");
        ensure!(report.error.as_ref().is_some_and(|error| error.contains("hub sync partner --allow-mass-delete")));
        ensure!(bench.stored().await? == RECORDS);
    }
    let allowed = RunOptions { allow_mass_delete: true, ..RunOptions::default() };
    let report = bench.run_with(&allowed).await?;
    ensure!(report.status == SyncStatus::Succeeded && report.tally.deleted == 6, "{report:?}");
    bench.must_be_equal().await?;
    // Few enough to go by themselves, but not all there are.
    bench.partner.edit(|entries| entries.truncate(3));
    ensure!(bench.run().await?.tally.deleted == 3);
    bench.partner.edit(Vec::clear);
    ensure!(bench.run().await?.status == SyncStatus::Held);
    ensure!(bench.stored().await? == 3);
    Ok(())
}
