//! Partners' schemas: remembered while a partner is down, replaced when a better one comes, kept when a worse one does.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_graphql::{Executor, Request, Variables};
use connectors::settings::SubgraphSettings;
use entity::subgraph;
use gateway::config::{FederationSettings, LimitSettings};
use gateway::federation::Federation;
use gateway::telemetry::Metrics;
use rstest::rstest;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::process::binary;
use tests::store::Backend;
use tests::subgraph::{Mood, TestSubgraph};
use tests::until;
use tokio::process::Command;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::joined::workshops;

/// A hub that is joined with these, and looks at them every second until the guard is dropped.
async fn joined(hub: &TestHub, subgraph: &SubgraphSettings) -> Result<(Federation, DropGuard)> {
    let shutdown = CancellationToken::new();
    let settings = FederationSettings { poll_secs: 1, ..FederationSettings::default() };
    let federation = Federation::of(hub.graph_within(&LimitSettings::default()), &settings, &Metrics::default());
    let (federation, _) = federation.joined(std::slice::from_ref(subgraph), shutdown.clone()).await?;
    Ok((federation, shutdown.drop_guard()))
}

async fn ask(federation: &Federation, query: &str) -> Value {
    let request = Request::new(query).variables(Variables::default());
    serde_json::to_value(federation.execute(request).await).expect("an answer")
}

