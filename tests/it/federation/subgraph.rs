//! The hub as a subgraph: what gateways ask of it, and what other makers' tools make of its schema.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use connectors::sync::RunOptions;
use gateway::config::LimitSettings;
use gateway::graphql::federation_sdl;
use rstest::rstest;
use serde_json::{Value, json};
use tests::gateway::told;
use tests::hub::TestHub;
use tests::store::Backend;

const ENTITIES: &str = "query ($r: [_Any!]!) { _entities(representations: $r) {
    ... on School { id brin name } ... on SchoolBoard { id number name } ... on Municipality { id code name }
    ... on Partner { id name } ... on Need { id title school { brin } } ... on Offer { id title }
    ... on Commitment { id title } ... on HousingOption { id title } ... on HousingScheme { id name }
    ... on Initiative { id name } } }";

/// A hub that has read everything, and some records of each type, as clients read them.
async fn hub(backend: Backend) -> Result<Option<(TestHub, Value)>> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(None) };
    hub.sync(&RunOptions::default()).await?;
    let query = "{ School: schools(first: 30) { nodes { id brin name } }
        SchoolBoard: schoolBoards(first: 9) { nodes { id number name } }
        Municipality: municipalities(first: 9) { nodes { id code name } }
        Partner: partners(first: 9) { nodes { id name } } Need: needs(first: 9) { nodes { id title school { brin } } }
        Offer: offers(first: 9) { nodes { id title } } Commitment: commitments(first: 9) { nodes { id title } }
        HousingOption: housingOptions(first: 9) { nodes { id title } }
        HousingScheme: housingSchemes(first: 9) { nodes { id name } }
        Initiative: initiatives(first: 9) { nodes { id name } } }";
    let known = hub.data(query, json!({})).await?;
    Ok(Some((hub, known)))
}

fn records<'a>(known: &'a Value, type_name: &str) -> &'a Vec<Value> {
    known[type_name]["nodes"].as_array().expect("records")
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_record_is_found_by_each_of_its_keys(#[case] backend: Backend) -> Result<()> {
    let Some((hub, known)) = hub(backend).await? else { return Ok(()) };
    let mut representations = Vec::new();
    let mut expected = Vec::new();
    for (type_name, keys) in [
        ("School", vec!["id", "brin"]),
        ("SchoolBoard", vec!["id", "number"]),
        ("Municipality", vec!["id", "code"]),
        ("Partner", vec!["id"]),
        ("Need", vec!["id"]),
        ("Offer", vec!["id"]),
        ("Commitment", vec!["id"]),
        ("HousingOption", vec!["id"]),
        ("HousingScheme", vec!["id"]),
        ("Initiative", vec!["id"]),
    ] {
        let records = records(&known, type_name);
        assert!(records.len() > 1, "{type_name}: {}", records.len());
        for record in records {
            for key in &keys {
                representations.push(json!({ "__typename": type_name, *key: record[*key], "extra": [1] }));
                expected.push(record.clone());
            }
        }
    }
    // The same again, in another order: what stands twice is given twice.
    representations.extend(representations.clone().into_iter().rev());
    expected.extend(expected.clone().into_iter().rev());
    let data = hub.data(ENTITIES, json!({ "r": representations })).await?;
    assert_eq!(data["_entities"], json!(expected));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_is_not_there_is_null_and_spoils_nothing(#[case] backend: Backend) -> Result<()> {
    let Some((hub, known)) = hub(backend).await? else { return Ok(()) };
    let (school, need) = (&records(&known, "School")[0], &records(&known, "Need")[0]);
    let of_school = |brin: &Value| json!({ "__typename": "School", "brin": brin });
    let absent = [
        of_school(&json!("99ZZ99")),
        of_school(&json!("' OR 1=1 --")),
        json!({ "__typename": "Offer", "id": need["id"] }),
        json!({ "__typename": "Need", "id": "bm8gaWQ" }),
        json!({ "__typename": "Municipality", "code": "GM9999" }),
    ];
    let mut representations = vec![of_school(&school["brin"])];
    representations.extend(absent.clone());
    representations.push(json!({ "__typename": "Need", "id": need["id"] }));
    let mut expected = vec![school.clone()];
    expected.extend(absent.iter().map(|_| Value::Null));
    expected.push(need.clone());
    let data = hub.data(ENTITIES, json!({ "r": representations })).await?;
    assert_eq!(data["_entities"], json!(expected), "and no error");

    // What is no representation is told, at its place.
    let broken = [json!({ "__typename": "Query" }), json!({ "id": 1 }), json!(7), json!({ "__typename": "School" })];
    let mut representations = vec![of_school(&school["brin"])];
    representations.extend(broken.clone());
    representations.push(json!({ "__typename": "Need", "id": need["id"] }));
    let answer = hub.ask(&ENTITIES.replace("_entities(", "them: _entities("), json!({ "r": representations })).await;
    let mut expected = vec![school.clone()];
    expected.extend(broken.iter().map(|_| Value::Null));
    expected.push(need.clone());
    assert_eq!(answer["data"]["them"], json!(expected), "{answer}");
    let errors = answer["errors"].as_array().context("errors")?;
    let told: BTreeSet<String> =
        errors.iter().map(|error| format!("{} {}", error["path"], error["extensions"]["code"])).collect();
    let expected: BTreeSet<String> =
        (1..=broken.len()).map(|index| format!("[\"them\",{index}] \"BAD_USER_INPUT\"")).collect();
    assert_eq!(told, expected, "{answer}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn many_entities_cost_the_statements_of_one(#[case] backend: Backend) -> Result<()> {
    let Some((hub, known)) = hub(backend).await? else { return Ok(()) };
    let query = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on School {
        name municipality { name } needs(first: 3) { nodes { title } } } } }";
    let schools = records(&known, "School");
    for key in ["id", "brin"] {
        let mut costs = Vec::new();
        for count in [1, schools.len()] {
            let representation = |school: &Value| json!({ "__typename": "School", key: school[key] });
            let representations: Vec<Value> = schools.iter().take(count).map(representation).collect();
            let (data, statements) = hub.statements(hub.data(query, json!({ "r": representations }))).await;
            assert_eq!(data?["_entities"].as_array().context("entities")?.len(), count);
            costs.push(statements);
        }
        assert_eq!(costs[0], costs[1], "by {key}");
    }
    Ok(())
}

