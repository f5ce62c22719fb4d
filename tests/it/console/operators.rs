//! What operators see of sources and do with them: runs, refusals with their reasons, and a run that waits for their word.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use connectors::sync::RunOptions;
use entity::sync_run;
use entity::vocabulary::SyncStatus;
use gateway::config::Anonymous;
use reqwest::StatusCode;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use tests::hub::TestHub;

use super::sign_in::{Browser, field, location, open};

/// Has the housing system lose most of its homes from one moment to the next.
pub(super) fn lose_homes(hub: &TestHub) {
    hub.sandbox.edit(|sample| {
        let homes: Vec<_> = sample.homes.live().map(|home| home.number).collect();
        for home in homes.iter().skip(2) {
            sample.homes.purge(*home);
        }
    });
}

/// The last run of a source, once it has come to an end.
async fn ended(hub: &TestHub, source: &str, runs: usize) -> Result<sync_run::Model> {
    for _ in 0..1_000 {
        let all = sync_run::Entity::find()
            .filter(sync_run::Column::SourceId.eq(source))
            .order_by_desc(sync_run::Column::StartedAt)
            .all(&hub.store.db)
            .await?;
        if let Some(run) = all.first().filter(|run| all.len() >= runs && run.status != SyncStatus::Running) {
            return Ok(run.clone());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the run has not ended")
}

#[tokio::test]
async fn operators_see_what_was_read_and_what_could_not_be_taken() -> Result<()> {
    let (hub, gateway) = open(Anonymous::Public).await?;
    hub.sandbox.edit(|sample| {
        let need = sample.needs.live().next().map(|need| need.number).unwrap_or_default();
        sample.needs.change(need, |need| need.overlay.set("urgency", "<b>vandaag</b>"));
    });
    hub.sync(&RunOptions::default()).await?;
    let mut operator = Browser::new(&gateway);
    for path in ["/sources", "/sources/school-boards"] {
        let public = operator.get(path).await?.text().await?;
        assert!(public.contains("school-boards") && !public.contains("Laatste keer") && !public.contains("data-live"));
    }
    assert_eq!(operator.get("/sources/nothing").await?.status(), StatusCode::NOT_FOUND);
    operator.sign_in("demo-operator", "/sources").await?;
    let html = operator.get("/sources").await?.text().await?;
    assert!(html.contains("Laatste keer") && html.contains("Nu lezen") && html.contains("ConsoleRuns"));
    let page = operator.get("/sources/school-boards").await?.text().await?;
    assert!(page.contains("Wat niet kon worden overgenomen") && page.contains("Alles opnieuw lezen"), "{page}");
    assert!(page.contains("urgency") && page.contains("&#60;b&#62;vandaag") && !page.contains("<b>"), "{page}");
    let refused = operator.post("/sources", &[("token", "AAAA"), ("source", "duo")]).await?;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let token = field(&html, "token")?;
    let unknown = operator.post("/sources", &[("token", token), ("source", "nothing")]).await?;
    assert!(unknown.status().is_client_error(), "{}", unknown.status());
    // A board sees what everybody sees.
    let mut board = Browser::new(&gateway);
    board.sign_in("demo-board", "/sources").await?;
    let html = board.get("/sources/school-boards").await?.text().await?;
    assert!(!html.contains("Wat niet kon worden overgenomen") && !html.contains("Nu lezen"));
    let forced = board.post("/sources", &[("token", field(&html, "token")?), ("source", "duo")]).await?;
    assert!(forced.status().is_client_error(), "{}", forced.status());
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_held_waits_for_an_operator_who_says_that_it_is_right() -> Result<()> {
    let (hub, gateway) = open(Anonymous::Public).await?;
    let before = hub.contents().await?["housing_option"].len();
    lose_homes(&hub);
    let mut operator = Browser::new(&gateway);
    operator.sign_in("demo-operator", "/sources/housing").await?;
    let html = operator.get("/sources/housing").await?.text().await?;
    assert!(!html.contains("name=\"release\""), "nothing waits");
    let form = [("token", field(&html, "token")?), ("source", "housing"), ("mode", "FULL")];
    let led = operator.post("/sources", &form).await?;
    assert_eq!((led.status(), location(&led)?), (StatusCode::SEE_OTHER, "/sources/housing"));
    let held = ended(&hub, "housing", 2).await?;
    assert_eq!((held.status, held.deleted), (SyncStatus::Held, 0), "{held:?}");
    assert_eq!(hub.contents().await?["housing_option"].len(), before, "nothing was deleted");
    let html = operator.get("/sources/housing").await?.text().await?;
    let why = held.error.context("why it waits")?;
    let told = why.split(';').next().context("a reason")?;
    assert!(html.contains("wacht op uw besluit") && html.contains("name=\"release\""), "{html}");
    assert!(html.contains(told.split('`').next_back().context("a count")?), "{told}");
    assert!(operator.get("/sources").await?.text().await?.contains("/sources/housing#held"));
    // To read again without that word deletes nothing.
    operator.post("/sources", &form).await?;
    assert_eq!(ended(&hub, "housing", 3).await?.status, SyncStatus::Held);

    let html = operator.get("/sources/housing").await?.text().await?;
    let form = [("token", field(&html, "token")?), ("source", "housing"), ("release", "yes")];
    assert_eq!(operator.post("/sources", &form).await?.status(), StatusCode::SEE_OTHER);
    let released = ended(&hub, "housing", 4).await?;
    assert!(released.status == SyncStatus::Succeeded && released.deleted > 0, "{released:?}");
    assert!(hub.contents().await?["housing_option"].len() < before);
    let html = operator.get("/sources/housing").await?.text().await?;
    assert!(!html.contains("wacht op uw besluit"));
    Ok(())
}
