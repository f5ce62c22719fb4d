//! The console in a real browser: Debian's Chromium, steered by playwright-core, and held to WCAG by axe. Where they are
//! not there, `tests/run` has said so loudly, and in CI that is a failure.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use connectors::sandbox::{Fault, System};
use connectors::sync::RunOptions;
use serde_json::{Value, json};
use tests::gateway::{TestGateway, client};
use tests::hub::TestHub;
use tests::skipped;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::operators::lose_homes;
use super::sign_in::propose;
use super::subgraphs::Joined;

/// What a need of the school is called once somebody looks.
const CHANGED: &str = "Zojuist gewijzigd";
/// What a partner's offer is called then.
const OFFERED: &str = "Zojuist aangeboden";

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

/// A partner pushes an offer that fits a need of the school better than any other.
async fn push(hub: &TestHub, gateway: &TestGateway) -> Result<()> {
    let query = "query ($brin: String!) { school(brin: $brin) {
        municipality { code }
        needs(first: 1, orderBy: { field: URGENCY, direction: DESC }, filter: { statuses: [OPEN] }) {
            nodes { themes supportKinds }
        }
    } }";
    let school = hub.data(query, json!({ "brin": hub.sandbox.sample_brin() })).await?["school"].take();
    let need = &school["needs"]["nodes"][0];
    let offer = json!({
        "externalId": "zojuist",
        "title": OFFERED,
        "themes": need["themes"],
        "supportKinds": need["supportKinds"],
        "coverage": { "municipalities": [school["municipality"]["code"]] },
    });
    let (partner, _) = hub.sandbox.hub_clients().find(|(client, _)| client.name == "partner").context("a partner")?;
    let mutation = "mutation ($offers: [OfferInput!]!) {
        upsertOffers(input: { offers: $offers }) { results { outcome } userErrors { message } }
    }";
    let request = client().post(gateway.url("/graphql")).bearer_auth(hub.sandbox.hub_token(partner)?);
    let body = json!({ "query": mutation, "variables": { "offers": [offer] } });
    let answer: Value = request.json(&body).send().await?.json().await?;
    ensure!(answer["data"]["upsertOffers"]["results"][0]["outcome"] == "CREATED", "{answer}");
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
    let joined = Joined::with("stil").await?;
    let (hub, gateway) = (&joined.hub, &joined.gateway);
    propose(hub, gateway).await?;
    let mut script = Command::new("node");
    script.arg("console.mjs").args([gateway.url(""), hub.sandbox.sample_brin()]).env("CHROMIUM", chromium);
    script.current_dir(folder()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut running = script.spawn().context("node")?;
    let mut lines = BufReader::new(running.stdout.take().context("its output")?).lines();
    let mut told = String::new();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "CHANGE" => change(hub).await?,
            "PUSH" => push(hub, gateway).await?,
            "SLOW" => hub.sandbox.fail(Fault::Slow { millis: 700 }.always().at(System::Housing)),
            "LOSE" => {
                hub.sandbox.clear_faults();
                lose_homes(hub);
            }
            "REFUSE" => joined.refuse("workshops", "[workshops] `School.name` is the hub's").await?,
            line if line.starts_with("first paint") => println!("{line}"),
            _ => {}
        }
        told = line;
    }
    let mut wrong = String::new();
    running.stderr.take().context("its errors")?.read_to_string(&mut wrong).await?;
    ensure!(running.wait().await?.success() && told == "all held", "{told}\n{wrong}");
    Ok(())
}
