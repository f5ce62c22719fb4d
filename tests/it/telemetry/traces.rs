//! Traces as a collector gets them: real requests of OTLP over HTTP, from the real binary.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use axum::extract::{Json, Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Router, response::IntoResponse};
use serde_json::{Value, json};
use tests::gateway::client;
use tests::process::Process;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::ask;

const CALLER: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLERS_SPAN: &str = "b7ad6b7169203331";

/// A collector, and whom the hub reads: everything that came to either.
#[derive(Clone, Default)]
struct Came {
    spans: Arc<Mutex<Vec<Value>>>,
    traceparents: Arc<Mutex<Vec<String>>>,
}

impl Came {
    async fn start() -> Result<(Self, SocketAddr)> {
        let came = Self::default();
        let router = Router::new().route("/otlp/v1/traces", post(collect)).fallback(directory);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = router.with_state(came.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((came, address))
    }

    /// The spans of this name, once there are any.
    async fn spans(&self, name: &str) -> Result<Vec<Span>> {
        for _ in 0..600 {
            let found: Vec<_> = self.all().into_iter().filter(|span| span.name == name).collect();
            if !found.is_empty() {
                return Ok(found);
            }
            sleep(Duration::from_millis(50)).await;
        }
        let names: Vec<_> = self.all().into_iter().map(|span| span.name).collect();
        bail!("no span `{name}` came, but {names:?}")
    }

    fn all(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Span::read).collect()
    }
}

async fn collect(State(came): State<Came>, Json(body): Json<Value>) -> impl IntoResponse {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    for resource in body["resourceSpans"].as_array().into_iter().flatten() {
        let attributes = resource["resource"]["attributes"].as_array().into_iter().flatten();
        let names: Vec<_> = attributes.filter_map(|attribute| text(&attribute["key"])).collect();
        assert!(names.contains(&"service.name".to_owned()), "{names:?}");
        for scope in resource["scopeSpans"].as_array().into_iter().flatten() {
            let spans = scope["spans"].as_array().cloned().unwrap_or_default();
            came.spans.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
        }
    }
    Json(json!({ "partialSuccess": {} }))
}

/// A directory (HSDS) that has nothing.
async fn directory(State(came): State<Came>, request: Request) -> impl IntoResponse {
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    came.traceparents.lock().unwrap_or_else(PoisonError::into_inner).push(traceparent.unwrap_or_default().to_owned());
    (
        StatusCode::OK,
        Json(json!({ "total_items": 0, "total_pages": 1, "page_number": 1, "size": 0,
        "first_page": true, "last_page": true, "empty": true, "contents": [] })),
    )
}

/// A span, as the format of OTLP has it.
#[derive(Clone, Debug)]
struct Span {
    name: String,
    trace: String,
    id: String,
    parent: Option<String>,
    kind: u64,
    attributes: HashMap<String, Value>,
}

impl Span {
    fn read(span: &Value) -> Self {
        let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
        let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hex(&text("traceId"), 32) && is_hex(&text("spanId"), 16), "{span}");
        let nanos = |key: &str| text(key).parse::<u128>().expect("nanoseconds as text");
        assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"), "{span}");
        let attributes = span["attributes"].as_array().into_iter().flatten().map(|attribute| {
            let value = attribute["value"].as_object().and_then(|value| value.values().next());
            (attribute["key"].as_str().unwrap_or_default().to_owned(), value.cloned().unwrap_or_default())
        });
        Self {
            name: text("name"),
            trace: text("traceId"),
            id: text("spanId"),
            parent: span["parentSpanId"].as_str().map(str::to_owned),
            kind: span["kind"].as_u64().unwrap_or_default(),
            attributes: attributes.collect(),
        }
    }
}

fn settings(collector: SocketAddr, more: &str) -> String {
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[telemetry]\notlp = \"http://{collector}/otlp\"\nexport_every_ms = 100\n{more}"
    )
}

