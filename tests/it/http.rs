//! The hub's addresses over real sockets: what answers, within which bounds, and how it stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{MethodRouter, any, get};
use entity::Clock;
use gateway::auth::Authenticator;
use gateway::config::{AuthSettings, ConnectionUrl, DatabaseSettings, SubscriptionSettings};
use gateway::database::{self, schema};
use gateway::http::{self, Readiness, RequestId, Site, Stopped, Streams};
use gateway::telemetry::Metrics;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A gateway on a free port, on an empty store.
struct Gateway {
    address: SocketAddr,
    db: sea_orm::DatabaseConnection,
    shutdown: CancellationToken,
    served: JoinHandle<std::io::Result<Stopped>>,
}

impl Gateway {
    async fn start(graphql: MethodRouter, request_timeout: Duration, grace: Duration) -> Self {
        let url = ConnectionUrl::from("sqlite::memory:");
        let db = database::connect(&DatabaseSettings::at(url, None)).await.expect("a store in memory");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shutdown = CancellationToken::new();
        let authenticator = Authenticator::new(&AuthSettings::default(), Clock::system()).expect("a client");
        let authenticator = Arc::new(authenticator);
        let site = Site {
            readiness: Readiness::of(&db),
            authenticator,
            public_url: None,
            body_bytes: 1000,
            request_timeout,
            explorer: true,
            metrics: Metrics::default(),
        };
        let router = http::router(site, Router::new().route("/graphql", graphql), None);
        let streams = Streams::new(&SubscriptionSettings::default(), 1000, shutdown.clone());
        let served = tokio::spawn(async move { http::serve(listener, router, &streams, grace).await });
        Self { address, db, shutdown, served }
    }

    /// One whose `/graphql` answers by GET after `pause`.
    async fn with_pause(pause: Duration, request_timeout: Duration, grace: Duration) -> Self {
        let answer = async move || {
            tokio::time::sleep(pause).await;
            "answered"
        };
        Self::start(get(answer), request_timeout, grace).await
    }

    async fn plain() -> Self {
        Self::with_pause(Duration::ZERO, Duration::from_secs(10), Duration::from_secs(10)).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> Response {
        client().get(self.url(path)).send().await.expect("an answer")
    }
}

#[expect(clippy::disallowed_methods, reason = "a client of the hub, not the hub's own way out")]
fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_gzip().no_proxy().build().expect("a client")
}

async fn body(response: Response) -> Value {
    response.json().await.expect("JSON")
}

#[tokio::test]
async fn the_hub_is_ready_once_its_schema_is_there_and_its_database_answers() {
    let gateway = Gateway::plain().await;
    let response = gateway.get("/readyz").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let missing = "the database's schema is not up to date: run `hub migrate up`";
    assert_eq!(body(response).await, json!({ "status": "not ready", "missing": [missing] }));

    schema::up(&gateway.db).await.unwrap();
    let response = gateway.get("/readyz").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body(response).await, json!({ "status": "ready" }));

    gateway.db.close_by_ref().await.unwrap();
    let response = gateway.get("/readyz").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body(response).await, json!({ "status": "not ready", "missing": ["the database does not answer"] }));
    assert_eq!(gateway.get("/livez").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let gateway = Gateway::plain().await;
    let response = gateway.get("/livez").await;
    assert_eq!(response.headers()["x-request-id"].len(), 36);
    let request = client().get(gateway.url("/livez")).header("x-request-id", "from-the-proxy");
    assert_eq!(request.send().await.unwrap().headers()["x-request-id"], "from-the-proxy");
}

