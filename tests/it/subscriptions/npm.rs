//! The clients that apps use: `graphql-ws` and `graphql-sse` from npm.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use serde_json::json;
use std::io::Write;
use tests::gateway::TestGateway;
use tests::socket::Socket;
use tests::store::Backend;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::{looking, source, write};

#[rstest]
#[case("graphql-ws", Backend::Sqlite)]
#[case("graphql-ws", Backend::Postgres)]
#[case("graphql-sse", Backend::Sqlite)]
#[case("graphql-sse", Backend::Postgres)]
#[tokio::test]
async fn the_clients_that_apps_use_find_nothing_wrong(#[case] client: &str, #[case] backend: Backend) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm");
    if !folder.join("node_modules").join(client).is_dir() {
        // Said by `tests/run` as well, which installs them; here for who runs a test by hand.
        writeln!(std::io::stderr(), "SKIPPED: {client} is not installed: npm ci --prefix tests/npm")?;
        return Ok(());
    }
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    write(&store.db, 1..=10).await?;
    let gateway = TestGateway::on_store(&store.db, &looking()).await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("q", "{ changes(first: 1) { pageInfo { endCursor } } }", json!({})).await?;
    let answer = socket.next("q").await?;
    let cursor = answer["data"]["changes"]["pageInfo"]["endCursor"].as_str().context("a cursor")?;

    let script = folder.join("protocols").join(format!("{client}.mjs"));
    let mut node = Command::new("node");
    node.arg(script).arg(gateway.url("")).arg(cursor).current_dir(&folder).kill_on_drop(true);
    let child = node.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("node")?;
    let growing = async {
        for number in 11.. {
            write(&store.db, [number]).await?;
            sleep(Duration::from_millis(30)).await;
        }
        anyhow::Ok(())
    };
    let output = tokio::select! {
        output = timeout(Duration::from_secs(60), child.wait_with_output()) => output.context("it takes too long")??,
        grown = growing => return grown,
    };
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(said.contains("all held"), "{said}");
    Ok(())
}
