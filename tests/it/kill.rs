//! `hub sync`, killed in the middle: the real binary, a real `kill -9`, on both databases.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use connectors::sync::RunOptions;
use entity::vocabulary::ChangeAction;
use entity::{change, source};
use rstest::rstest;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use tests::hub::TestHub;
use tests::process::binary;
use tests::store::Backend;
use tokio::process::Command;

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_killed_sync_loses_nothing_and_repeats_nothing(#[case] backend: Backend) -> Result<()> {
    let Some(whole) = TestHub::start(backend).await? else { return Ok(()) };
    whole.sync(&RunOptions::default()).await?;
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let config = hub.configuration(folder.path(), None)?;
    for millis in [150, 300, 450, 600, 900, 1300] {
        let mut child = sync(&config)?.spawn().context("hub")?;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        child.kill().await?;
        child.wait().await?;
        // What time does to the lease of a worker that is gone.
        source::Entity::update_many()
            .col_expr(source::Column::LeaseUntil, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
            .exec(&hub.store.db)
            .await?;
    }
    let output = sync(&config)?.output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(hub.contents().await?, whole.contents().await?);
    let mut created = std::collections::HashSet::new();
    for change in change::Entity::find().all(&hub.store.db).await? {
        if change.action == ChangeAction::Created {
            assert!(created.insert(change.record_id), "a record was created twice in the feed");
        }
    }
    Ok(())
}

fn sync(config: &Path) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.arg("--config").arg(config).arg("sync").kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}
