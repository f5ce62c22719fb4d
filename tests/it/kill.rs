//! `hub sync`, killed in the middle: the real binary, a real `kill -9`, on both databases.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use connectors::sandbox::System;
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
    let config = configuration(&hub, folder.path())?;
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

/// A configuration to read the hub's systems, in this folder.
pub(crate) fn configuration(hub: &TestHub, folder: &Path) -> Result<PathBuf> {
    let mut text = format!("[database]\nurl = \"{}\"\n", hub.store.url);
    for (source, system) in hub.sources().iter().zip([System::Duo, System::Boards, System::Housing, System::Partners]) {
        let client = hub.sandbox.client(system);
        let secret = folder.join(client.id);
        std::fs::write(&secret, client.secret)?;
        text += &format!("[[source]]\nid = \"{}\"\nconnector = \"{}\"\n", source.id, source.connector);
        text += &format!("priority = {}\n", source.priority);
        for (key, value) in [("locations", &source.locations), ("boards", &source.boards)] {
            if let Some(value) = value {
                text += &format!("{key} = \"{value}\"\n");
            }
        }
        if let Some(url) = &source.base_url {
            text += &format!("base_url = \"{url}\"\n");
        }
        text += &format!(
            "[source.oauth]\ntoken_url = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ file = \"{}\" }}\nscopes = [\"{}\"]\n",
            hub.sandbox.token_url(),
            client.id,
            secret.display(),
            client.scope
        );
    }
    let file = folder.join("hub.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}
