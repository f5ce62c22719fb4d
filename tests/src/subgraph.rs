//! A partner's live graph on loopback: any schema of async-graphql's, which fails when it is told to.

use std::collections::VecDeque;
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
use tokio::sync::Semaphore;
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
    /// It answers with this status, and asks for so many seconds of patience.
    Refusing(u16, u64),
    /// It answers once it is [released](TestSubgraph::release).
    Held,
}

struct Inner<E> {
    executor: E,
    mood: Mutex<Mood>,
    /// Moods of the next requests, one each, before the lasting one.
    turns: Mutex<VecDeque<Mood>>,
    released: Semaphore,
    asked: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    headers: Mutex<HeaderMap>,
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
            turns: Mutex::default(),
            released: Semaphore::new(0),
            asked: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            headers: Mutex::default(),
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

    /// Changes how it behaves to the next requests, one each.
    pub fn be_in_turn(&self, moods: impl IntoIterator<Item = Mood>) {
        self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner).extend(moods);
    }

    /// Lets so many that are held go.
    pub fn release(&self, number: usize) {
        self.inner.released.add_permits(number);
    }

    /// How many requests it had at once, at most.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.inner.most_at_once.load(Ordering::SeqCst)
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.inner.asked.load(Ordering::SeqCst)
    }

    /// The `Authorization` of the last request.
    #[must_use]
    pub fn authorization(&self) -> Option<String> {
        self.header(header::AUTHORIZATION.as_str())
    }

    /// A header of the last request.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let headers = self.inner.headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
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

/// A request that is under way.
struct Inside<'i>(&'i AtomicUsize);

impl<'i> Inside<'i> {
    fn of<E>(inner: &'i Inner<E>) -> Self {
        let now = inner.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        inner.most_at_once.fetch_max(now, Ordering::SeqCst);
        Self(&inner.at_once)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
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
    let _inside = Inside::of(&inner);
    *inner.headers.lock().unwrap_or_else(PoisonError::into_inner) = headers;
    let turn = inner.turns.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let mood = turn.unwrap_or_else(|| *inner.mood.lock().unwrap_or_else(PoisonError::into_inner));
    match mood {
        Mood::Well => {}
        Mood::Slow(millis) => sleep(Duration::from_millis(millis)).await,
        Mood::Held => inner.released.acquire().await.expect("it is never closed").forget(),
        Mood::Refusing(status, seconds) => {
            let status = StatusCode::from_u16(status).expect("a status");
            return (status, [(header::RETRY_AFTER, seconds.to_string())], "no").into_response();
        }
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
