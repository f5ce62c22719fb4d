//! What the makers of clients' own tools say of the API: run by Node from `tests/npm/audits`, on a real gateway. Where
//! Node is not there, `tests/run` has said so loudly, and in CI that is a failure.

use std::path::Path;

use anyhow::Result;
use gateway::config::LimitSettings;
use tests::hub::TestHub;
use tests::store::Backend;

async fn run(script: &str, arguments: &[&str]) -> Result<bool> {
    tests::node::run("audits", script, arguments).await
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
