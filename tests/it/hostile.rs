//! Hostile requests, over HTTP: what the tool graphql-cop tries, and texts made to exhaust a parser. Each is refused with
//! a word that a program understands, or bounded; none takes long, and none leaves the hub with more memory than it needs.

use std::time::Duration;

use anyhow::{Context, Result};
use gateway::config::LimitSettings;
use rstest::rstest;
use serde_json::{Value, json};
use tests::gateway::{TestGateway, client, told};
use tests::hub::TestHub;
use tests::store::Backend;
use tokio::time::timeout;

/// What a request may take, generously: the bound is there so that nothing hangs.
const PATIENCE: Duration = Duration::from_secs(10);

async fn refused(gateway: &TestGateway, query: &str) -> Result<(String, String)> {
    let (status, answer) = timeout(PATIENCE, gateway.ask(&json!({ "query": query }))).await??;
    assert_eq!(status, 400, "{answer}");
    assert!(answer.get("data").is_none(), "{answer}");
    assert!(answer.to_string().len() < 20_000, "what is refused is not repeated");
    let (code, limit) = told(&answer);
    Ok((code.to_owned(), limit.to_owned()))
}

fn doubling(fragments: usize, spread: &str) -> String {
    let link = |number: usize| format!(" fragment F{number} on Query {{ ...F{0} ...F{0} }}", number + 1);
    let chain: String = (0..fragments).map(link).collect();
    format!("{{ __typename {spread} }}{chain} fragment F{fragments} on Query {{ __typename }}")
}

#[tokio::test]
async fn what_graphql_cop_tries_is_refused_or_bounded() -> Result<()> {
    let (_hub, gateway) = TestHub::served().await?;
    let aliases: String = (0..101).map(|number| format!("alias{number}: __typename ")).collect();
    let circle =
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }";
    let names = "__typename ".repeat(500);
    let limit = |limit: &str| ("LIMIT_EXCEEDED".to_owned(), limit.to_owned());
    for (query, expected) in [
        (format!("{{ {aliases} }}"), limit("root_fields")),
        (format!("{{ viewer {{ {} }} }}", aliases.replace("__typename", "subject")), limit("aliases")),
        (format!("{{ __typename {} }}", "@aa".repeat(10)), limit("directives")),
        (format!("{{ {names} }}"), limit("root_fields")),
        (circle.to_owned(), limit("introspection_depth")),
        (
            "{ ...A } fragment A on Query { __typename ...B } fragment B on Query { ...A }".to_owned(),
            ("GRAPHQL_VALIDATION_FAILED".to_owned(), String::new()),
        ),
    ] {
        assert_eq!(refused(&gateway, &query).await?, expected, "{}", &query[..query.len().min(100)]);
    }

    // A list of requests in one body.
    let batch = json!([{ "query": "{ __typename }" }, { "query": "{ __typename }" }]);
    let (status, answer) = gateway.ask(&batch).await?;
    assert_eq!((status, told(&answer).0), (400, "BAD_REQUEST"));

    // What a browser sends unasked: a GET that writes, and forms.
    let address = format!("{}?query=mutation%7B__typename%7D", gateway.url("/graphql"));
    assert_eq!(client().get(address).send().await?.status(), 405);
    for form in
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/graphql"]
    {
        let request = client().post(gateway.url("/graphql")).header("content-type", form);
        assert_eq!(request.body("query={__typename}").send().await?.status(), 415, "{form}");
    }

    // Traces, and a console where the API is.
    let (_, answer) = gateway.ask(&json!({ "query": "{ viewer { scopes } }" })).await?;
    let extensions: Vec<_> = answer["extensions"].as_object().context("extensions")?.keys().collect();
    assert_eq!(extensions, ["cost"], "no traces");
    let page = client().get(gateway.url("/graphql")).header("accept", "text/html").send().await?;
    assert_eq!(page.status(), 406);
    Ok(())
}

#[tokio::test]
async fn suggestions_and_introspection_follow_the_configuration() -> Result<()> {
    let (hub, open) = TestHub::served().await?;
    let limits = LimitSettings { introspection: false, suggestions: false, ..LimitSettings::default() };
    let closed = hub.serve(limits).await?;
    let misspelt = json!({ "query": "{ shools { totalCount } }" });
    let message = |answer: &Value| answer["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message(&open.ask(&misspelt).await?.1).contains("schools"));
    assert!(!message(&closed.ask(&misspelt).await?.1).contains("schools"));
    for query in ["{ __schema { types { name } } }", "{ a: __type(name: \"School\") { name } }"] {
        assert_eq!(open.ask(&json!({ "query": query })).await?.0, 200);
        assert_eq!(refused(&closed, query).await?.0, "INTROSPECTION_DISABLED");
    }
    // What tells objects apart is no introspection.
    assert_eq!(closed.ask(&json!({ "query": "{ __typename viewer { __typename } }" })).await?.0, 200);
    Ok(())
}

#[rstest]
#[case::brackets("[".repeat(100_000), "nesting")]
#[case::braces("{a".repeat(50_000), "nesting")]
#[case::values(format!("{{ schools(filter: {}", "{a:[".repeat(50_000)), "nesting")]
#[case::defaults(format!("query ($a: A = {}", "[".repeat(100_000)), "nesting")]
#[case::types(format!("query ($a: {}Int", "[".repeat(100_000)), "nesting")]
#[case::aliases(format!("{{ {} }}", (0..90_000).map(|n| format!("a{n}: b ")).collect::<String>()), "tokens")]
#[case::spreads(format!("{{ {} }}", "...F ".repeat(200_000)), "tokens")]
#[case::variables(format!("query ({}) {{ a }}", (0..60_000).map(|n| format!("$v{n}: Int ")).collect::<String>()), "tokens")]
#[case::doubling(doubling(60, "...F0"), "selections")]
#[case::doubling_that_nothing_spreads(doubling(60, ""), "selections")]
#[case::chain(
    format!("{{ ...F0 }}{} fragment F400 on Query {{ a }}",
        (0..400).map(|n| format!(" fragment F{n} on Query {{ ...F{} }}", n + 1)).collect::<String>()),
    "nesting"
)]
#[case::lists_in_lists("{ schools(first: 100) { nodes { needs(first: 100) { nodes { school { needs(first: 100) \
    { nodes { title } } } } } } } }".to_owned(), "cost")]