async fn known(hub: &TestHub) -> Result<subgraph::Model> {
    subgraph::Entity::find_by_id("workshops").one(&hub.store.db).await?.context("the partner is known")
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_partner_that_is_down_at_a_start_is_joined_as_it_was(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let partner = TestSubgraph::serve(workshops()).await?;
    let settings: SubgraphSettings =
        serde_json::from_value(json!({ "name": "workshops", "url": partner.settings("w").url, "retries": 0 }))?;
    let query = "{ workshop(brin: \"a\") { id } sources { id } }";
    partner.be(Mood::Down);
    // Of whom nothing is known, nothing can be asked.
    let (federation, first) = joined(&hub, &settings).await?;
    assert!(!federation.is_joined());
    let row = known(&hub).await?;
    assert_eq!((row.sdl, row.live_since, row.fetched_at), (None, None, None));
    assert_eq!((row.problem, row.fetch_problem.is_some()), (None, true), "it is silent, and nothing is wrong with it");
    partner.be(Mood::Well);
    until("it is joined when it comes back", async || federation.is_joined()).await?;
    drop(first);
    assert_eq!(ask(&federation, query).await["data"]["workshop"]["id"], "w1");
    let row = known(&hub).await?;
    assert!(row.sdl.is_some() && row.problem.is_none() && row.fetch_problem.is_none(), "{row:?}");
    let since = row.live_since.context("it is live")?;
    partner.be(Mood::Down);
    let (federation, _second) = joined(&hub, &settings).await?;
    ensure!(federation.is_joined(), "what was known is forgotten");
    let answer = ask(&federation, query).await;
    let error = &answer["errors"][0];
    assert_eq!(
        (&error["path"], &error["extensions"]["code"]),
        (&json!(["workshop"]), &json!("UNAVAILABLE")),
        "{answer}"
    );
    let row = known(&hub).await?;
    assert_eq!((row.live_since, row.fetch_problem.is_some()), (Some(since), true), "it is live as before");
    // It is well as soon as it tells the same again.
    partner.be(Mood::Well);
    until("nothing is wrong", async || known(&hub).await.is_ok_and(|row| row.fetch_problem.is_none())).await?;
    assert_eq!(known(&hub).await?.live_since, Some(since));
    // Somebody who is asked elsewhere is somebody else.
    let elsewhere = SubgraphSettings { url: "http://127.0.0.1:9/graphql".parse()?, ..settings };
    assert!(!joined(&hub, &elsewhere).await?.0.is_joined());
    Ok(())
}

#[tokio::test]
async fn a_schema_that_does_not_compose_changes_nothing_and_says_why() -> Result<()> {
    const LINK: &str = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.9\", import: [\"@key\"])\n";
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    let partner = TestSubgraph::serve(workshops()).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("workshops.graphql");
    let write = |text: &str| std::fs::write(&file, format!("{LINK}{text}"));
    let good = "type Query { lessons: Int } type School @key(fields: \"brin\") { brin: String! lessons: Int }";
    write(good)?;
    let url = partner.settings("w").url;
    let settings = serde_json::from_value(json!({ "name": "workshops", "url": url, "schema": file }))?;
    let (federation, _guard) = joined(&hub, &settings).await?;
    let has = async |field: &str| {
        let answer = ask(&federation, "{ __schema { queryType { fields { name } } } }").await;
        let fields = answer["data"]["__schema"]["queryType"]["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().any(|known| known["name"] == field)
    };
    assert!(has("lessons").await);
    let since = known(&hub).await?.live_since;
    // `name` is the hub's, and nobody says that it is shared.
    write(&good.replace("lessons: Int }", "lessons: Int name: String! }").replacen("name: String!", "more: Int", 1))?;
    until("it is told why", async || known(&hub).await.is_ok_and(|row| row.problem.is_some())).await?;
    let row = known(&hub).await?;
    let problem = row.problem.clone().unwrap_or_default();
    assert!(problem.contains("School.name"), "{problem}");
    assert_eq!((row.live_since, row.sdl.as_deref()), (since, Some(format!("{LINK}{good}").as_str())));
    assert!(has("lessons").await && !has("more").await);
    let told = subgraphs(&hub, url.as_ref(), folder.path()).await?;
    assert!(told.starts_with("workshops  http://127.0.0.1:") && told.contains("live as before"), "{told}");
    assert!(told.contains("School.name"), "{told}");
    write(&good.replacen("lessons: Int", "more: Int", 1))?;
    until("a better one is live", async || has("more").await).await?;
    until("nothing is wrong", async || known(&hub).await.is_ok_and(|row| row.problem.is_none())).await?;
    let told = subgraphs(&hub, url.as_ref(), folder.path()).await?;
    assert!(told.contains("  live  schema ") && told.lines().count() == 1, "{told}");
    Ok(())
}

#[tokio::test]
async fn a_supergraph_over_which_a_first_query_fails_changes_nothing() -> Result<()> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    let settings = FederationSettings::default();
    let federation = Federation::of(hub.graph_within(&LimitSettings::default()), &settings, &Metrics::default());
    let supergraph = |field: &str| {
        format!(
            "schema @link(url: \"https://specs.apollo.dev/join/v0.3\", for: EXECUTION) {{ query: Query }} \
             enum join__Graph {{ HUB @join__graph(name: \"hub\", url: \"\") }} \
             type Query @join__type(graph: HUB) {{ {field} }} type Source @join__type(graph: HUB) {{ id: ID! }}"
        )
    };
    // It can be planned over, and the hub's own graph has the field in another form.
    let refused = federation.join(supergraph("sources: ID"), &[]).await;
    let error = refused.err().context("it is taken")?.to_string();
    assert!(error.starts_with("a first query over it fails: "), "{error}");
    assert!(!federation.is_joined());
    federation.join(supergraph("sources: [Source!]!"), &[]).await?;
    assert!(federation.is_joined());
    assert!(federation.join(supergraph("sources: ID"), &[]).await.is_err() && federation.is_joined());
    Ok(())
}

#[tokio::test]
async fn a_fault_of_the_hubs_own_is_told_as_that_and_tried_again() -> Result<()> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    let partner = TestSubgraph::serve(workshops()).await?;
    // A first query over a new supergraph reads this table.
    hub.store.db.execute_unprepared("ALTER TABLE source RENAME TO source_away").await?;
    let settings = FederationSettings { poll_secs: 3_600, ..FederationSettings::default() };
    let federation = Federation::of(hub.graph_within(&LimitSettings::default()), &settings, &Metrics::default());
    let shutdown = CancellationToken::new();
    let (federation, _) = federation.joined(&[partner.settings("workshops")], shutdown.clone()).await?;
    let _guard = shutdown.drop_guard();
    assert!(!federation.is_joined());
    let row = known(&hub).await?;
    let problem = row.problem.clone().unwrap_or_default();
    assert!(problem.starts_with("The hub itself failed to join it, and tries again: a first query"), "{problem}");
    assert_eq!(row.fetch_problem, None);
    hub.store.db.execute_unprepared("ALTER TABLE source_away RENAME TO source").await?;
    // No schema changes, and nobody looks for an hour whether one has.
    until("it is joined", async || federation.is_joined()).await?;
    until("nothing is wrong", async || known(&hub).await.is_ok_and(|row| row.problem.is_none())).await
}

/// What `hub subgraphs` says on this hub's store.
async fn subgraphs(hub: &TestHub, url: &str, folder: &Path) -> Result<String> {
    let settings =
        format!("[database]\nurl = \"{}\"\n[[subgraph]]\nname = \"workshops\"\nurl = \"{url}\"\n", hub.store.url);
    tokio::fs::write(folder.join("hub.toml"), settings).await?;
    let told = Command::new(binary()?).arg("subgraphs").current_dir(folder).env_clear().output();
    let told = tokio::time::timeout(Duration::from_secs(60), told).await??;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Ok(String::from_utf8(told.stdout)?)
}
