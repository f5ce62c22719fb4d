//! A partner's live graph on loopback: any schema of async-graphql's, which fails when it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use async_graphql::{Executor, Request, Response};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use connectors::settings::SubgraphSettings;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    Well,
    /// It takes this long, in milliseconds.
    Slow(u64),
    /// It answers with a page and a status of its own.
    Down,
    /// It answers 200 with something that is no JSON.
    Garbage,
    /// It answers 200 with JSON that never ends, as long as it is read.
    Endless,
    /// It closes the connection in the middle of its answer.
    CutOff,
}

struct Inner<E> {
    executor: E,
    mood: Mutex<Mood>,
    asked: AtomicUsize,
    authorization: Mutex<Option<String>>,
    document: Mutex<String>,
}

/// A partner's live graph. It is gone when this is dropped.
pub struct TestSubgraph<E> {
    inner: Arc<Inner<E>>,
    url: String,
    served: JoinHandle<()>,
}

impl<E: Executor> TestSubgraph<E> {
    /// Serves a schema on a free port.
    pub async fn serve(executor: E) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/graphql", listener.local_addr()?);
        let inner = Arc::new(Inner {
            executor,
            mood: Mutex::new(Mood::Well),
            asked: AtomicUsize::new(0),
            authorization: Mutex::default(),
            document: Mutex::default(),
        });
        let router = Router::new().route("/graphql", post(answer::<E>)).with_state(Arc::clone(&inner));
        let served = tokio::spawn(async move {
            // It ends with the test.
            axum::serve(listener, router).await.ok();
        });
        Ok(Self { inner, url, served })
    }

    /// Changes how it behaves.
    pub fn be(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.inner.asked.load(Ordering::SeqCst)
    }

    /// The `Authorization` of the last request.
    #[must_use]
    pub fn authorization(&self) -> Option<String> {
        self.inner.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The document of the last request.
    #[must_use]
    pub fn document(&self) -> String {
        self.inner.document.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How a hub is configured to ask it.
    #[must_use]
    pub fn settings(&self, name: &str) -> SubgraphSettings {
        serde_json::from_value(json!({ "name": name, "url": self.url })).expect("a subgraph's settings")
    }
}

impl<E> Drop for TestSubgraph<E> {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn answer<E: Executor>(
    State(inner): State<Arc<Inner<E>>>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    inner.asked.fetch_add(1, Ordering::SeqCst);
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    *inner.authorization.lock().unwrap_or_else(PoisonError::into_inner) = authorization;
    let mood = *inner.mood.lock().unwrap_or_else(PoisonError::into_inner);
    match mood {
        Mood::Well => {}
        Mood::Slow(millis) => sleep(Duration::from_millis(millis)).await,
        Mood::Down => return (StatusCode::BAD_GATEWAY, "<html>down</html>").into_response(),
        Mood::Garbage => return "{\"data\":{\"a\":".into_response(),
        Mood::Endless => {
            let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'['; 8192])));
            return axum::body::Body::from_stream(chunks).into_response();
        }
        Mood::CutOff => {
            let chunks = [Ok(Bytes::from_static(b"{\"data\":{")), Err(std::io::Error::other("cut off"))];
            return axum::body::Body::from_stream(futures::stream::iter(chunks)).into_response();
        }
    }
    let Ok(request) = serde_json::from_slice::<Request>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    inner.document.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&request.query);
    let response: Response = inner.executor.execute(request).await;
    axum::Json(response).into_response()
}
