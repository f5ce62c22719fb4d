//! `hub webhooks`, as operators use it.

use anyhow::{Result, ensure};
use entity::audit_entry;
use rstest::rstest;
use sea_orm::EntityTrait;
use tests::receiver::{Answer, Receiver};
use tests::store::Backend;

use super::Stage;
use super::killed::hub;

/// What a command says, and whether it could do what it was told.
async fn say(stage: &Stage, arguments: &[&str]) -> Result<(bool, String)> {
    let folder = tempfile::tempdir()?;
    let output = hub(stage, folder.path())?.arg("webhooks").args(arguments).output().await?;
    Ok((output.status.success(), String::from_utf8(output.stdout)?))
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn operators_see_dead_letters_and_send_them_again(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    receiver.next([Answer::Status(410)]);
    stage.write(vec![stage.need("unwanted")]).await?;
    stage.deliver().await?;
    let id = receiver.came()[0].header("webhook-id").to_owned();

    let (_, list) = say(&stage, &["list"]).await?;
    ensure!(list.contains(&endpoint.id) && list.contains("GONE") && list.contains("0 waiting, 1 dead"), "{list}");
    let (_, dead) = say(&stage, &["dead"]).await?;
    ensure!(dead.contains(&id) && dead.contains("410"), "{dead}");
    let (_, replayed) = say(&stage, &["replay", &endpoint.id]).await?;
    ensure!(replayed.contains("1 messages are due again") && replayed.contains("resume it first"), "{replayed}");
    assert_eq!(stage.deliver().await?, 0);
    say(&stage, &["resume", &endpoint.id]).await?;
    // Commands go by the machine's clock, which has gone on.
    stage.pass(chrono::TimeDelta::minutes(5));
    assert_eq!(stage.deliver().await?, 1);
    assert_eq!(receiver.came()[1].header("webhook-id"), id);
    let (_, replayed) = say(&stage, &["replay", &endpoint.id, &id]).await?;
    ensure!(replayed.contains("1 messages"), "{replayed}");
    say(&stage, &["pause", &endpoint.id]).await?;
    assert_eq!(stage.deliver().await?, 0);
    for wrong in [["replay", "x"], ["pause", "x"], ["dead", "x"]] {
        let (is_done, _) = say(&stage, &wrong).await?;
        assert!(!is_done, "{wrong:?}");
    }
    let entries = audit_entry::Entity::find().all(stage.db()).await?;
    let by_operator = entries.iter().filter(|entry| entry.client.as_deref() == Some("hub webhooks")).count();
    assert_eq!(by_operator, 4);
    Ok(())
}