#[tokio::test]
async fn gateways_requests_keep_to_the_limits() -> Result<()> {
    let (hub, _gateway) = TestHub::served().await?;
    let gateway = hub.serve(LimitSettings { cost: 500, ..LimitSettings::default() }).await?;
    let ask = async |count: usize| {
        let representations = vec![json!({ "__typename": "School", "brin": "99AA00" }); count];
        gateway.ask(&json!({ "query": ENTITIES, "variables": { "r": representations } })).await
    };
    // A field for itself, and the fields of all types for each.
    let (status, answer) = ask(10).await?;
    assert_eq!(status, 200, "{answer}");
    let (_, answer) = ask(100).await?;
    assert_eq!(told(&answer), ("LIMIT_EXCEEDED", "cost"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn gateways_are_told_the_schema_and_clients_nothing_of_them() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    let data = hub.data("{ _service { sdl } __typename }", json!({})).await?;
    assert_eq!(data, json!({ "_service": { "sdl": federation_sdl() }, "__typename": "Query" }));
    let query =
        "{ __schema { types { name fields { name } possibleTypes { name } } } any: __type(name: \"_Any\") { name } }";
    let data = hub.data(query, json!({})).await?;
    assert_eq!(data["any"], Value::Null);
    let text = data.to_string();
    assert!(text.contains("\"School\""));
    for name in ["_Any", "_Entity", "_Service", "_entities", "_service"] {
        assert!(!text.contains(&format!("\"{name}\"")), "clients are told of {name}, which is for gateways");
    }
    Ok(())
}

/// A schema of somebody else's, which adds to the hub's.
const WORKSHOPS: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
type Query { workshops: [Workshop!]! }
type School @key(fields: "brin") { brin: String! workshops: [Workshop!]! }
type Partner @key(fields: "id") { id: ID! workshops: [Workshop!]! }
type Workshop @key(fields: "id") { id: ID! title: String! price: Money! school: School! }
type Money @shareable { amount: Int! currency: String! }
"#;

#[tokio::test]
async fn other_makers_tools_compose_the_schema() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (hub, partner) = (folder.path().join("hub.graphql"), folder.path().join("workshops.graphql"));
    std::fs::write(&hub, federation_sdl())?;
    std::fs::write(&partner, WORKSHOPS)?;
    let paths = [hub.display().to_string(), partner.display().to_string()];
    tests::node::run("federation", "compose.mjs", &paths.each_ref().map(String::as_str)).await?;
    Ok(())
}

#[tokio::test]
async fn apollos_gateway_joins_the_hub_and_an_outside_subgraph() -> Result<()> {
    let (hub, gateway) = TestHub::served().await?;
    hub.sync(&RunOptions::default()).await?;
    let folder = tempfile::tempdir()?;
    let partner = folder.path().join("workshops.graphql");
    std::fs::write(&partner, WORKSHOPS)?;
    let arguments = [&gateway.url("/graphql"), &partner.display().to_string(), &hub.sandbox.sample_brin()];
    tests::node::run("federation", "gateway.mjs", &arguments.map(String::as_str)).await?;
    Ok(())
}
