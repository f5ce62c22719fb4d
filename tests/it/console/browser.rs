//! The console in a real browser: Debian's Chromium, steered by playwright-core, and held to WCAG by axe. Where they are
//! not there, `tests/run` has said so loudly, and in CI that is a failure.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use connectors::sync::RunOptions;
use gateway::config::Anonymous;
use tests::hub::TestHub;
use tests::skipped;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::sign_in::{open, propose};

/// What a need of the school is called once somebody looks.
const CHANGED: &str = "Zojuist gewijzigd";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("npm/console")
}

/// Where Debian and others put Chromium.
fn chromium() -> Option<&'static str> {
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    places.into_iter().find(|place| Path::new(place).exists())
}

/// Renames a need of the school in its board's system, and reads that.
async fn change(hub: &TestHub) -> Result<()> {
    hub.sandbox
        .edit(|sample| {
            let brin = sample.sample_brin()?;
            let school = sample.school(&brin)?.code;
            let need = sample.needs.live().find(|need| need.school == school)?.number;
            sample.needs.change(need, |need| need.overlay.set("title", CHANGED)).then_some(())
        })
        .context("a need of the school")?;
    hub.sync(&RunOptions::default()).await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "tests are told by their environment whether they are in CI")]
#[tokio::test]
async fn people_can_use_it_with_a_mouse_a_keyboard_and_a_screen_reader() -> Result<()> {
    let node = Command::new("node").arg("--version").output().await;
    let (Some(chromium), true) = (chromium(), node.is_ok() && folder().join("node_modules").is_dir()) else {
        ensure!(std::env::var_os("CI").is_none(), "Chromium, Node or the packages of tests/npm/console are not there");
        skipped("Chromium, Node or the packages of tests/npm/console are not there: `tests/run` installs them");
        return Ok(());
    };
    let (hub, gateway) = open(Anonymous::Public).await?;
    propose(&hub, &gateway).await?;
    let mut script = Command::new("node");
    script.arg("console.mjs").args([gateway.url(""), hub.sandbox.sample_brin()]).env("CHROMIUM", chromium);
    script.current_dir(folder()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut running = script.spawn().context("node")?;
    let mut lines = BufReader::new(running.stdout.take().context("its output")?).lines();
    let mut told = String::new();
    while let Some(line) = lines.next_line().await? {
        if line == "CHANGE" {
            change(&hub).await?;
        }
        told = line;
    }
    let mut wrong = String::new();
    running.stderr.take().context("its errors")?.read_to_string(&mut wrong).await?;
    ensure!(running.wait().await?.success() && told == "all held", "{told}\n{wrong}");
    Ok(())
}
