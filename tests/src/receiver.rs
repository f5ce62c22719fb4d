//! A partner's own system that webhooks' messages are sent to: real HTTP on a free port of loopback, answering as a test
//! says, and keeping what came.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a message is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// With this status and header.
    With(u16, &'static str, String),
    /// With success, and a body that never ends.
    Endless,
    /// Not at all.
    Never,
}

/// A message that came.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: String,
}

impl Message {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What it says.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// What a library that verifies it wants.
    #[must_use]
    pub fn to_verify(&self, secret: &str) -> Value {
        let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: serde_json::Map<String, Value> =
            headers.iter().map(|name| ((*name).to_owned(), json!(self.header(name)))).collect();
        json!({ "secret": secret, "headers": headers, "body": self.body })
    }
}

#[derive(Clone)]
struct Inbox {
    came: watch::Sender<Vec<Message>>,
    script: Arc<Mutex<VecDeque<Answer>>>,
    otherwise: Arc<Mutex<Answer>>,
}

/// A system that messages are sent to. It stops when it is dropped.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    inbox: Inbox,
    served: JoinHandle<()>,
}

impl Receiver {
    /// One that takes every message.
    pub async fn start() -> Result<Self> {
        let inbox = Inbox {
            came: watch::Sender::new(Vec::new()),
            script: Arc::default(),
            otherwise: Arc::new(Mutex::new(Answer::Status(204))),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(take).with_state(inbox.clone());
        let served = tokio::spawn(async move {
            // It ends when the task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, inbox, served })
    }

    /// The address that messages are sent to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hooks?key=hidden", self.address)
    }

    /// Answers the next messages so, in their order, and those behind them as before.
    pub fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.inbox.script.lock().unwrap_or_else(PoisonError::into_inner).extend(answers);
    }

    /// Answers so from now on.
    pub fn answers(&self, answer: Answer) {
        *self.inbox.otherwise.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// What came so far.
    #[must_use]
    pub fn came(&self) -> Vec<Message> {
        self.inbox.came.borrow().clone()
    }

    /// What came and what it says, so far; forgotten afterwards.
    pub fn take(&self) -> Vec<Value> {
        self.inbox.came.send_replace(Vec::new()).iter().map(Message::json).collect()
    }

    /// Waits until so many messages have come.
    pub async fn wait_for(&self, count: usize) -> Result<Vec<Message>> {
        let mut came = self.inbox.came.subscribe();
        let came = came.wait_for(|came| came.len() >= count).await.context("the receiver is gone")?;
        Ok(came.clone())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> Response {
    let scripted = inbox.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let answer = scripted.unwrap_or_else(|| inbox.otherwise.lock().unwrap_or_else(PoisonError::into_inner).clone());
    inbox.came.send_modify(|came| came.push(Message { headers, body }));
    let status = |status| StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    match answer {
        Answer::Status(code) => status(code).into_response(),
        Answer::With(code, name, value) => (status(code), [(name, value)]).into_response(),
        Answer::Endless => {
            let chunk = Bytes::from(vec![b'x'; 65_536]);
            Body::from_stream(stream::repeat(Ok::<_, Infallible>(chunk))).into_response()
        }
        Answer::Never => std::future::pending().await,
    }
}
