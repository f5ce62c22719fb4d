//! Syncs of the simulated partner systems, over HTTP with real tokens, into both databases.

use anyhow::{Context, Result};
use connectors::sandbox::{Fault, System, Target};
use connectors::sync::{RunOptions, RunReport, Tally};
use entity::vocabulary::SyncStatus;
use entity::{Clock, change, refusal, source};
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use tests::hub::{TestHub, engine};
use tests::store::Backend;

fn full() -> RunOptions {
    RunOptions { full: true, ..RunOptions::default() }
}

fn written(reports: &[RunReport]) -> u32 {
    reports.iter().map(|report| report.tally.created + report.tally.updated + report.tally.deleted).sum()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_system_is_read_without_a_refusal(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let reports = hub.sync(&RunOptions::default()).await?;
    for report in &reports {
        assert_eq!(report.status, SyncStatus::Succeeded, "{report:?}");
        assert_eq!(report.tally.refused, 0, "{report:?}");
    }
    assert_eq!(refusal::Entity::find().count(&hub.store.db).await?, 0);
    let contents = hub.contents().await?;
    assert_eq!(contents["school"].len(), 40);
    assert_eq!(contents["need"].len(), 150);
    assert_eq!(contents["commitment"].len(), 200);
    assert_eq!(contents["housing_option"].len(), 150);
    assert_eq!(contents["housing_scheme"].len(), 4);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_same_again_writes_no_record(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let changes = change::Entity::find().count(&hub.store.db).await?;
    let contents = hub.contents().await?;
    for options in [RunOptions::default(), full()] {
        let reports = hub.sync(&options).await?;
        assert!(reports.iter().all(|report| report.status == SyncStatus::Succeeded), "{reports:?}");
        assert_eq!(written(&reports), 0, "{reports:?}");
    }
    assert_eq!(change::Entity::find().count(&hub.store.db).await?, changes);
    assert_eq!(hub.contents().await?, contents);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_next_sync_finds_what_changed(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let before = hub.contents().await?;
    hub.sandbox.edit(|sample| {
        let need = sample.needs.live().next().expect("a need").number;
        sample.needs.change(need, |need| need.overlay.set("title", "Een andere hulpvraag"));
        let home = sample.homes.live().next().expect("a home").number;
        sample.homes.remove(home);
    });
    let reports = hub.sync(&RunOptions::default()).await?;
    assert_eq!(written(&reports), 2, "{reports:?}");
    let after = hub.contents().await?;
    assert!(after["need"].iter().any(|need| need.contains("Een andere hulpvraag")));
    assert_eq!(after["housing_option"].len(), before["housing_option"].len() - 1);
    Ok(())
}

/// Reads a system once.
async fn tally_of(hub: &TestHub, system: System) -> Result<Tally> {
    Ok(hub.engine.run(&hub.source(system), &RunOptions::default()).await?.tally)
}

/// Reads a system once, and says how many of its records were set aside.
async fn refused_of(hub: &TestHub, system: System) -> Result<u32> {
    Ok(tally_of(hub, system).await?.refused)
}

async fn partners_are_due(hub: &TestHub) -> Result<bool> {
    let partners = source::Entity::find_by_id("partners").one(&hub.store.db).await?.context("no such source")?;
    Ok(partners.next_run_at.is_none_or(|due| due <= Clock::system().now()))
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn whoever_read_too_early_is_due_again_once_others_have_told(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    refused_of(&hub, System::Duo).await?;
    assert!(refused_of(&hub, System::Partners).await? > 0, "commitments to needs that nobody has told of");
    assert!(!partners_are_due(&hub).await?);
    refused_of(&hub, System::Housing).await?;
    assert!(partners_are_due(&hub).await?, "it may have been homes");
    assert!(refused_of(&hub, System::Partners).await? > 0, "it was not");

    // What was looked for in vain is not looked for again with each change of others.
    hub.sandbox.edit(|sample| {
        let home = sample.homes.live().next().expect("a home").number;
        sample.homes.change(home, |home| home.homes += 3);
    });
    assert_eq!(tally_of(&hub, System::Housing).await?.updated, 1);
    assert!(!partners_are_due(&hub).await?);

    refused_of(&hub, System::Boards).await?;
    assert!(partners_are_due(&hub).await?);
    assert_eq!(refused_of(&hub, System::Partners).await?, 0);
    assert!(!partners_are_due(&hub).await?);
    refused_of(&hub, System::Boards).await?;
    assert!(!partners_are_due(&hub).await?, "nothing waits any more");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_record_that_was_wrong_before_waits_since_it_waits(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    tally_of(&hub, System::Duo).await?;
    tally_of(&hub, System::Partners).await?;
    let waiting = refusal::Entity::find().filter(refusal::Column::Stream.eq("commitments"));
    let first = waiting.order_by_asc(refusal::Column::RecordKey).one(&hub.store.db).await?.context("a refusal")?;
    assert!(first.awaits_reference, "{first:?}");
    let came: serde_json::Value = serde_json::from_str(first.payload.as_deref().context("what came")?)?;
    let mut seen = Vec::new();
    for status in [serde_json::Value::from("NO_SUCH_STATUS"), came["status"].clone(), came["status"].clone()] {
        let change = serde_json::json!({ "kind": "commitment", "id": first.external_id, "set": { "status": status } });
        let url = format!("{}/sandbox/changes", hub.sandbox.base_url());
        assert!(connectors::api::client()?.post(url).json(&change).send().await?.status().is_success());
        hub.engine.run(&hub.source(System::Partners), &full()).await?;
        let refusal = refusal::Entity::find().filter(refusal::Column::RecordKey.eq(&first.record_key));
        seen.push(refusal.one(&hub.store.db).await?.context("it is still refused")?);
    }
    let [wrong, waits, still] = seen.as_slice() else { anyhow::bail!("three") };
    assert!(!wrong.awaits_reference && wrong.first_seen_at == first.first_seen_at, "{wrong:?}");
    assert!(waits.awaits_reference && waits.first_seen_at > first.first_seen_at, "{waits:?}");
    assert!(still.awaits_reference && still.first_seen_at == waits.first_seen_at, "{still:?}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_read_beside_others_is_due_again_if_it_was_too_early(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    refused_of(&hub, System::Duo).await?;
    let (_, refused) = tokio::try_join!(refused_of(&hub, System::Boards), refused_of(&hub, System::Partners))?;
    assert_eq!(partners_are_due(&hub).await?, refused > 0, "{refused}");
    if refused > 0 {
        assert_eq!(refused_of(&hub, System::Partners).await?, 0);
        assert!(!partners_are_due(&hub).await?);
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let dry = RunOptions { dry_run: true, ..RunOptions::default() };
    let report = hub.engine.run(&hub.source(System::Duo), &dry).await?;
    assert_eq!((report.status, report.tally.created), (SyncStatus::Succeeded, 43), "{report:?}");
    assert!(hub.contents().await?["school"].is_empty());
    Ok(())
}

/// On SQLite only: a run that is dropped inside this process leaves its transaction open on PostgreSQL until the pool
/// looks at the connection again, which a killed process does not.
#[tokio::test]
async fn a_run_that_is_cut_off_leaves_the_store_as_if_it_had_not_been() -> Result<()> {
    let backend = Backend::Sqlite;
    let Some(whole) = TestHub::start(backend).await? else { return Ok(()) };
    whole.sync(&RunOptions::default()).await?;
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    for source in hub.sources() {
        // The run is dropped wherever it happens to be, as a kill would: first at once, then later and later.
        for millis in [1, 5, 20, 60] {
            let engine = engine(&hub.store.db)?;
            let options = RunOptions::default();
            let run = engine.run(&source, &options);
            let _ = tokio::time::timeout(std::time::Duration::from_millis(millis), run).await;
            release(&hub).await?;
        }
        let report = hub.engine.run(&source, &RunOptions::default()).await?;
        assert_eq!(report.status, SyncStatus::Succeeded, "{report:?}");
    }
    assert_eq!(hub.contents().await?, whole.contents().await?);
    let created = change::Entity::find().all(&hub.store.db).await?;
    let mut seen = std::collections::HashSet::new();
    for change in created.iter().filter(|change| change.action == entity::vocabulary::ChangeAction::Created) {
        assert!(seen.insert(change.record_id), "a record was created twice in the feed");
    }
    Ok(())
}

/// What time does to the lease of a worker that is gone.
async fn release(hub: &TestHub) -> Result<()> {
    use entity::source;
    use sea_orm::sea_query::Expr;
    source::Entity::update_many()
        .col_expr(source::Column::LeaseUntil, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
        .exec(&hub.store.db)
        .await?;
    Ok(())
}

#[rstest]
#[case::wrong_secret(Fault::Refused.always().at(Target::Token), "token endpoint")]
#[case::html(Fault::HtmlPage.always().at(System::Housing), "HTML page")]
#[case::too_large(Fault::OversizedBody { bytes: 20_000_000 }.always().at(System::Housing), "larger than")]
#[case::cut_off(Fault::TruncatedJson.always().at(System::Housing), "breaks off")]
#[case::failing(Fault::Status { code: 500, retry_after: None }.always().at(System::Housing), "500")]
#[tokio::test]
async fn a_failing_system_keeps_its_records_and_harms_no_other(
    #[case] plan: connectors::sandbox::FaultPlan,
    #[case] sentence: &str,
) -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let before = hub.contents().await?;
    hub.sandbox.forget_tokens();
    hub.sandbox.fail(plan);
    // A new engine, whose tokens are not from before.
    let report = engine(&hub.store.db)?.run(&hub.source(System::Housing), &full()).await?;
    assert_eq!(report.status, SyncStatus::Failed, "{report:?}");
    let error = report.error.expect("a sentence");
    assert!(error.contains(sentence), "{error}");
    assert_eq!(hub.contents().await?, before);
    hub.sandbox.clear_faults();
    let report = engine(&hub.store.db)?.run(&hub.source(System::Housing), &full()).await?;
    assert_eq!(report.status, SyncStatus::Succeeded, "{report:?}");
    Ok(())
}

#[tokio::test]
async fn an_unreachable_system_is_told_of_in_a_sentence() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    let mut source = hub.source(System::Housing);
    source.oauth = None;
    source.base_url = Some("http://127.0.0.1:1/".parse()?);
    let report = hub.engine.run(&source, &RunOptions::default()).await?;
    assert_eq!(report.status, SyncStatus::Failed);
    assert!(report.error.as_deref().is_some_and(|error| error.contains("cannot be reached")), "{report:?}");
    Ok(())
}

#[tokio::test]
async fn a_missing_column_is_named_with_those_that_are_there() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    hub.sandbox.fail(Fault::MissingColumn { column: "VESTIGINGSNAAM".to_owned() }.always().at(System::Duo));
    let report = hub.engine.run(&hub.source(System::Duo), &RunOptions::default()).await?;
    assert_eq!(report.status, SyncStatus::Failed, "{report:?}");
    let error = report.error.expect("a sentence");
    assert!(error.contains("VESTIGINGSNAAM") && error.contains("GEMEENTENUMMER"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_token_is_fetched_once_and_once_more_when_it_is_refused() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    hub.engine.run(&hub.source(System::Duo), &RunOptions::default()).await?;
    assert_eq!(hub.sandbox.counters().tokens_issued, 1);
    hub.engine.run(&hub.source(System::Partners), &RunOptions::default()).await?;
    assert_eq!(hub.sandbox.counters().tokens_issued, 2);
    hub.sandbox.forget_tokens();
    let report = hub.engine.run(&hub.source(System::Partners), &full()).await?;
    assert_ne!(report.status, SyncStatus::Failed, "{report:?}");
    assert_eq!(hub.sandbox.counters().tokens_issued, 3);
    Ok(())
}
