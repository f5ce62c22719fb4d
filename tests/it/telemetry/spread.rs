//! How a trace comes in with a request and goes on to partners, whether any of it is recorded or not.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
use axum::extract::{Request, State};
use axum::{Json, Router};
use rstest::rstest;
use serde_json::{Value, json};
use tests::gateway::client;
use tests::process::Process;
use tests::subgraph::TestSubgraph;
use tests::until;
use tokio::net::TcpListener;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const NOBODY_COLLECTS: &str = "";
/// Nobody listens there.
const SOMEBODY_COLLECTS: &str = "otlp = \"http://127.0.0.1:9\"\nexport_every_ms = 600000\n";

struct Query;

#[Object]
impl Query {
    async fn echo(&self, say: String) -> String {
        say
    }
}

type Echo = Schema<Query, EmptyMutation, EmptySubscription>;

/// The parts of a `traceparent`.
fn parts(traceparent: &str) -> Result<[String; 3]> {
    let [version, trace, span, flags] = traceparent.split('-').collect::<Vec<_>>()[..] else {
        anyhow::bail!("{traceparent}")
    };
    let is_id = |id: &str, length| id.len() == length && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    ensure!(version == "00" && is_id(trace, 32) && is_id(span, 16) && is_id(flags, 2), "{traceparent}");
    ensure!(trace.contains(|sign| sign != '0') && span.contains(|sign| sign != '0'), "{traceparent}");
    Ok([trace, span, flags].map(str::to_owned))
}

/// A hub with a partner's live graph.
struct Stage {
    hub: Process,
    address: String,
    partner: TestSubgraph<Echo>,
}

impl Stage {
    async fn set(telemetry: &str) -> Result<Self> {
        let schema = Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
        let partner = TestSubgraph::serve(schema).await?;
        let settings = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[telemetry]\n{telemetry}\
             [[subgraph]]\nname = \"echo\"\nurl = \"{}\"\n",
            partner.settings("echo").url
        );
        let hub = Process::start(&["serve"], &settings)?;
        let address = hub.address().await?;
        let stage = Self { hub, address, partner };
        until("the partner is joined", async || stage.ask("joined", &[]).await.is_ok()).await?;
        Ok(stage)
    }

    /// Has the hub ask the partner for this. Returns what the partner was told of the trace, and what the log says.
    async fn ask(&self, say: &str, headers: &[(&str, &str)]) -> Result<(String, Option<String>, String)> {
        let query = json!({ "query": format!("{{ echo(say: \"{say}\") }}") });
        let mut request = client().post(format!("{}/graphql", self.address)).json(&query);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let id = response.headers()["x-request-id"].to_str()?.to_owned();
        let answer: Value = response.json().await?;
        ensure!(answer["data"] == json!({ "echo": say }), "{answer}");
        let told = self.partner.header("traceparent").context("a traceparent")?;
        let mut logged = None;
        until("the request is logged", async || {
            let line = self.hub.log().into_iter().find(|line| line.contains(&id) && line.contains("answered POST"));
            logged = line.and_then(|line| serde_json::from_str::<Value>(&line).ok());
            logged.is_some()
        })
        .await?;
        let trace = logged.and_then(|line| line["trace.id"].as_str().map(str::to_owned)).context("a trace's id")?;
        Ok((told, self.partner.header("tracestate"), trace))
    }
}

#[rstest]
#[case(NOBODY_COLLECTS)]
#[case(SOMEBODY_COLLECTS)]
#[tokio::test]
async fn a_callers_trace_goes_on_to_partners(#[case] telemetry: &str) -> Result<()> {
    let stage = Stage::set(telemetry).await?;
    for flags in ["01", "00"] {
        let caller = format!("00-{TRACE}-{SPAN}-{flags}");
        let headers = [("traceparent", caller.as_str()), ("tracestate", "vendor=opaque")];
        let (told, state, logged) = stage.ask(&format!("flags {flags}"), &headers).await?;
        let [trace, span, told_flags] = parts(&told)?;
        assert_eq!((trace.as_str(), logged.as_str(), state.as_deref()), (TRACE, TRACE, Some("vendor=opaque")));
        if telemetry == NOBODY_COLLECTS {
            // Nothing stands between the caller's span and the partner's, which is as much recorded as the caller wants.
            assert_eq!((span.as_str(), told_flags.as_str()), (SPAN, flags));
        } else {
            assert_ne!(span, SPAN);
            assert_eq!(told_flags, "01", "the operator decides");
        }
    }
    Ok(())
}

#[rstest]
#[case(NOBODY_COLLECTS)]
#[case(SOMEBODY_COLLECTS)]
#[tokio::test]
async fn who_tells_of_no_trace_begins_one(#[case] telemetry: &str) -> Result<()> {
    let stage = Stage::set(telemetry).await?;
    let long = "a".repeat(4000);
    let mut seen = Vec::new();
    for (index, wrong) in [
        "",
        "nonsense",
        "00-1-1-01",
        "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        &long,
    ]
    .into_iter()
    .enumerate()
    {
        let headers = [("traceparent", wrong), ("tracestate", "vendor=opaque")];
        let (told, state, logged) = stage.ask(&format!("wrong {index}"), &headers).await?;
        let [trace, _, _] = parts(&told)?;
        assert_eq!(trace, logged, "{wrong}");
        ensure!(trace != TRACE && !seen.contains(&trace), "{wrong}: {trace}");
        assert_eq!(state.as_deref().unwrap_or_default(), "", "what belongs to no trace goes nowhere");
        seen.push(trace);
    }
    Ok(())
}

/// A directory (HSDS) that has nothing, and what it was told of traces.
async fn directory(State(told): State<Arc<Mutex<Vec<String>>>>, request: Request) -> Json<Value> {
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    told.lock().unwrap_or_else(PoisonError::into_inner).push(traceparent.unwrap_or_default().to_owned());
    Json(json!({ "total_items": 0, "total_pages": 1, "page_number": 1, "size": 0, "first_page": true,
        "last_page": true, "empty": true, "contents": [] }))
}

#[rstest]
#[case("")]
#[case("log = \"off\"\n")]
#[tokio::test]
async fn all_that_a_run_asks_for_is_one_trace_though_nobody_collects_it(#[case] telemetry: &str) -> Result<()> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(directory).with_state(Arc::clone(&told));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = format!(
        "[telemetry]\n{telemetry}[[source]]\nid = \"directory\"\nconnector = \"partner\"\nbase_url = \"http://{address}\"\n\
         every = \"1h\"\n"
    );
    let worker = Process::start(&["worker"], &settings)?;
    let all = || told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    until("several streams are read", async || all().len() > 1).await?;
    ensure!(worker.stop().await?.0.success());
    let [first, ..] = &all()[..] else { anyhow::bail!("nothing was read") };
    for each in all() {
        assert_eq!(parts(&each)?[0], parts(first)?[0], "{:?}", all());
        assert_eq!(parts(&each)?[2], "00", "nobody records it");
    }
    Ok(())
}
