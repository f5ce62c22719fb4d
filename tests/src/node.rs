//! Scripts that Node runs, with the packages of a folder of `tests/npm`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::skipped;

/// A script that serves until this is dropped.
pub struct Serving {
    /// The line that it has printed.
    pub told: String,
    _script: Child,
}

/// Starts a script of this folder, and waits for its first line. `None` where Node or its packages are not there.
///
/// # Errors
/// Where it ends without one.
pub async fn serve(folder: &str, script: &str, arguments: &[&str]) -> Result<Option<Serving>> {
    let Some(packages) = packages(folder).await? else { return Ok(None) };
    let mut command = Command::new("node");
    command.arg(script).args(arguments).current_dir(packages).kill_on_drop(true);
    let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let output = script.stdout.take().context("its output")?;
    let told = BufReader::new(output).lines().next_line().await?.context("the script says nothing")?;
    Ok(Some(Serving { told, _script: script }))
}

/// Where the packages of a folder are. `None` where Node or they are not there: `tests/run` has said so loudly, and in CI
/// that is a failure.
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment whether they are in CI")]
async fn packages(folder: &str) -> Result<Option<PathBuf>> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm").join(folder);
    let node = Command::new("node").arg("--version").output().await;
    if node.is_err() || !packages.join("node_modules").is_dir() {
        let missing = format!("Node or the packages of tests/npm/{folder} are not there");
        ensure!(std::env::var_os("CI").is_none(), "{missing}");
        skipped(&format!("{missing}: `tests/run` installs them"));
        return Ok(None);
    }
    Ok(Some(packages))
}

/// Runs a script of this folder. False where Node or its packages are not there.
///
/// # Errors
/// Where the script fails, with what it printed.
pub async fn run(folder: &str, script: &str, arguments: &[&str]) -> Result<bool> {
    let Some(packages) = packages(folder).await? else { return Ok(false) };
    let output = Command::new("node").arg(script).args(arguments).current_dir(packages).output().await?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{script}: {told}");
    Ok(true)
}
