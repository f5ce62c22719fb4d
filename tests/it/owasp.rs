//! The OWASP cheat sheet on GraphQL, point by point, over HTTP.
//! <https://cheatsheetseries.owasp.org/cheatsheets/GraphQL_Cheat_Sheet.html>
//!
//! | Point | Test |
//! |---|---|
//! | Input validation: allow lists, types, errors that give nothing away | [`input_is_one_of_what_is_allowed`] |
//! | Injection: SQL | [`input_is_a_value_and_never_a_statement`] |
//! | Injection: headers and log lines (CRLF) | [`what_a_client_sends_forges_no_header`] |
//! | Injection: requests in the hub's name (SSRF) | `webhooks::registering`, `webhooks::hostile`, `faults` |
//! | Injection: commands of the operating system | none: the hub starts no other program |
//! | Denial of service: depth, amount, cost | [`depth_amount_and_cost_have_limits`], `hostile` |
//! | Denial of service: pagination | [`no_list_is_longer_than_its_maximum`] |
//! | Denial of service: time limits | `bounds`, `http::an_answer_that_takes_too_long_is_given_up` |
//! | Denial of service: rate of requests, per client | `bounds::two_gateways_count_a_clients_requests_together` |
//! | Denial of service: batched reads at the server | `graph`: a query's statements are fixed by its shape |
//! | Access: each record, by whatever way it is reached (IDOR) | [`a_record_is_not_found_by_its_id_alone`], `policy` |
//! | Access: who may change what | [`nothing_is_changed_without_a_token`], `write`, `webhooks::rights` |
//! | Batching attacks: lists of requests, aliases | [`requests_come_one_at_a_time`], `hostile` |
//! | Configuration: introspection, suggestions | `hostile::suggestions_and_introspection_follow_the_configuration` |
//! | Configuration: explorer | [`the_explorer_can_be_off`] |
//! | Configuration: errors | [`internal_errors_say_nothing_but_the_requests_id`] |

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use gateway::config::{HttpSettings, LimitSettings, Settings};
use gateway::graphql::Graph;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use tests::gateway::{TestGateway, client, told};
use tests::hub::TestHub;
use tests::records::Fixture;
use tests::store::Backend;

#[tokio::test]
async fn input_is_one_of_what_is_allowed() -> Result<()> {
    let (_hub, gateway) = TestHub::served().await?;
    let filler = "A".repeat(5_000);
    for (query, variables) in [
        ("query ($v: String!) { school(brin: $v) { id } }", json!("12345")),
        ("query ($v: String!) { school(brin: $v) { id } }", json!(filler)),
        ("query ($v: String!) { municipality(code: $v) { id } }", json!("Amsterdam")),
        ("query ($v: ID!) { node(id: $v) { id } }", json!("not-an-id")),
        ("query ($v: [Theme!]) { schools(filter: { themes: $v }) { totalCount } }", json!(["EVERYTHING"])),
        ("query ($v: Int) { schools(first: $v) { totalCount } }", json!(-1)),
        ("query ($v: Int) { schools(first: $v) { totalCount } }", json!("ten")),
        ("query ($v: Int) { schools(first: $v) { totalCount } }", json!(2.5)),
        ("query ($v: String) { schools(after: $v) { totalCount } }", json!("<script>alert(1)</script>")),
        ("query ($v: SchoolFilter) { schools(filter: $v) { totalCount } }", json!({ "isAdmin": true })),
        ("query ($v: String!) { search(text: $v) { totalCount } }", json!(filler)),
    ] {
        let request = json!({ "query": query, "variables": { "v": variables } });
        let response = gateway.post(request.to_string()).await?;
        let kind = response.headers()["content-type"].to_str()?.to_owned();
        assert!(kind.starts_with("application/graphql-response+json"), "{kind}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let answer: Value = response.json().await?;
        let code = told(&answer).0;
        assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code), "{variables}: {answer}");
        assert!(answer.to_string().len() < 1_000, "what is refused is not repeated: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn input_is_a_value_and_never_a_statement() -> Result<()> {
    let (hub, gateway) = TestHub::served().await?;
    hub.sync(&Default::default()).await?;
    for text in ["'; DROP TABLE school; --", "\" OR \"\"=\"", "x' UNION SELECT 1 --"] {
        let query = "query ($t: String!) { schools(filter: { name: $t }) { totalCount } source(id: $t) { id } }";
        let (_, answer) = gateway.ask(&json!({ "query": query, "variables": { "t": text } })).await?;
        assert_eq!(answer["data"], json!({ "schools": { "totalCount": 0 }, "source": null }), "{answer}");
    }
    let (_, answer) = gateway.ask(&json!({ "query": "{ schools { totalCount } }" })).await?;
    assert!(answer["data"]["schools"]["totalCount"].as_i64() > Some(0));
    Ok(())
}

#[tokio::test]
async fn what_a_client_sends_forges_no_header() -> Result<()> {
    let (_hub, gateway) = TestHub::served().await?;
    let forged = "a%0d%0aSet-Cookie:%20b=c";
    for header in ["x-request-id", "traceparent", "idempotency-key", "accept-language", "origin", "x-forwarded-for"] {
        let request = client().post(gateway.url("/graphql")).header(header, forged);
        let response = request.json(&json!({ "query": "{ __typename }" })).send().await?;
        assert_eq!(response.status(), 200, "{header}");
        let repeats = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).contains("%0d");
        assert!(!response.headers().values().any(repeats), "{header}: {:?}", response.headers());
        assert!(!response.headers().contains_key("set-cookie"));
    }
    let query = json!({ "query": "query ($t: String!) { source(id: $t) { id } }", "variables": { "t": "a\r\nb: c" } });
    let response = gateway.post(query.to_string()).await?;
    assert!(!response.headers().contains_key("b"));
    Ok(())
}

