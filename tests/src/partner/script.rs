//! What the scripted partner does, and when.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt, stream};
use tokio::sync::Notify;

use super::Entry;

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A status of failure, with or without `Retry-After`.
    Status(u16, Option<String>),
    /// Half of the answer, then the connection breaks.
    Broken,
    /// Half of the answer, as if it were all.
    Truncated,
    /// A page for people, with success.
    Html,
    /// A small answer that unpacks to a large one.
    Bomb,
    /// An answer larger than may be.
    Oversized,
    /// No byte, for as long as anybody waits.
    Silence,
    /// One byte, and another, and another.
    Drip,
    /// The first page, whichever was asked for.
    SamePage,
    /// The records in another order.
    Reordered,
    /// The page begins one record too early: the last of the page before comes once more, and its own last is missing.
    Repeated,
    /// A record once more, under the same identifier, with other content and the same date.
    Contradiction,
    /// A number of records that is wrong by so many.
    Total(i64),
    /// An empty page, as if there were nothing.
    Empty,
    /// Records have a field more than before.
    Drifted,
}

/// A change of the partner's records.
pub type Change = Box<dyn FnOnce(&mut Vec<Entry>) + Send>;

/// What happens at a request, before it is answered.
pub enum Event {
    /// It goes wrong.
    Fault(Fault),
    /// The partner's records change.
    Edit(Change),
    /// The tokens given so far are no longer good.
    Revoke,
    /// Whoever asks is killed.
    Kill,
    /// The answer waits until it is told to go on.
    Wait(Arc<Notify>),
}

/// What happens at which request.
#[derive(Default)]
pub struct Script {
    asked: u64,
    at: BTreeMap<u64, Vec<Event>>,
    always: Option<Fault>,
    token: BTreeMap<u64, Fault>,
    token_always: Option<Fault>,
}

impl Script {
    /// Nothing goes wrong.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every request goes wrong.
    #[must_use]
    pub fn always(mut self, fault: Fault) -> Self {
        self.always = Some(fault);
        self
    }

    /// Something happens at one request, counted from 0.
    #[must_use]
    pub fn at(mut self, request: u64, event: Event) -> Self {
        self.at.entry(request).or_default().push(event);
        self
    }

    /// A request goes wrong.
    #[must_use]
    pub fn fault_at(self, request: u64, fault: Fault) -> Self {
        self.at(request, Event::Fault(fault))
    }

    /// The token endpoint goes wrong at this request for a token, counted from the partner's start.
    #[must_use]
    pub fn token_fault_at(mut self, request: u64, fault: Fault) -> Self {
        self.token.insert(request, fault);
        self
    }

    /// The token endpoint always goes wrong.
    #[must_use]
    pub fn token_always(mut self, fault: Fault) -> Self {
        self.token_always = Some(fault);
        self
    }

    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    pub(super) fn next(&mut self) -> Vec<Event> {
        let mut events = self.at.remove(&self.asked).unwrap_or_default();
        self.asked += 1;
        events.extend(self.always.clone().map(Event::Fault));
        events
    }

    pub(super) fn token_fault(&mut self, number: u64) -> Option<Fault> {
        self.token.remove(&number).or_else(|| self.token_always.clone())
    }
}

impl Fault {
    /// What becomes of an answer by it. What concerns the records has been done already.
    pub(super) async fn spoil(self, response: Response) -> Response {
        match self {
            Self::Status(status, retry_after) => {
                let mut response = StatusCode::from_u16(status).expect("a status").into_response();
                if let Some(value) = retry_after.and_then(|text| HeaderValue::from_str(&text).ok()) {
                    response.headers_mut().insert(header::RETRY_AFTER, value);
                }
                response
            }
            Self::Html => Html("<!doctype html><title>Onderhoud</title>").into_response(),
            Self::Bomb => {
                let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
                packed.write_all(&vec![b' '; 4_000_000]).expect("memory takes it");
                ([(header::CONTENT_ENCODING, "gzip")], packed.finish().expect("memory takes it")).into_response()
            }
            Self::Oversized => {
                let pieces = (0..400).map(|_| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 64 * 1024])));
                Body::from_stream(stream::iter(pieces)).into_response()
            }
            Self::Silence => std::future::pending().await,
            Self::Broken | Self::Truncated | Self::Drip => self.cut(response).await,
            _ => response,
        }
    }

    async fn cut(self, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        if self == Self::Drip {
            let bytes = stream::iter(whole).then(async |byte| {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok::<_, Infallible>(Bytes::copy_from_slice(&[byte]))
            });
            return Response::from_parts(parts, Body::from_stream(bytes));
        }
        let half = whole.slice(..whole.len() / 2);
        if self == Self::Truncated {
            parts.headers.remove(header::CONTENT_LENGTH);
            return Response::from_parts(parts, Body::from(half));
        }
        let broken = stream::once(async { Err(io::Error::from(io::ErrorKind::ConnectionReset)) });
        let pieces = stream::once(async { Ok(half) }).chain(broken);
        Response::from_parts(parts, Body::from_stream(pieces))
    }
}
