//! Metrics as a collector gets them: real requests of OTLP over HTTP, from the real binary, beside what `/metrics` tells.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tests::gateway::client;
use tests::process::Process;
use tests::until;
use tokio::net::TcpListener;

use super::{Figures, ask};

/// A collector of metrics: everything that came to it.
#[derive(Clone, Default)]
struct Came {
    pushes: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    is_down: Arc<AtomicBool>,
}

impl Came {
    async fn start() -> Result<(Self, SocketAddr)> {
        let came = Self::default();
        let router = Router::new().route("/otlp/v1/metrics", post(collect)).with_state(came.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((came, address))
    }

    fn len(&self) -> usize {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The push of this number, once it has come.
    async fn push(&self, number: usize) -> Result<Push> {
        until("metrics are pushed", async || self.len() > number).await?;
        let pushes = self.pushes.lock().unwrap_or_else(PoisonError::into_inner);
        let (headers, body) = pushes.get(number).context("a push")?;
        Push::read(headers.clone(), body)
    }
}

async fn collect(State(came): State<Came>, headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    if came.is_down.load(Ordering::SeqCst) {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    came.pushes.lock().unwrap_or_else(PoisonError::into_inner).push((headers, body));
    (StatusCode::OK, Json(json!({})))
}

/// What was pushed, read as the format has it, and written as `/metrics` writes it.
struct Push {
    headers: HeaderMap,
    resource: BTreeMap<String, String>,
    figures: BTreeMap<String, f64>,
    /// By name, as Prometheus calls it.
    kinds: BTreeMap<String, String>,
    since: BTreeSet<u64>,
}

impl Push {
    fn read(headers: HeaderMap, body: &Value) -> Result<Self> {
        let [resource] = body["resourceMetrics"].as_array().context("resources")?.as_slice() else { bail!("{body}") };
        let [scope] = resource["scopeMetrics"].as_array().context("scopes")?.as_slice() else { bail!("{body}") };
        assert_eq!(scope["scope"]["name"], "hub");
        let mut push = Self {
            headers,
            resource: labels(&resource["resource"]).into_iter().collect(),
            figures: BTreeMap::new(),
            kinds: BTreeMap::new(),
            since: BTreeSet::new(),
        };
        for metric in scope["metrics"].as_array().context("metrics")? {
            push.take(metric)?;
        }
        Ok(push)
    }

    fn take(&mut self, metric: &Value) -> Result<()> {
        let name = metric["name"].as_str().context("a name")?;
        ensure!(metric["description"].as_str().is_some_and(|text| !text.is_empty()), "{metric}");
        let kind = ["sum", "gauge", "histogram"].into_iter().find(|kind| metric.get(kind).is_some());
        let kind = kind.context("a kind")?;
        let data = &metric[kind];
        let told = if kind == "sum" { "counter" } else { kind };
        assert_eq!(
            labels(&json!({ "attributes": metric["metadata"] })),
            [("prometheus.type".to_owned(), told.to_owned())]
        );
        assert_eq!(data["isMonotonic"], if kind == "sum" { json!(true) } else { Value::Null }, "{name}");
        assert_eq!(data["aggregationTemporality"], if kind == "gauge" { Value::Null } else { json!(2) }, "{name}");
        assert_eq!(name.ends_with("_total"), kind == "sum", "{name}");
        ensure!(self.kinds.insert(name.to_owned(), told.to_owned()).is_none(), "{name} is told twice");
        let points = data["dataPoints"].as_array().context("points")?;
        ensure!(!points.is_empty(), "{name} tells nothing");
        for point in points {
            let labels = labels(point);
            let until = whole(&point["timeUnixNano"])?;
            if kind != "gauge" {
                let since = whole(&point["startTimeUnixNano"])?;
                ensure!(since <= until, "{point}");
                self.since.insert(since);
            }
            if kind == "histogram" {
                self.take_histogram(name, &labels, point)?;
            } else {
                let number = point["asInt"].as_str().context("a whole number")?.parse()?;
                self.figures.insert(written(name, &labels, None), number);
            }
        }
        Ok(())
    }

    fn take_histogram(&mut self, name: &str, labels: &[(String, String)], point: &Value) -> Result<()> {
        let counts = point["bucketCounts"].as_array().context("buckets")?;
        let bounds = point["explicitBounds"].as_array().context("bounds")?;
        assert_eq!(counts.len(), bounds.len() + 1, "the last bucket has no bound");
        let mut up_to = 0;
        for (index, count) in counts.iter().enumerate() {
            up_to += whole(count)?;
            let bound = bounds.get(index).and_then(Value::as_f64).map_or("+Inf".to_owned(), |bound| bound.to_string());
            #[expect(clippy::cast_precision_loss, reason = "tests count no further")]
            self.figures.insert(written(&format!("{name}_bucket"), labels, Some(&bound)), up_to as f64);
        }
        assert_eq!(up_to, whole(&point["count"])?);
        self.figures.insert(
            written(&format!("{name}_count"), labels, None),
            point["count"].as_str().context("a count")?.parse()?,
        );
        self.figures.insert(written(&format!("{name}_sum"), labels, None), point["sum"].as_f64().context("a sum")?);
        Ok(())
    }
}

/// A number of 64 bits: as text, as the format has it.
fn whole(value: &Value) -> Result<u64> {
    Ok(value.as_str().with_context(|| format!("{value} is no text"))?.parse()?)
}

fn labels(holder: &Value) -> Vec<(String, String)> {
    let attributes = holder["attributes"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    attributes.map(|each| (text(&each["key"]), text(&each["value"]["stringValue"]))).collect()
}

/// As `/metrics` writes it.
fn written(name: &str, labels: &[(String, String)], bound: Option<&str>) -> String {
    let bound = bound.map(|bound| format!("le=\"{bound}\""));
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).chain(bound).collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
}

fn settings(collector: SocketAddr, more: &str) -> String {
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n\
         [telemetry]\notlp = \"http://{collector}/otlp\"\n{more}"
    )
}

fn with_secret(folder: &Path, more: &str) -> Result<String> {
    let file = folder.join("secret");
    std::fs::write(&file, "Bearer hush\n")?;
    Ok(format!("{more}otlp_headers = {{ authorization = {{ file = \"{}\" }} }}\n", file.display()))
}

/// The figures of a process that looks after itself, whoever asks.
fn moves_by_itself(name: &str) -> bool {
    ["hub_process_", "hub_database_connections"].iter().any(|family| name.starts_with(family))
}

#[tokio::test]
async fn a_collector_is_told_what_metrics_tells() -> Result<()> {
    let (came, collector) = Came::start().await?;
    let folder = tempfile::tempdir()?;
    let hub =
        Process::start(&["serve"], &settings(collector, &with_secret(folder.path(), "metrics_every_ms = 100\n")?))?;
    let (address, backstage) = (hub.address().await?, hub.backstage().await?);
    for first in 1..=7 {
        ask(&address, &format!("query Schools {{ schools(first: {first}) {{ totalCount }} }}")).await?;
    }
    ask(&address, "query Broken { nothing }").await?;

    // What stood still from before a push until after it is in the push as it stood.
    let before = Figures::of(&backstage).await?;
    let text = client().get(format!("{backstage}/metrics")).send().await?.text().await?;
    // The next may have been looked at before.
    let number = came.len() + 1;
    let push = came.push(number).await?;
    let after = Figures::of(&backstage).await?;
    let stood = before.0.iter().filter(|(name, figure)| after.0.get(*name) == Some(figure) && !moves_by_itself(name));
    let stood: Vec<_> = stood.collect();
    for (name, figure) in &stood {
        assert_eq!(push.figures.get(*name), Some(*figure), "{name}");
    }
    let stood: BTreeSet<_> = stood.into_iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "hub_graphql_requests_total{operation=\"Schools\",type=\"query\",outcome=\"ok\"}",
        "hub_graphql_request_duration_seconds_bucket{operation=\"Schools\",le=\"0.0025\"}",
        "hub_graphql_request_duration_seconds_bucket{operation=\"Schools\",le=\"+Inf\"}",
        "hub_graphql_request_duration_seconds_sum{operation=\"Schools\"}",
        "hub_graphql_errors_total{code=\"GRAPHQL_VALIDATION_FAILED\"}",
        "hub_http_requests_in_flight",
        "hub_store_up",
    ] {
        ensure!(stood.contains(name), "{name} did not stand still");
    }
    assert_eq!(push.figures["hub_graphql_requests_total{operation=\"Schools\",type=\"query\",outcome=\"ok\"}"], 7.0);
    // Nothing is left out but what has no figure yet, and nothing is made up.
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let told = |name: &str| {
        before
            .0
            .keys()
            .any(|figure| figure.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['{', '_'])))
    };
    let types: BTreeMap<_, _> =
        types.filter(|(name, _)| told(name)).map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
    assert_eq!(push.kinds, types);

    assert_eq!(push.headers["content-type"], "application/json");
    assert_eq!(push.headers["authorization"], "Bearer hush");
    assert_eq!(push.resource["service.name"], "alliance-hub");
    assert_eq!(push.resource["service.instance.id"].len(), 36);
    let earlier = came.push(0).await?;
    assert_eq!((&earlier.resource, &earlier.since, earlier.since.len()), (&push.resource, &push.since, 1));
    for (name, figure) in &earlier.figures {
        let is_a_level = push.kinds.get(name.split('{').next().unwrap_or_default()).is_some_and(|kind| kind == "gauge");
        ensure!(is_a_level || push.figures[name] >= *figure, "{name} has become less");
    }
    let (status, log) = hub.stop().await?;
    ensure!(status.success() && !log.join("\n").contains("hush"), "{}", log.join("\n"));
    Ok(())
}

