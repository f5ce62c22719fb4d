//! Scripts that Node runs, with the packages of a folder of `tests/npm`.

use std::path::Path;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::skipped;

/// Runs a script of this folder. False where Node or its packages are not there: `tests/run` has said so loudly, and in CI
/// that is a failure.
///
/// # Errors
/// Where the script fails, with what it printed.
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment whether they are in CI")]
pub async fn run(folder: &str, script: &str, arguments: &[&str]) -> Result<bool> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm").join(folder);
    let node = Command::new("node").arg("--version").output().await;
    if node.is_err() || !packages.join("node_modules").is_dir() {
        let missing = format!("Node or the packages of tests/npm/{folder} are not there");
        ensure!(std::env::var_os("CI").is_none(), "{missing}");
        skipped(&format!("{missing}: `tests/run` installs them"));
        return Ok(false);
    }
    let output = Command::new("node").arg(script).args(arguments).current_dir(packages).output().await?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{script}: {told}");
    Ok(true)
}
