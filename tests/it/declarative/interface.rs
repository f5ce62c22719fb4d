//! What can be described of an interface, each on a real one over HTTP: ways of paging, requests, failures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use connectors::api::{self, Api};
use connectors::settings::SourceSettings;
use connectors::{Connector, Error, ErrorKind, Mapped, ReadRequest, systems};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What an interface was asked.
#[derive(Clone, Debug)]
struct Asked {
    method: Method,
    path: String,
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Value,
}

impl Asked {
    fn number(&self, name: &str) -> usize {
        self.query.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// An interface that answers as it is told, and remembers what it was asked.
struct Interface {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Interface {
    async fn start(answer: impl Fn(&Asked, &str) -> Response + Clone + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (heard, base) = (Arc::clone(&asked), url.clone());
        let router = Router::new().fallback(async move |request: Request| {
            let (parts, body) = request.into_parts();
            let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
            let asked = Asked {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                query: query(&parts.uri),
                headers: parts.headers,
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
            answer(&asked, &base)
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, asked })
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A source of partners whose stream is described so, beside what every description has.
    fn source(&self, stream: Value) -> Result<SourceSettings> {
        let mut described =
            json!({ "path": "list", "records": "$.items", "id": "$.id", "fields": { "name": "$.name" } });
        for (key, value) in stream.as_object().context("an object")? {
            described[key] = value.clone();
        }
        let error = json!({ "code": "$.fault.code", "when": "$.fault" });
        Ok(serde_json::from_value(json!({
            "id": "described", "connector": "declarative", "base_url": self.url,
            "interface": { "kind": "partner", "error": error, "partners": described },
        }))?)
    }

    /// The identifiers of all records, page by page.
    async fn read(&self, stream: Value) -> Result<Result<Vec<String>, Error>> {
        let source = self.source(stream)?;
        let (connector, api) = (systems::connector(&source)?, Api::new(&api::client()?, &source, None)?);
        Ok(read(connector.as_ref(), &api).await)
    }
}

async fn read(connector: &dyn Connector, api: &Api) -> Result<Vec<String>, Error> {
    let (mut ids, mut token) = (Vec::new(), None::<String>);
    for _ in 0..20 {
        let since = Some("2026-11-01T08:00:00Z".parse().expect("an instant"));
        let page = connector.read(api, ReadRequest { stream: "partners", since, token: token.as_deref() }).await?;
        ids.extend(page.records.iter().map(|raw| match connector.map("partners", raw) {
            Ok(Mapped::Record { external_id, .. }) => external_id,
            other => format!("{other:?}"),
        }));
        token = page.next;
        if token.is_none() {
            return Ok(ids);
        }
    }
    Ok(vec!["it does not end".to_owned()])
}

fn query(uri: &Uri) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x{uri}")).expect("an address");
    url.query_pairs().into_owned().collect()
}

/// The records of a page: seven in all.
fn items(from: usize, count: usize) -> Vec<Value> {
    (from..7.min(from + count)).map(|id| json!({ "id": id, "name": format!("Partner {id}") })).collect()
}

fn all() -> Vec<String> {
    (0..7).map(|id| id.to_string()).collect()
}

#[tokio::test]
async fn pages_may_go_by_offset_with_or_without_a_total() -> Result<()> {
    for with_total in [true, false] {
        let interface = Interface::start(move |asked, _| {
            let total = with_total.then_some(7);
            Json(json!({ "items": items(asked.number("skip"), 3), "total": total })).into_response()
        })
        .await?;
        let paging = json!({ "by": "offset", "parameter": "skip", "size": { "parameter": "take", "records": 3 }, "total": "$.total" });
        assert_eq!(interface.read(json!({ "paging": paging })).await??, all());
        let asked = interface.asked();
        assert_eq!((asked[0].number("take"), asked[1].number("skip")), (3, 3));
        assert_eq!(asked.len(), if with_total { 3 } else { 4 });
    }
    Ok(())
}

#[tokio::test]
async fn pages_may_be_numbered_from_nought_and_end_where_they_say_so() -> Result<()> {
    let interface = Interface::start(|asked, _| {
        let page = asked.number("p");
        Json(json!({ "items": items(page * 3, 3), "isLast": page == 2, "pages": 9 })).into_response()
    })
    .await?;
    let paging = json!({ "by": "page", "parameter": "p", "first": 0, "last": "$.isLast", "pages": "$.pages" });
    assert_eq!(interface.read(json!({ "paging": paging })).await??, all());
    assert_eq!(interface.asked().len(), 3);
    Ok(())
}

#[tokio::test]
async fn an_interface_that_takes_no_notice_of_the_page_does_not_go_on_for_ever() -> Result<()> {
    let interface = Interface::start(|_, _| Json(json!({ "items": items(0, 3), "pages": 99 })).into_response()).await?;
    let paging = json!({ "by": "page", "parameter": "p", "pages": "$.pages" });
    let error = interface.read(json!({ "paging": paging })).await?.expect_err("a circle");
    assert_eq!(error.kind(), ErrorKind::Paging);
    assert!(error.to_string().starts_with("interface.partners.paging: "), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_cursor_is_sent_back_in_the_body_of_a_post() -> Result<()> {
    let interface = Interface::start(|asked, _| {
        let from = asked.body["variables"]["after"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        let next = (from + 3 < 7).then(|| (from + 3).to_string());
        Json(json!({ "items": items(from, 3), "cursor": next })).into_response()
    })
    .await?;
    let stream = json!({
        "method": "POST", "body": { "query": "{ partners }", "variables": { "first": 3 } },
        "paging": { "by": "cursor", "parameter": { "body": "/variables/after" }, "next": "$.cursor" },
        "since": { "parameter": { "body": "/variables/since" }, "format": "unix" }, "modified_at": "$.at",
    });
    assert_eq!(interface.read(stream).await??, all());
    let asked = interface.asked();
    assert!(asked.iter().all(|asked| asked.method == Method::POST && asked.path == "/list"));
    assert_eq!(asked[0].body, json!({ "query": "{ partners }", "variables": { "first": 3, "since": "1793520000" } }));
    assert_eq!(asked[1].body["variables"]["after"], json!("3"));
    Ok(())
}

#[tokio::test]
async fn a_link_a_hal_link_and_an_address_lead_on() -> Result<()> {
    let interface = Interface::start(|asked, base| {
        let from = asked.number("from");
        let next = (from + 3 < 7).then(|| format!("/list?from={}", from + 3));
        let hal = next.as_ref().map(|next| json!({ "next": { "href": next } }));
        let link = next
            .as_ref()
            .map(|next| format!("<{base}/list?from=0>; rel=first, <{base}{next}>; title=\"a, b\"; rel=\"next\""));
        let mut response = Json(json!({ "items": items(from, 3), "_links": hal, "more": next })).into_response();
        if let Some(link) = link {
            response.headers_mut().insert("link", link.parse().expect("a header"));
        }
        response
    })
    .await?;
    let ways = [json!({ "by": "link" }), json!({ "by": "hal" }), json!({ "by": "next_url", "next": "$.more" })];
    for paging in ways {
        assert_eq!(interface.read(json!({ "paging": paging })).await??, all(), "{paging}");
    }
    assert_eq!(interface.asked().len(), 9);
    Ok(())
}

#[tokio::test]
async fn a_next_address_on_another_host_is_not_followed_and_told_with_its_place() -> Result<()> {
    let elsewhere = Interface::start(|_, _| Json(json!({ "items": [] })).into_response()).await?;
    let target = elsewhere.url.clone();
    let interface = Interface::start(move |_, _| {
        Json(json!({ "items": items(0, 3), "more": format!("{target}/list") })).into_response()
    })
    .await?;
    let paging = json!({ "by": "next_url", "next": "$.more" });
    let error = interface.read(json!({ "paging": paging })).await?.expect_err("another host");
    assert_eq!(error.kind(), ErrorKind::Paging);
    assert!(
        error.to_string().starts_with("interface.partners.paging.next: the link to the next page leads to 127."),
        "{error}"
    );
    assert!(elsewhere.asked().is_empty());
    Ok(())
}

#[tokio::test]
async fn requests_carry_the_described_query_and_headers() -> Result<()> {
    let interface = Interface::start(|_, _| Json(json!({ "items": items(0, 7) })).into_response()).await?;
    let stream = json!({
        "path": "v2/partners", "query": { "active": "yes" }, "headers": { "X-Version": "2" },
        "since": { "parameter": "filter", "text": "changed>='{since}'", "format": "%d-%m-%Y" }, "modified_at": "$.at",
    });
    assert_eq!(interface.read(stream).await??, all());
    let asked = interface.asked().remove(0);
    assert_eq!((asked.path.as_str(), asked.method), ("/v2/partners", Method::GET));
    assert_eq!(
        asked.query,
        HashMap::from(
            [("active", "yes"), ("filter", "changed>='01-11-2026'")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        )
    );
    assert_eq!(asked.headers.get("x-version").and_then(|value| value.to_str().ok()), Some("2"));
    Ok(())
}

#[tokio::test]
async fn failures_are_told_with_the_code_of_their_body_and_nothing_else_of_it() -> Result<()> {
    let failing = |status: StatusCode| {
        Interface::start(move |_, _| {
            let fault = json!({ "code": "QUOTA", "text": "pupil Jansen" });
            (status, Json(json!({ "fault": fault, "items": [] }))).into_response()
        })
    };
    for (status, kind) in [(StatusCode::FORBIDDEN, ErrorKind::Forbidden), (StatusCode::OK, ErrorKind::ServerError)] {
        let error = failing(status).await?.read(json!({})).await?.expect_err("a failure");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("QUOTA") && !error.to_string().contains("Jansen"), "{error}");
    }
    let error = Interface::start(|_, _| Json(json!({ "items": { "a": 1 } })).into_response()).await?;
    let error = error.read(json!({})).await?.expect_err("no list");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("interface.partners: the answer has no list at records ($.items)"), "{error}");
    Ok(())
}