#[tokio::test]
async fn the_last_figures_are_pushed_when_the_process_ends() -> Result<()> {
    let (came, collector) = Came::start().await?;
    let hub = Process::start(&["serve"], &settings(collector, ""))?;
    let address = hub.address().await?;
    for _ in 0..3 {
        ask(&address, "query Themes { themes { theme } }").await?;
    }
    assert_eq!(came.len(), 0, "a minute has not gone by");
    ensure!(hub.stop().await?.0.success());
    assert_eq!(came.len(), 1);
    let push = came.push(0).await?;
    assert_eq!(push.figures["hub_graphql_requests_total{operation=\"Themes\",type=\"query\",outcome=\"ok\"}"], 3.0);

    let worker = Process::start(&["worker"], &settings(collector, ""))?;
    worker.backstage().await?;
    ensure!(worker.stop().await?.0.success());
    let push = came.push(1).await?;
    ensure!(push.kinds.contains_key("hub_build_info"), "{:?}", push.kinds);
    Ok(())
}

#[tokio::test]
async fn who_takes_traces_alone_is_sent_no_metrics() -> Result<()> {
    let (came, collector) = Came::start().await?;
    let hub = Process::start(&["serve"], &settings(collector, "metrics_every_ms = 0\n"))?;
    ask(&hub.address().await?, "{ themes { theme } }").await?;
    ensure!(hub.stop().await?.0.success());
    assert_eq!(came.len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_collector_that_takes_nothing_is_told_of_once_until_it_does() -> Result<()> {
    let (came, collector) = Came::start().await?;
    came.is_down.store(true, Ordering::SeqCst);
    let hub = Process::start(&["serve"], &settings(collector, "metrics_every_ms = 50\n"))?;
    let address = hub.address().await?;
    let told = |log: &[String], what: &str| log.iter().filter(|line| line.contains(what)).count();
    until("it is told of", async || told(&hub.log(), "takes no metrics") > 0).await?;
    for _ in 0..10 {
        ensure!(ask(&address, "query Themes { themes { theme } }").await?.get("errors").is_none());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    came.is_down.store(false, Ordering::SeqCst);
    until("it is told of", async || told(&hub.log(), "takes metrics again") > 0).await?;
    // None of it is lost.
    let push = came.push(0).await?;
    assert_eq!(push.figures["hub_graphql_requests_total{operation=\"Themes\",type=\"query\",outcome=\"ok\"}"], 10.0);
    let (status, log) = hub.stop().await?;
    ensure!(status.success());
    assert_eq!((told(&log, "takes no metrics"), told(&log, "takes metrics again")), (1, 1), "{}", log.join("\n"));
    Ok(())
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_nobody_up() -> Result<()> {
    // Connections are made by the system, and nobody reads what comes.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let hub =
        Process::start(&["serve"], &settings(silent.local_addr()?, "metrics_every_ms = 10\nexport_every_ms = 10\n"))?;
    let address = hub.address().await?;
    silent.accept().await?;
    for _ in 0..20 {
        ensure!(ask(&address, "query Themes { themes { theme } }").await?.get("errors").is_none());
    }
    // `stop` has a bound of its own, which is shorter than what a collector would need.
    let (status, log) = hub.stop().await?;
    ensure!(status.success(), "{}", log.join("\n"));
    Ok(())
}
