//! What the makers of clients' own tools say of the API: run by Node from `tests/npm/audits`, on a real gateway. Where
//! Node is not there, `tests/run` has said so loudly, and in CI that is a failure.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use gateway::config::LimitSettings;
use tests::hub::TestHub;
use tests::skipped;
use tests::store::Backend;
use tokio::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("npm/audits")
}

/// Runs a script. False where Node or its packages are not there.
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment whether they are in CI")]
async fn run(script: &str, arguments: &[&str]) -> Result<bool> {
    let node = Command::new("node").arg("--version").output().await;
    if node.is_err() || !folder().join("node_modules").is_dir() {
        ensure!(std::env::var_os("CI").is_none(), "Node or the packages of tests/npm/audits are not there");
        skipped("Node or the packages of tests/npm/audits are not there: `tests/run` installs them");
        return Ok(false);
    }
    let output = Command::new("node").arg(script).args(arguments).current_dir(folder()).output().await?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{script}: {told}");
    Ok(true)
}

#[tokio::test]
async fn every_audit_of_graphql_over_http_passes() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    let gateway = hub.serve(LimitSettings::default()).await?;
    run("http.mjs", &[&gateway.url("/graphql")]).await?;
    Ok(())
}

#[tokio::test]
async fn clients_tools_take_the_schema_and_nothing_released_is_broken() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway").canonicalize()?;
    let (schema, released) = (gateway.join("schema.graphql"), gateway.join("schema.released.graphql"));
    let paths = [&schema, &released, &scratch.path().to_path_buf()].map(|path| path.display().to_string());
    run("schema.mjs", &paths.each_ref().map(String::as_str)).await?;
    Ok(())
}