#[tokio::test]
async fn depth_amount_and_cost_have_limits() -> Result<()> {
    let (_hub, gateway) = TestHub::served().await?;
    let deep = format!("{}{{ id }}{}", "{ schools(first: 1) { nodes { board ".repeat(9), " } } }".repeat(9));
    let many: String = (0..150).map(|number| format!("a{number}: schools(first: 1) {{ totalCount }} ")).collect();
    let dear = "{ schools(first: 100) { nodes { needs(first: 100) { nodes { commitments(first: 100) { nodes { id } } } } } } }";
    for (query, limit) in [(deep, "depth"), (format!("{{ {many} }}"), "root_fields"), (dear.to_owned(), "cost")] {
        let (status, answer) = gateway.ask(&json!({ "query": query })).await?;
        assert_eq!((status, told(&answer)), (400, ("LIMIT_EXCEEDED", limit)), "{query}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn no_list_is_longer_than_its_maximum() -> Result<()> {
    let (hub, gateway) = TestHub::served().await?;
    hub.sync(&Default::default()).await?;
    for list in ["schools", "needs", "offers", "partners", "commitments", "housingOptions", "municipalities"] {
        let (_, answer) =
            gateway.ask(&json!({ "query": format!("{{ {list}(first: 101) {{ totalCount }} }}") })).await?;
        assert_eq!(told(&answer).0, "BAD_USER_INPUT", "{list}: {answer}");
        let (_, answer) = gateway.ask(&json!({ "query": format!("{{ {list} {{ nodes {{ id }} }} }}") })).await?;
        assert!(answer["data"][list]["nodes"].as_array().context("nodes")?.len() <= 20, "{list}");
    }
    Ok(())
}

#[tokio::test]
async fn a_record_is_not_found_by_its_id_alone() -> Result<()> {
    let fixture = Fixture::new(Backend::Sqlite).await?.context("SQLite is always there")?;
    let gateway = TestGateway::on_store(&fixture.store.db, &Settings::default().subscriptions).await?;
    let hidden: Vec<&str> = fixture
        .records
        .iter()
        .filter(|record| ["DRAFT", "WITHDRAWN", "PROPOSED", "DECLINED"].contains(&record.status.as_str()))
        .map(|record| record.id.as_str())
        .collect();
    assert!(hidden.len() >= 6, "{} records that not everybody sees", hidden.len());
    for id in hidden {
        let query = "query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }";
        let (_, answer) = gateway.ask(&json!({ "query": query, "variables": { "id": id } })).await?;
        assert_eq!(answer["data"], json!({ "node": null, "nodes": [null] }), "{answer}");
        // Whether it exists is not told either: the same as for an identity that nobody has.
        assert!(answer.get("errors").is_none(), "{answer}");
    }
    Ok(())
}

fn types() -> Result<HashMap<String, TypeKind>> {
    let definitions = parse_schema(gateway::graphql::sdl())?.definitions.into_iter();
    let types = definitions.filter_map(|definition| match definition {
        TypeSystemDefinition::Type(named) => Some((named.node.name.node.to_string(), named.node.kind)),
        _ => None,
    });
    Ok(types.collect())
}

/// The least that a type takes.
fn least(types: &HashMap<String, TypeKind>, of: &Type) -> Result<Value> {
    let name = match &of.base {
        BaseType::List(_) => return Ok(json!([])),
        BaseType::Named(name) => name.as_str(),
    };
    Ok(match types.get(name) {
        Some(TypeKind::Enum(values)) => json!(values.values[0].node.value.node),
        Some(TypeKind::InputObject(input)) => {
            let required =
                input.fields.iter().filter(|field| !field.node.ty.node.nullable && field.node.default_value.is_none());
            let members = required
                .map(|field| Ok((field.node.name.node.to_string(), least(types, &field.node.ty.node)?)))
                .collect::<Result<serde_json::Map<_, _>>>()?;
            Value::Object(members)
        }
        _ => match name {
            "Int" => json!(1),
            "Float" => json!(0.5),
            "Boolean" => json!(true),
            "Date" => json!("2026-09-01"),
            "DateTime" => json!("2026-09-01T08:00:00Z"),
            _ => json!("x"),
        },
    })
}

#[tokio::test]
async fn nothing_is_changed_without_a_token() -> Result<()> {
    let (hub, gateway) = TestHub::served().await?;
    hub.sync(&Default::default()).await?;
    let before = entity::change::Entity::find().all(&hub.store.db).await?.len();
    let types = types()?;
    let Some(TypeKind::Object(mutation)) = types.get("Mutation") else { bail!("there is no mutation") };
    assert!(mutation.fields.len() >= 14, "{} mutations", mutation.fields.len());
    for field in &mutation.fields {
        let [input] = field.node.arguments.as_slice() else { bail!("{} has not one argument", field.node.name) };
        let (field, input) = (&field.node.name, &input.node.ty.node);
        let query = format!("mutation ($i: {input}) {{ {field}(input: $i) {{ __typename }} }}");
        let (status, answer) =
            gateway.ask(&json!({ "query": query, "variables": { "i": least(&types, input)? } })).await?;
        assert_eq!((status, told(&answer).0), (401, "UNAUTHENTICATED"), "{field}: {answer}");
    }
    assert_eq!(entity::change::Entity::find().all(&hub.store.db).await?.len(), before);
    Ok(())
}

#[tokio::test]
async fn requests_come_one_at_a_time() -> Result<()> {
    let (hub, single) = TestHub::served().await?;
    let three = json!([{ "query": "{ __typename }" }, { "query": "{ __typename }" }, { "query": "{ __typename }" }]);
    let (status, answer) = single.ask(&three).await?;
    assert_eq!((status, answer.get("data")), (400, None), "{answer}");
    let pairs = hub.serve(LimitSettings { batch_size: 2, ..LimitSettings::default() }).await?;
    let (status, answer) = pairs.ask(&three).await?;
    assert_eq!((status, told(&answer)), (400, ("LIMIT_EXCEEDED", "batch_size")), "{answer}");
    Ok(())
}

#[tokio::test]
async fn the_explorer_can_be_off() -> Result<()> {
    let (hub, open) = TestHub::served().await?;
    let db = &hub.store.db;
    let settings = Settings {
        http: HttpSettings { explorer: false, console: false, ..HttpSettings::default() },
        ..Settings::default()
    };
    let limits = LimitSettings::default();
    let closed =
        TestGateway::within(db, &settings, |feed| Graph::new(db.clone(), entity::Clock::system(), feed, &limits))
            .await?;
    for path in ["/", "/explorer", "/explorer/graphiql.js"] {
        for (gateway, found) in [(&open, true), (&closed, false)] {
            let response = client().get(gateway.url(path)).header("accept", "text/html").send().await?;
            assert_eq!(response.status() != 404, found, "{path}: {}", response.status());
        }
    }
    assert_eq!(closed.ask(&json!({ "query": "{ __typename }" })).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn internal_errors_say_nothing_but_the_requests_id() -> Result<()> {
    let (hub, gateway) = TestHub::served().await?;
    hub.store.db.execute_unprepared("ALTER TABLE school RENAME COLUMN name TO its_name").await?;
    let request = client().post(gateway.url("/graphql")).header("x-request-id", "seven");
    let query = json!({ "query": "{ schools { nodes { name } } viewer { scopes } }" });
    let answer: Value = request.json(&query).send().await?.json().await?;
    assert_eq!(answer["errors"][0]["message"], "Internal error (request seven).", "{answer}");
    assert_eq!(answer["errors"][0]["extensions"], json!({ "code": "INTERNAL" }));
    assert_eq!(answer["errors"][0]["path"], json!(["schools"]));
    Ok(())
}
