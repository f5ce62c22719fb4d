//! A partner's live graph on loopback: any schema of async-graphql's, which fails when it is told to. It takes queries, and
//! subscriptions by `graphql-transport-ws` and as server-sent events.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use async_graphql::http::{WebSocket, WebSocketProtocols, WsMessage};
use async_graphql::{Executor, Request, Response};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use connectors::settings::SubgraphSettings;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
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
    /// Its events are no results. It goes on listening.
    Hollow,
    /// It answers 200 with JSON that never ends, as long as it is read.
    Endless,
    /// It closes the connection in the middle of its answer.
    CutOff,
    /// It answers with this status, and asks for so many seconds of patience.
    Refusing(u16, u64),
    /// It says in GraphQL that it cannot answer at present, with this status.
    Sorry(u16),
    /// It closes its sockets with this code as soon as it hears something. What is no socket it answers.
    Closing(u16),
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
    initial: Mutex<Value>,
    variables: Mutex<Value>,
    cache_control: Mutex<Option<HeaderValue>>,
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
            initial: Mutex::default(),
            variables: Mutex::default(),
            cache_control: Mutex::default(),
        });
        let router =
            Router::new().route("/graphql", post(answer::<E>).merge(get(socket::<E>))).with_state(Arc::clone(&inner));
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

    /// How many requests and sockets it has now.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.inner.at_once.load(Ordering::SeqCst)
    }

    /// Says of its answers how long they may be kept.
    pub fn say_of_caches(&self, text: Option<&'static str>) {
        *self.inner.cache_control.lock().unwrap_or_else(PoisonError::into_inner) = text.map(HeaderValue::from_static);
    }

    /// The variables of the last request.
    #[must_use]
    pub fn variables(&self) -> Value {
        self.inner.variables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the last socket began with.
    #[must_use]
    pub fn initial(&self) -> Value {
        self.inner.initial.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
struct Inside<E>(Arc<Inner<E>>);

impl<E> Inside<E> {
    fn of(inner: Arc<Inner<E>>) -> Self {
        let now = inner.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        inner.most_at_once.fetch_max(now, Ordering::SeqCst);
        Self(inner)
    }
}

impl<E> Drop for Inside<E> {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::SeqCst);
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
    let _inside = Inside::of(Arc::clone(&inner));
    let takes_events = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let takes_events = takes_events.is_some_and(|accept| accept.starts_with("text/event-stream"));
    let mood = inner.heard(headers);
    match mood {
        Mood::Well | Mood::Hollow | Mood::Closing(_) => {}
        Mood::Sorry(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let body = json!({ "errors": [{ "message": "not now" }] }).to_string();
            return (status, [(header::CONTENT_TYPE, "application/graphql-response+json")], body).into_response();
        }
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
    *inner.variables.lock().unwrap_or_else(PoisonError::into_inner) = json!(request.variables);
    if takes_events {
        let inside = Inside::of(Arc::clone(&inner));
        let next = move |response: Response| {
            let data = if mood == Mood::Hollow { json!(3) } else { json!(response) };
            format!("event: next\ndata: {data}\n\n")
        };
        let events = inner.executor.execute_stream(request, None).map(next);
        let events = events.chain(futures::stream::iter(["event: complete\ndata:\n\n".to_owned()])).map(move |event| {
            let _held = &inside;
            Ok::<_, std::io::Error>(event)
        });
        return ([(header::CONTENT_TYPE, "text/event-stream")], axum::body::Body::from_stream(events)).into_response();
    }
    let response: Response = inner.executor.execute(request).await;
    let mut answer = axum::Json(response).into_response();
    let cache_control = inner.cache_control.lock().unwrap_or_else(PoisonError::into_inner).clone();
    answer.headers_mut().extend(cache_control.map(|text| (header::CACHE_CONTROL, text)));
    answer
}

async fn socket<E: Executor>(
    State(inner): State<Arc<Inner<E>>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    inner.asked.fetch_add(1, Ordering::SeqCst);
    let mood = inner.heard(headers);
    match mood {
        Mood::Down => return (StatusCode::BAD_GATEWAY, "<html>down</html>").into_response(),
        Mood::Refusing(status, _) => return StatusCode::from_u16(status).expect("a status").into_response(),
        _ => {}
    }
    let upgrade = upgrade.protocols(["graphql-transport-ws"]);
    upgrade.on_upgrade(move |socket| async move {
        let _inside = Inside::of(Arc::clone(&inner));
        let (mut sink, mut stream) = socket.split();
        match mood {
            Mood::Closing(code) => {
                stream.next().await;
                let frame = CloseFrame { code, reason: "no".into() };
                sink.send(Message::Close(Some(frame))).await.ok();
                return;
            }
            Mood::Held => {
                // It takes what is said, and says nothing.
                stream.for_each(async |_| {}).await;
                return;
            }
            Mood::Garbage => {
                sink.send(Message::text("{\"type\":")).await.ok();
                return;
            }
            Mood::Endless => {
                sink.send(Message::text("[".repeat(1_000_000))).await.ok();
                return;
            }
            _ => {}
        }
        let texts = stream.filter_map(async |message| match message {
            Ok(Message::Text(text)) => Some(text.to_string()),
            _ => None,
        });
        let began = Arc::clone(&inner);
        let said = WebSocket::new(inner.executor.clone(), texts.boxed(), WebSocketProtocols::GraphQLWS);
        let said = said.on_connection_init(async move |payload: Value| {
            *began.initial.lock().unwrap_or_else(PoisonError::into_inner) = payload;
            Ok(async_graphql::Data::default())
        });
        let mut said = std::pin::pin!(said);
        while let Some(message) = said.next().await {
            let is_result = matches!(&message, WsMessage::Text(text) if text.contains("\"next\""));
            let message = match message {
                WsMessage::Text(text) if is_result && mood == Mood::Hollow => {
                    let mut said: Value = serde_json::from_str(&text).expect("a message");
                    said["payload"] = json!(3);
                    Message::text(said.to_string())
                }
                WsMessage::Text(text) => Message::text(text),
                WsMessage::Close(code, reason) => Message::Close(Some(CloseFrame { code, reason: reason.into() })),
            };
            if sink.send(message).await.is_err() || mood == Mood::CutOff && is_result {
                return;
            }
        }
    })
}

impl<E> Inner<E> {
    /// Remembers what came with a request, and gives how it is answered.
    fn heard(&self, headers: HeaderMap) -> Mood {
        *self.headers.lock().unwrap_or_else(PoisonError::into_inner) = headers;
        let turn = self.turns.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        turn.unwrap_or_else(|| *self.mood.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
