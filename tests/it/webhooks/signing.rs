//! Signatures, as the library of Standard Webhooks reads them, and secrets that take over from each other.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use connectors::settings::Secret;
use gateway::config::WebhookSettings;
use gateway::webhooks::{Courier, Hooks};
use rstest::rstest;
use serde_json::{Value, json};
use tests::receiver::{Message, Receiver};
use tests::store::Backend;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Stage, settings};

/// What `standardwebhooks` from npm says of each message; `None` where it is not installed.
async fn verified(messages: &[Value]) -> Result<Option<Vec<Value>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm");
    if !folder.join("node_modules/standardwebhooks").is_dir() {
        tests::skipped("standardwebhooks is not installed: npm ci --prefix tests/npm");
        return Ok(None);
    }
    let mut node = Command::new("node");
    node.arg(folder.join("webhooks/verify.mjs")).current_dir(&folder).kill_on_drop(true);
    let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("node")?;
    child.stdin.take().context("standard input")?.write_all(json!(messages).to_string().as_bytes()).await?;
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}

fn signatures(message: &Message) -> usize {
    message.header("webhook-signature").split(' ').count()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_standards_own_library_verifies_what_comes(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    stage.write(vec![stage.need("één hulpvraag, met accenten ✓")]).await?;
    stage.write(vec![stage.commitment()]).await?;
    assert_eq!(stage.deliver().await?, 2);
    let mut came = receiver.came();
    // Both were under way at once: the need's first.
    came.sort_by_key(|message| std::cmp::Reverse(message.json()["type"].to_string()));
    let mut tampered = came[0].to_verify(&endpoint.secret);
    tampered["body"] = json!(came[0].body.replace("hulpvraag", "hulpvragen"));
    let mut borrowed = came[0].to_verify(&endpoint.secret);
    borrowed["headers"]["webhook-id"] = json!(came[1].header("webhook-id"));
    let asked = [
        came[0].to_verify(&endpoint.secret),
        came[1].to_verify(&endpoint.secret),
        tampered,
        borrowed,
        came[0].to_verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ];
    let Some(verdicts) = verified(&asked).await? else { return Ok(()) };
    assert_eq!(verdicts[0]["said"], came[0].json());
    assert_eq!(verdicts[1]["said"], came[1].json());
    assert!(verdicts[2..].iter().all(|verdict| verdict["refused"].is_string()), "{verdicts:?}");
    assert!(came.iter().all(|message| message.header("content-type") == "application/json"));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn while_a_secret_takes_over_there_are_two_signatures(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    // The library takes what is of these minutes, so the past is where the time is that passes.
    stage.pass(-TimeDelta::minutes(61));
    let first = stage.register(&stage.partner(), &receiver).await?;
    let rotate = async |overlap: Value| -> Result<String> {
        let input = json!({ "id": first.id, "overlapHours": overlap });
        let rotated = stage.mutate(&stage.partner(), "rotateWebhookSecret", input).await?;
        Ok(rotated["secret"].as_str().with_context(|| rotated.to_string())?.to_owned())
    };
    let sent = async |title: &str| -> Result<Message> {
        stage.write(vec![stage.need(title)]).await?;
        stage.deliver().await?;
        receiver.came().pop().context("a message")
    };
    let second = rotate(json!(1)).await?;
    assert_ne!(first.secret, second);
    assert_eq!(signatures(&sent("while it takes over").await?), 2);
    let endpoint = stage.endpoint(&first.id).await?;
    let secrets = endpoint["secrets"].as_array().context("secrets")?;
    assert_eq!(secrets.iter().map(|secret| secret["endsAt"].is_null()).collect::<Vec<_>>(), [true, false]);
    stage.pass(TimeDelta::minutes(61));
    let alone = sent("afterwards").await?;
    let third = rotate(json!(1)).await?;
    let both = sent("while the next one does").await?;
    // One that was stolen is out at once, and so is the one before it.
    let fourth = rotate(json!(0)).await?;
    let last = sent("at once").await?;
    assert_eq!([&alone, &both, &last].map(signatures), [1, 2, 1]);
    let asked = [
        (&alone, &second, true),
        (&alone, &first.secret, false),
        (&both, &second, true),
        (&both, &third, true),
        (&both, &first.secret, false),
        (&last, &fourth, true),
        (&last, &third, false),
        (&last, &second, false),
    ];
    let messages = asked.map(|(message, secret, _)| message.to_verify(secret));
    let Some(verdicts) = verified(&messages).await? else { return Ok(()) };
    for ((message, _, is_good), verdict) in asked.into_iter().zip(&verdicts) {
        assert_eq!(verdict["said"] == message.json(), is_good, "{verdicts:?}");
        assert_eq!(verdict["refused"].is_string(), !is_good, "{verdicts:?}");
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn without_the_key_nothing_is_signed_and_with_a_new_one_nothing_is_lost(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    stage.write(vec![stage.need("to be signed")]).await?;
    let key = |byte: u8| {
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [byte; 32]);
        Some(Secret::Resolved(text))
    };
    let courier = |settings: WebhookSettings| -> Result<Courier> {
        let hooks = Hooks::open(&settings)?.context("a key")?;
        let now = std::sync::Arc::clone(&stage.now);
        let clock = entity::Clock::from_fn(move || *now.lock().expect("a clock"));
        Ok(Courier::new(stage.db().clone(), stage.graph.clone(), hooks, clock)?)
    };
    let stranger = courier(WebhookSettings { encryption_key: key(8), ..settings() })?;
    stranger.plan().await?;
    assert_eq!(stranger.deliver_due().await?, 1);
    assert!(receiver.came().is_empty());
    let seen = stage.endpoint(&endpoint.id).await?;
    // That is the hub's own trouble: the endpoint is not the one that fails.
    assert_eq!((&seen["status"], &seen["failingSince"]), (&json!("ACTIVE"), &json!(null)), "{seen}");
    stage.pass(TimeDelta::minutes(1));
    let heir = WebhookSettings { encryption_key: key(8), previous_encryption_key: key(7), ..settings() };
    let heir = courier(heir)?;
    assert_eq!(heir.deliver_due().await?, 1);
    assert_eq!(receiver.came().len(), 1);
    // Encrypted anew, it needs the old key no more.
    heir.reseal().await?;
    stage.write(vec![stage.need("signed under the new key")]).await?;
    stranger.plan().await?;
    assert_eq!(stranger.deliver_due().await?, 1);
    assert_eq!(receiver.came().len(), 2);
    Ok(())
}
