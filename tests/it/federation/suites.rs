//! Each directive of federation and each kind of merge, in small graphs that Apollo's tool has composed: as a plain gateway
//! over others' subgraphs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use async_graphql::{Executor, Request, Variables};
use gateway::config::{FederationSettings, LimitSettings};
use gateway::federation::Federation;
use gateway::telemetry::Metrics;
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::node;
use tests::store::Backend;
use tokio_util::sync::CancellationToken;

/// What is wrong with an answer. `None`: nothing.
fn wrong(case: &Value, answer: &Value) -> Option<String> {
    let paths: Vec<&Value> = answer["errors"].as_array().into_iter().flatten().map(|error| &error["path"]).collect();
    if let Some(code) = case.get("refused") {
        let is_refused =
            answer.get("data").is_none_or(Value::is_null) && answer["errors"][0]["extensions"]["code"] == *code;
        return (!is_refused).then(|| format!("it is not refused with {code}: {answer}"));
    }
    if case["data"] != answer["data"] {
        return Some(format!("{}\n    where {} is right; errors {}", answer["data"], case["data"], answer["errors"]));
    }
    let expected: Vec<&Value> = case["errors"].as_array().into_iter().flatten().collect();
    (paths != expected).then(|| format!("errors at {paths:?} where they belong at {expected:?}: {answer}"))
}

#[tokio::test]
async fn every_directive_and_every_merge_does_what_it_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().display().to_string();
    let Some(serving) = node::serve("federation", "suites.mjs", &[&path]).await? else { return Ok(()) };
    let suites: BTreeMap<String, Vec<Value>> = serde_json::from_str(&serving.told)?;
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    let mut failed = Vec::new();
    let mut count = 0;
    for (name, cases) in suites {
        let supergraph = Some(folder.path().join(format!("{name}.graphql")));
        let settings = FederationSettings { supergraph, local: false, ..FederationSettings::default() };
        let graph = hub.graph_within(&LimitSettings::default());
        let (federation, _) =
            Federation::of(graph, &settings, &Metrics::default()).joined(&[], CancellationToken::new()).await?;
        for case in cases {
            let query = case["query"].as_str().context("a query")?;
            let variables = Variables::from_json(case.get("variables").cloned().unwrap_or(json!({})));
            let answer = federation.execute(Request::new(query).variables(variables)).await;
            count += 1;
            if let Some(what) = wrong(&case, &serde_json::to_value(answer)?) {
                failed.push(format!("{name}: {query}\n    {what}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} cases:\n{}", failed.len(), failed.join("\n"));
    assert!(count >= 50, "{count} cases");
    Ok(())
}
