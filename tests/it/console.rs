//! The console: each page over HTTP, made of one request of the public API, and inert whatever its sources say.

mod browser;
mod hostile;
mod operators;
mod pages;
mod sessions;
mod sign_in;
mod streams;
mod subgraphs;

use anyhow::{Context, Result};
use connectors::sync::RunOptions;
use gateway::config::LimitSettings;
use reqwest::Response;
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE};
use tests::gateway::{TestGateway, client};
use tests::hub::TestHub;
use tests::store::Backend;

/// A hub that has read everything, and its gateway. `None` where this machine has no such database.
async fn served(backend: Backend) -> Result<Option<(TestHub, TestGateway)>> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(None) };
    hub.sync(&RunOptions::default()).await?;
    let gateway = hub.serve(LimitSettings::default()).await?;
    Ok(Some((hub, gateway)))
}

/// The same on SQLite.
async fn on_sqlite() -> Result<(TestHub, TestGateway)> {
    served(Backend::Sqlite).await?.context("SQLite is always there")
}

/// A page, as a browser of somebody who reads this language asks for it.
async fn visit(gateway: &TestGateway, path: &str, language: &str) -> Result<Response> {
    let request = client().get(gateway.url(path)).header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
    Ok(request.header(ACCEPT_LANGUAGE, language).send().await?)
}

/// Every kind of page that there is something on, about the school that has something everywhere.
async fn pages(hub: &TestHub) -> Result<Vec<String>> {
    let query = "query ($brin: String!) { school(brin: $brin) { board { number } municipality { code } } }";
    let data = hub.data(query, serde_json::json!({ "brin": hub.sandbox.sample_brin() })).await?;
    let told = |of: &str, what: &str| data["school"][of][what].as_str().map(str::to_owned).context("told");
    let about = [
        card(hub),
        format!("/boards/{}", told("board", "number")?),
        format!("/municipalities/{}", told("municipality", "code")?),
    ];
    let fixed = ["/", "/sources", "/schools", "/schools?q=a", "/municipalities", "/knowledge", "/knowledge/systems"];
    Ok(fixed.into_iter().map(str::to_owned).chain(about).collect())
}

/// The card of the school that has something everywhere.
fn card(hub: &TestHub) -> String {
    format!("/schools/{}", hub.sandbox.sample_brin())
}