#[tokio::test]
async fn a_document_made_to_exhaust_is_refused(#[case] document: String, #[case] limit: &str) -> Result<()> {
    let (_hub, gateway) = TestHub::served().await?;
    let before = resident_kib()?;
    for _ in 0..3 {
        let (code, told) = refused(&gateway, &document).await?;
        assert_eq!(code, "LIMIT_EXCEEDED");
        assert_eq!(told, limit);
    }
    grew_little(before)
}

#[tokio::test]
async fn a_body_made_to_exhaust_is_refused() -> Result<()> {
    let (_hub, gateway) = TestHub::served().await?;
    let before = resident_kib()?;
    let query = "query ($a: [Int!]) { __typename }";
    let ones = vec!["1"; 240_000].join(",");
    for (body, status) in [
        (format!("{{\"query\": \"{query}\", \"variables\": {{\"a\": [{ones}]}}}}"), 400),
        (format!("{{\"query\": \"{query}\", \"variables\": {{\"a\": {}", "[".repeat(200_000)), 400),
        (
            format!("{{\"query\": \"{query}\", \"variables\": {{\"a\": {}{}}}}}", "[".repeat(9_000), "]".repeat(9_000)),
            400,
        ),
        (format!("{{\"query\": \"{query}\", \"extensions\": {{\"a\": [{ones}]}}}}"), 400),
        (format!("{{\"query\": {}", "[".repeat(500_000)), 400),
        ("[".repeat(1_000_000), 400),
        ("\"".repeat(1_000_000), 400),
        (" ".repeat(1_000_000), 400),
        ("x".repeat(2_000_000), 413),
        (format!("{{\"query\": \"{{ __typename }}\", \"variables\": {{\"a\": 1{}}}}}", "0".repeat(400)), 400),
    ] {
        let response = timeout(PATIENCE, gateway.post(body.clone())).await??;
        assert_eq!(response.status(), status, "{}", &body[..body.len().min(80)]);
        let answer: Value = response.json().await?;
        assert!(answer["errors"][0]["extensions"]["code"].is_string(), "{answer}");
    }
    let bytes = timeout(PATIENCE, gateway.post(vec![b'{', 0xff, 0xfe, b'}'])).await??;
    assert_eq!(bytes.status(), 400);
    grew_little(before)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn odd_texts_and_numbers_are_answered_alike(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    let gateway = hub.serve(LimitSettings::default()).await?;
    let query = "query ($t: String) { schools(filter: { name: $t }) { totalCount } }";
    for text in ["", "é\u{301}", "🏫", "%_\\'\";--", "\u{202e}", "\u{ffff}", "' OR 1=1 --"] {
        let (status, answer) = gateway.ask(&json!({ "query": query, "variables": { "t": text } })).await?;
        assert_eq!((status, answer.get("errors")), (200, None), "{text:?}: {answer}");
    }
    let literal = json!("{ schools(filter: { name: \"a\\u0000b\" }) { totalCount } }");
    for request in [
        json!({ "query": query, "variables": { "t": "a\0b" } }),
        json!({ "query": literal }),
        json!({ "query": "query ($n: Int) { schools(first: $n) { totalCount } }", "variables": { "n": 1u64 << 60 } }),
        json!({ "query": "query ($n: Int) { schools(first: $n) { totalCount } }", "variables": { "n": 1e300 } }),
    ] {
        let (status, answer) = gateway.ask(&request).await?;
        assert_eq!((status, told(&answer).0), (400, "BAD_USER_INPUT"), "{answer}");
    }
    let (_, answer) =
        gateway.ask(&json!({ "query": "{ schools(first: 99999999999999999999) { totalCount } }" })).await?;
    assert_eq!(told(&answer).0, "GRAPHQL_VALIDATION_FAILED", "{answer}");
    Ok(())
}

/// This process's resident memory, in KiB.
fn resident_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("Linux tells it")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("its line")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// At its highest, this process, which is both the hub and its client, needed less than 50 MB more.
fn grew_little(before: u64) -> Result<()> {
    let grown = resident_kib()?.saturating_sub(before);
    assert!(grown < 50 * 1024, "{grown} KiB");
    Ok(())
}
