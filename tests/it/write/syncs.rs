//! Syncs that an operator starts.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use connectors::sandbox::System;
use entity::sync_run;
use entity::vocabulary::SyncStatus;
use gateway::graphql::{Syncs, Writes};
use rstest::rstest;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;
use tests::hub::TestHub;
use tests::store::Backend;
use tokio_util::sync::CancellationToken;

use super::{caller, fault, faults, mutate, with_key};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_operator_starts_a_sync_dry_or_not_and_once_for_each_key(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let db = &hub.store.db;
    let syncs = Arc::new(Syncs::new(Arc::clone(&hub.engine), vec![hub.source(System::Duo)], CancellationToken::new()));
    let graph = hub.graph().writing(Writes { syncs: Some(Arc::clone(&syncs)), ..Writes::default() });
    let operator = caller("operator");
    let dry = mutate(&graph, &operator, "startSync", json!({ "source": "duo", "dryRun": true })).await?;
    assert_eq!((&dry["run"]["status"], &dry["run"]["created"]), (&json!("SUCCEEDED"), &json!(43)), "{dry}");
    assert_eq!(sync_run::Entity::find().count(db).await?, 0);
    for unread in ["housing", "hub", "nooit"] {
        let answer = mutate(&graph, &operator, "startSync", json!({ "source": unread })).await?;
        let code = if unread == "nooit" { "NOT_FOUND" } else { "INVALID" };
        assert_eq!(faults(&answer), fault("source", code), "{answer}");
    }
    let keyed = with_key(&operator, "een sync");
    let input = json!({ "source": "duo", "mode": "FULL" });
    let started = mutate(&graph, &keyed, "startSync", input.clone()).await?;
    assert_eq!(started["run"]["source"]["id"], json!("duo"), "{started}");
    let again = mutate(&graph, &keyed, "startSync", input).await?;
    assert_eq!(again["run"]["id"], started["run"]["id"]);
    for _ in 0..500 {
        let runs = sync_run::Entity::find().all(db).await?;
        let [run] = runs.as_slice() else { anyhow::bail!("{runs:?}") };
        if run.status != SyncStatus::Running {
            assert_eq!((run.status, run.created), (SyncStatus::Succeeded, 43), "{run:?}");
            syncs.finish().await;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("the run has not ended")
}