#[tokio::test]
async fn what_is_not_there_is_told_in_json() {
    let gateway = Gateway::plain().await;
    for path in ["/nothing", "/explorer/nothing", "/"] {
        let response = gateway.get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(body(response).await["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }
    let response = client().delete(gateway.url("/livez")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    assert_eq!(body(response).await["errors"][0]["extensions"]["code"], "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn the_explorer_comes_whole_and_from_here_only() {
    let gateway = Gateway::plain().await;
    // Without a console, that is where browsers are led.
    let front = client().get(gateway.url("/")).header(ACCEPT, "text/html,*/*").send().await.unwrap();
    assert_eq!(front.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(front.headers()[LOCATION], "/explorer");

    let page = gateway.get("/explorer").await;
    assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
    let page = page.text().await.unwrap();
    assert!(!page.contains("://"));

    let addresses: Vec<_> = page.split('"').filter(|part| part.starts_with("/explorer/")).collect();
    assert_eq!(addresses.len(), 6);
    for address in addresses {
        let plain = gateway.get(address).await;
        assert_eq!(plain.status(), StatusCode::OK, "{address}");
        assert!(!plain.headers().contains_key(CONTENT_ENCODING), "{address}");
        let tag = plain.headers()[ETAG].clone();
        assert!(plain.bytes().await.unwrap().len() > 50);
        let again = client().get(gateway.url(address)).header(IF_NONE_MATCH, tag).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{address}");
        assert!(again.bytes().await.unwrap().is_empty());
    }
    let packed = client().get(gateway.url("/explorer/graphiql.js")).header("accept-encoding", "gzip");
    let packed = packed.send().await.unwrap();
    assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
    assert_eq!(packed.bytes().await.unwrap()[..2], [0x1f, 0x8b]);
    let unpacked = gateway.get("/explorer/graphiql.js").await.text().await.unwrap();
    assert!(unpacked.contains("createFetcher"));
    assert_eq!(gateway.get("/explorer/school-card.graphql").await.text().await.unwrap(), http::SCHOOL_CARD);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let gateway = Gateway::with_pause(Duration::from_secs(60), Duration::from_millis(50), Duration::ZERO).await;
    let response = gateway.get("/graphql").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body(response).await["errors"][0]["extensions"]["code"], "TIMEOUT");
}

#[tokio::test]
async fn a_panic_harms_its_own_request_only() {
    let panics = any(async |axum::Extension(RequestId(id)): axum::Extension<RequestId>| -> &'static str {
        panic!("a secret in {id}")
    });
    let gateway = Gateway::start(panics, Duration::from_secs(10), Duration::ZERO).await;
    let request = client().get(gateway.url("/graphql")).header("x-request-id", "seven");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body(response).await["errors"][0]["message"], "Internal error (request seven).");
    assert_eq!(gateway.get("/livez").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_read() {
    let length = any(async |body: Bytes| body.len().to_string());
    let gateway = Gateway::start(length, Duration::from_secs(10), Duration::ZERO).await;
    for (length, expected) in [(1000, StatusCode::OK), (1001, StatusCode::PAYLOAD_TOO_LARGE)] {
        let response = client().post(gateway.url("/graphql")).body(vec![b'x'; length]).send().await.unwrap();
        assert_eq!(response.status(), expected, "{length}");
    }
}

#[tokio::test]
async fn what_is_under_way_is_answered_before_the_hub_stops() {
    let pause = Duration::from_millis(300);
    let gateway = Gateway::with_pause(pause, Duration::from_secs(10), Duration::from_secs(10)).await;
    let under_way = tokio::spawn(client().get(gateway.url("/graphql")).send());
    tokio::time::sleep(pause / 3).await;
    gateway.shutdown.cancel();
    tokio::time::sleep(pause / 3).await;
    assert!(TcpStream::connect(gateway.address).await.is_err(), "no new connection is taken");
    let response = under_way.await.unwrap().unwrap();
    assert_eq!(response.text().await.unwrap(), "answered");
    assert_eq!(gateway.served.await.unwrap().unwrap(), Stopped::InTime);
}

#[tokio::test]
async fn the_hub_does_not_wait_longer_than_its_grace() {
    let gateway =
        Gateway::with_pause(Duration::from_secs(60), Duration::from_secs(60), Duration::from_millis(50)).await;
    let _under_way = tokio::spawn(client().get(gateway.url("/graphql")).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    gateway.shutdown.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(5), gateway.served).await;
    assert_eq!(stopped.expect("it ends").unwrap().unwrap(), Stopped::CutOff);
}
