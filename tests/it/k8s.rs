//! What the manifests in `k8s/` ask of the binary, tried with the binary: their settings, their arguments. The manifests
//! themselves are checked by `tests/k8s/check.py`, which `tests/run` runs.

use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use tests::process::binary;
use tests::store::Backend;
use tokio::process::Command;

const OVERLAYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../k8s/overlays");

async fn hub(arguments: &[&str], variables: &[(&str, &str)], folder: &Path) -> Result<Output> {
    let mut command = Command::new(binary()?);
    command.args(arguments).env_clear().current_dir(folder).kill_on_drop(true);
    command.envs(variables.iter().copied());
    Ok(command.output().await?)
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).join("\n")
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment where Redis is")]
async fn the_settings_of_production_pass_the_hubs_own_check() -> Result<()> {
    let Some(store) = Backend::Postgres.store().await? else { return Ok(()) };
    let Ok(redis) = std::env::var("HUB_TEST_REDIS_URL") else {
        tests::skipped("the settings of production: HUB_TEST_REDIS_URL is not set");
        return Ok(());
    };
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 32]);
    let settings = format!("{OVERLAYS}/production/hub.toml");
    let secrets =
        [("HUB_DATABASE_URL", store.url.as_str()), ("HUB_REDIS_URL", redis.as_str()), ("HUB_WEBHOOKS_KEY", &key)];
    let folder = tempfile::tempdir()?;
    // Not the issuer, whose address is an example.
    let checked = hub(&["check", "--config", &settings], &secrets, folder.path()).await?;
    let told = said(&checked);
    for line in ["ok    configuration  0 sources", "ok    database       PostgreSQL, the schema is up to date"] {
        ensure!(told.contains(line), "{told}");
    }
    ensure!(told.lines().any(|line| line.starts_with("ok    redis")), "{told}");
    // Each secret is needed: without it the hub does not start, and says which.
    for missing in 0..secrets.len() {
        let given: Vec<_> =
            (0..secrets.len()).filter(|number| *number != missing).map(|number| secrets[number]).collect();
        let refused = hub(&["migrate", "status", "--config", &settings], &given, folder.path()).await?;
        ensure!(refused.status.code() == Some(2) && said(&refused).contains(secrets[missing].0), "{}", said(&refused));
    }
    Ok(())
}

#[tokio::test]
async fn the_settings_to_try_things_with_are_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Where the pod has its volumes, this machine has a folder.
    let written = tokio::fs::read_to_string(format!("{OVERLAYS}/dev/hub.toml")).await?;
    let here = folder.path().to_str().context("a path")?;
    let written = written.replace("/data/", &format!("{here}/")).replace("/etc/hub", &format!("{OVERLAYS}/dev"));
    let settings = folder.path().join("hub.toml");
    tokio::fs::write(&settings, written).await?;
    let migrated =
        hub(&["migrate", "up", "--config", settings.to_str().context("a path")?], &[], folder.path()).await?;
    ensure!(migrated.status.success(), "{}", said(&migrated));
    Ok(())
}

#[tokio::test]
async fn the_arguments_of_the_manifests_are_the_hubs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut tried = 0;
    for overlay in ["dev", "production"] {
        let rendered = format!("{OVERLAYS}/../rendered/{overlay}.yaml");
        let rendered = tokio::fs::read_to_string(rendered).await?;
        let mut lines = rendered.lines();
        while let Some(line) = lines.next() {
            if line.trim() != "- args:" {
                continue;
            }
            let arguments = lines.clone().map(str::trim_start).map_while(|line| line.strip_prefix("- "));
            let mut arguments: Vec<_> = arguments.map(|argument| argument.trim_matches('"')).collect();
            // Those of Valkey are a script.
            if arguments.first().is_some_and(|first| first.starts_with("printf")) {
                continue;
            }
            // Read as the process would read them, and then told what else there is.
            arguments.push("--help");
            let told = hub(&arguments, &[], folder.path()).await?;
            ensure!(told.status.success(), "{arguments:?}: {}", said(&told));
            tried += 1;
        }
    }
    ensure!(tried == 5, "{tried} of 5 containers of the hub's were found");
    Ok(())
}
