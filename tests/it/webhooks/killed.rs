//! A worker that is killed in the middle of a message: nothing is lost, and what comes twice has the same id.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use entity::webhook_delivery;
use rstest::rstest;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use tests::receiver::{Answer, Receiver};
use tests::store::Backend;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Stage;
use tests::process::binary;

/// Longer than a worker takes to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The hub in a process of its own, on the stage's store and with its key.
pub(super) fn hub(stage: &Stage, folder: &std::path::Path) -> Result<Command> {
    let key = folder.join("key");
    std::fs::write(&key, base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 32]))?;
    let config = folder.join("hub.toml");
    let text = format!(
        "[database]\nurl = \"{}\"\n[webhooks]\nencryption_key = {{ file = \"{}\" }}\nallow_http = true\n\
         private_networks = [\"127.0.0.0/8\"]\n",
        stage.store.url,
        key.display()
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new(binary()?);
    command.arg("--config").arg(config).kill_on_drop(true);
    Ok(command)
}

fn worker(stage: &Stage, folder: &std::path::Path) -> Result<Child> {
    let mut command = hub(stage, folder)?;
    command.arg("worker").stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("hub")
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_worker_that_is_killed_in_the_middle_loses_nothing(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let (receiver, folder) = (Receiver::start().await?, tempfile::tempdir()?);
    stage.register(&stage.partner(), &receiver).await?;
    receiver.answers(Answer::Never);
    stage.write((0..6).map(|number| stage.need(&number.to_string())).collect()).await?;
    let mut first = worker(&stage, folder.path())?;
    let begun = timeout(PATIENCE, receiver.wait_for(1)).await.context("nothing was sent")??;
    first.kill().await?;
    first.wait().await?;
    let deliveries = webhook_delivery::Entity::find().all(stage.db()).await?;
    ensure!(deliveries.len() == 6, "{deliveries:?}");
    ensure!(deliveries.iter().any(|delivery| delivery.claim.is_some()), "{deliveries:?}");

    receiver.answers(Answer::Status(204));
    // What time does to the claim of a worker that is gone.
    webhook_delivery::Entity::update_many()
        .col_expr(webhook_delivery::Column::ClaimedUntil, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .exec(stage.db())
        .await?;
    let mut second = worker(&stage, folder.path())?;
    let before = receiver.came().len();
    let came = timeout(PATIENCE, receiver.wait_for(before + 6)).await.context("not all of it was sent")??;
    let mut ids: Vec<&str> = came.iter().map(|message| message.header("webhook-id")).collect();
    assert!(came[before..].iter().any(|message| message.header("webhook-id") == begun[0].header("webhook-id")));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6, "the same message has the same id");
    second.kill().await?;
    Ok(())
}
