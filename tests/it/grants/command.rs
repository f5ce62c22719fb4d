//! `hub connect`, `hub rotate-keys` and `hub disconnect`: the real binary, and workers that are killed.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use connectors::sandbox::{Fault, System, Target};
use entity::{source, source_grant};
use rstest::rstest;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use tests::process::binary;
use tests::store::Backend;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;
use url::Url;

use super::{PATIENCE, World, come_back, decide, must_contain};

/// A configuration of the world's source, with its key.
fn configuration(world: &World, folder: &Path, keys: &str) -> Result<PathBuf> {
    for byte in [7, 8] {
        std::fs::write(folder.join(format!("key{byte}")), STANDARD.encode([byte; 32]))?;
    }
    let client = world.hub.sandbox.client(System::Housing);
    std::fs::write(folder.join("secret"), client.secret)?;
    let (folder_name, oauth) = (folder.display(), world.oauth());
    let text = format!(
        "[database]\nurl = \"{}\"\n[grants]\n{}\n[[source]]\nid = \"housing\"\nconnector = \"municipal\"\n\
         base_url = \"{}\"\n[source.oauth]\ngrant = \"authorization_code\"\ntoken_url = \"{}\"\nissuer = \"{}\"\n\
         client_id = \"{}\"\nclient_secret = {{ file = \"{folder_name}/secret\" }}\nscopes = [\"{}\"]\n",
        world.hub.store.url,
        keys.replace("FOLDER", &folder_name.to_string()),
        world.hub.sandbox.system_url(System::Housing),
        oauth.token_url,
        world.hub.sandbox.systems_issuer_url(),
        client.id,
        client.scope,
    );
    let file = folder.join("hub.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}

const KEY: &str = "encryption_key = { file = \"FOLDER/key7\" }";
const NEW_KEY: &str =
    "encryption_key = { file = \"FOLDER/key8\" }\nprevious_encryption_key = { file = \"FOLDER/key7\" }";

fn hub(config: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.arg("--config").arg(config).args(arguments).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Runs it: whether it succeeded, and all it said.
async fn run(config: &Path, arguments: &[&str]) -> Result<(bool, String)> {
    let Output { status, stdout, stderr } = hub(config, arguments)?.output().await?;
    Ok((status.success(), String::from_utf8(stdout)? + &String::from_utf8(stderr)?))
}

/// `hub connect`, with somebody at the browser who decides so.
async fn connect(config: &Path, decision: &str) -> Result<(bool, String)> {
    let mut child = hub(config, &["connect", "housing", "--by", "an operator of the test"])?.spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("what it says")?).lines();
    let mut said = String::new();
    let url = timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await? {
            if let Ok(url) = Url::parse(&line) {
                return Ok(url);
            }
            said += &line;
        }
        anyhow::bail!("it names no address: {said}")
    })
    .await
    .context("it names no address")??;
    come_back(&decide(&url, decision).await?).await?;
    while let Some(line) = lines.next_line().await? {
        said += &line;
    }
    let Output { status, stderr, .. } = timeout(PATIENCE, child.wait_with_output()).await??;
    Ok((status.success(), said + &String::from_utf8(stderr)?))
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn operators_connect_rotate_keys_and_disconnect(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::open(backend).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let config = configuration(&world, folder.path(), KEY)?;
    let (succeeded, said) = run(&config, &["sync"]).await?;
    ensure!(!succeeded);
    must_contain(&said, &["housing: FAILED", "is not connected: run `hub connect housing`"])?;
    let (succeeded, said) = run(&config, &["sources"]).await?;
    ensure!(succeeded);
    must_contain(&said, &["housing: FAILING", "run `hub connect housing`"])?;

    let (succeeded, said) = connect(&config, "deny").await?;
    ensure!(!succeeded);
    must_contain(&said, &["denied at the system"])?;
    let (succeeded, said) = connect(&config, "allow").await?;
    ensure!(succeeded, "{said}");
    must_contain(&said, &["housing: connected by an operator of the test for WRV.Publicaties.Read"])?;
    let (succeeded, said) = run(&config, &["check", "housing"]).await?;
    ensure!(succeeded, "{said}");
    let (succeeded, said) = run(&config, &["sync"]).await?;
    ensure!(succeeded, "{said}");

    let config = configuration(&world, folder.path(), NEW_KEY)?;
    let (succeeded, said) = run(&config, &["rotate-keys"]).await?;
    ensure!(succeeded, "{said}");
    must_contain(&said, &["grants: 1 are encrypted under the current key", "webhooks.encryption_key is not set"])?;
    let config = configuration(&world, folder.path(), KEY)?;
    let (succeeded, said) = run(&config, &["sync"]).await?;
    ensure!(!succeeded);
    must_contain(&said, &["neither the current nor the previous one", "hub connect housing"])?;
    let config = configuration(&world, folder.path(), NEW_KEY)?;
    let (succeeded, said) = run(&config, &["sync"]).await?;
    ensure!(succeeded, "{said}");

    let (succeeded, said) = run(&config, &["disconnect", "housing"]).await?;
    ensure!(succeeded, "{said}");
    must_contain(&said, &["housing: disconnected, and revoked at the system"])?;
    let (succeeded, said) = run(&config, &["disconnect", "housing"]).await?;
    ensure!(succeeded, "{said}");
    must_contain(&said, &["housing: was not connected"])?;
    let (succeeded, said) = run(&config, &["connect", "somewhere"]).await?;
    ensure!(!succeeded);
    must_contain(&said, &["there is no source `somewhere`"])?;
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_worker_that_is_killed_while_it_refreshes_leaves_a_way_in(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let config = configuration(&world, folder.path(), KEY)?;
    for round in 1..=3 {
        // Its token is due, and the system gives another, of which it never hears.
        past(&world).await?;
        world.hub.sandbox.fail(Fault::Withheld.times(1).at(Target::Token));
        let mut child = hub(&config, &["sync"])?.spawn()?;
        let given = async {
            while world.hub.sandbox.refreshes().given < round {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, given).await.context("it does not refresh")?;
        child.kill().await?;
        child.wait().await?;
        let grant = world.grant().await?;
        ensure!(grant.lease_holder.is_some(), "it was not refreshing: {grant:?}");
    }
    past(&world).await?;
    let (succeeded, said) = run(&config, &["sync"]).await?;
    ensure!(succeeded, "{said}");
    let counted = world.hub.sandbox.refreshes();
    ensure!((counted.given, counted.again, counted.stolen) == (4, 3, 0), "{counted:?}");
    Ok(())
}

/// What time does: to a token that is due, and to the leases of a process that is gone.
async fn past(world: &World) -> Result<()> {
    let db = &world.hub.store.db;
    source_grant::Entity::update_many()
        .col_expr(source_grant::Column::RenewAt, Expr::value(DateTime::<Utc>::UNIX_EPOCH))
        .col_expr(source_grant::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .exec(db)
        .await?;
    source::Entity::update_many()
        .col_expr(source::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .exec(db)
        .await?;
    Ok(())
}