#[tokio::test]
async fn a_request_goes_on_with_its_callers_trace_and_says_what_it_cost() -> Result<()> {
    let (came, collector) = Came::start().await?;
    let hub = Process::start(&["serve"], &settings(collector, ""))?;
    let address = hub.address().await?;
    let query = json!({ "query": "query Schools { schools(first: 5) { totalCount } }" });
    let request = client().post(format!("{address}/graphql")).json(&query);
    let response = request.header("traceparent", format!("00-{CALLER}-{CALLERS_SPAN}-01")).send().await?;
    let request_id = response.headers()["x-request-id"].to_str()?.to_owned();

    let requests = came.spans("gateway.http.request").await?;
    let [request] = requests.as_slice() else { bail!("{requests:?}") };
    assert_eq!((request.trace.as_str(), request.parent.as_deref(), request.kind), (CALLER, Some(CALLERS_SPAN), 2));
    assert_eq!(request.attributes["request.id"], json!(request_id));
    assert_eq!(request.attributes["http.status"], json!("200"));
    let executed = came.spans("gateway.graphql.execute").await?;
    let [executed] = executed.as_slice() else { bail!("{executed:?}") };
    assert_eq!((executed.trace.as_str(), executed.parent.as_ref()), (CALLER, Some(&request.id)));
    assert_eq!(executed.attributes["graphql.operation.name"], json!("Schools"));
    assert_eq!(executed.attributes["outcome"], json!("ok"));
    let statements: u32 = executed.attributes["db.statements"].as_str().context("a count")?.parse()?;
    ensure!(statements >= 1);
    ensure!(!format!("{:?}", came.all()).contains("totalCount"), "a trace holds no query");
    let (_, log) = hub.stop().await?;
    let line = log.iter().find(|line| line.contains("answered POST /graphql")).context("a line")?;
    ensure!(line.contains(&format!("\"trace.id\":\"{CALLER}\"")) && line.contains(&request_id), "{line}");
    Ok(())
}

#[tokio::test]
async fn a_run_is_a_trace_with_a_span_a_page_that_partners_are_told_of() -> Result<()> {
    let (came, collector) = Came::start().await?;
    let source =
        format!("[[source]]\nid = \"directory\"\nconnector = \"partner\"\nbase_url = \"http://{collector}\"\n");
    let hub = Process::start(&["worker"], &settings(collector, &source))?;
    let runs = came.spans("connectors.sync.run").await?;
    let [run] = runs.as_slice() else { bail!("{runs:?}") };
    assert_eq!(run.parent, None);
    assert_eq!(run.attributes["source.id"], json!("directory"));
    let pages: Vec<_> = came.all().into_iter().filter(|span| span.name == "connectors.page.read").collect();
    let told = came.traceparents.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ensure!(!pages.is_empty() && pages.len() == told.len(), "{pages:?} {told:?}");
    for page in &pages {
        assert_eq!((&page.trace, page.parent.as_ref()), (&run.trace, Some(&run.id)));
        ensure!(told.contains(&format!("00-{}-{}-01", page.trace, page.id)), "{told:?}");
    }
    let (_, log) = hub.stop().await?;
    let line = log.iter().find(|line| line.contains("run ended")).context("a line")?;
    ensure!(line.contains("\"source.id\":\"directory\""), "{line}");
    Ok(())
}

#[tokio::test]
async fn a_collector_that_is_down_costs_nothing_but_its_traces() -> Result<()> {
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let hub = Process::start(&["serve"], &settings(closed, ""))?;
    let address = hub.address().await?;
    for _ in 0..20 {
        let answer = ask(&address, "query Themes { themes { theme } }").await?;
        ensure!(answer.get("errors").is_none(), "{answer}");
        sleep(Duration::from_millis(20)).await;
    }
    let (status, log) = hub.stop().await?;
    ensure!(status.success());
    let told: Vec<_> = log.iter().filter(|line| line.contains("takes no traces")).collect();
    assert_eq!(told.len(), 1, "told once: {}", log.join("\n"));
    Ok(())
}

#[tokio::test]
async fn the_share_that_is_sent_is_the_operators_whatever_callers_say() -> Result<()> {
    let (came, collector) = Came::start().await?;
    let hub = Process::start(&["serve"], &settings(collector, "sample_ratio = 0.0\n"))?;
    let address = hub.address().await?;
    let request = client().post(format!("{address}/graphql")).json(&json!({ "query": "{ themes { theme } }" }));
    request.header("traceparent", format!("00-{CALLER}-{CALLERS_SPAN}-01")).send().await?;
    let (_, log) = hub.stop().await?;
    assert_eq!(came.all().len(), 0);
    ensure!(log.iter().any(|line| line.contains(CALLER)), "the log has the trace all the same");
    Ok(())
}
