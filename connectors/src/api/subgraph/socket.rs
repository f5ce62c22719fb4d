//! A subscription over WebSocket, subprotocol `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>). The handshake is a request of the client that sends
//! all others, so that certificates, time limits and the ban on redirects are the same; what follows is a library's.

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Response, Upgraded};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use super::closed::meaning;
use super::{Asked, host};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::SubgraphSettings;

const PROTOCOL: &str = "graphql-transport-ws";
/// The one operation of a socket.
const OPERATION: &str = "1";

/// A socket with one subscription.
pub(super) struct Socket {
    socket: WebSocketStream<Upgraded>,
    host: String,
    silence: Duration,
    /// Whether all has been said.
    is_over: bool,
}

/// What a partner says.
#[derive(Deserialize)]
struct Said<'s> {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'s RawValue>,
}

/// The headers that ask for a socket (RFC 6455, section 4.1).
pub(super) fn handshake() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
    headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
    headers.insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
    // Base64, which a header may always have.
    if let Ok(key) = HeaderValue::from_str(&generate_key()) {
        headers.insert("sec-websocket-key", key);
    }
    headers
}

impl Socket {
    /// Takes over the connection on which a socket was granted, and subscribes. The token is said once more: many servers
    /// look for it there alone, because browsers cannot send headers with a handshake.
    pub(super) async fn begin(
        response: Response,
        sent: HeaderMap,
        asked: &Asked,
        settings: &SubgraphSettings,
    ) -> Result<Self> {
        let host = host(response.url());
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let expected = sent.get("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes()));
        if header("sec-websocket-accept") != expected.as_deref() || header("sec-websocket-protocol") != Some(PROTOCOL) {
            let message = format!("{host} does not speak {PROTOCOL}");
            return Err(Error::new(ErrorKind::Malformed, message));
        }
        let connection = response.upgrade().await.map_err(|error| {
            Error::new(ErrorKind::Unreachable, format!("{host} broke off the handshake")).because(error.without_url())
        })?;
        let largest = usize::try_from(settings.max_answer_bytes).unwrap_or(usize::MAX);
        let mut limits = WebSocketConfig::default();
        limits.max_message_size = Some(largest);
        limits.max_frame_size = Some(largest);
        limits.read_buffer_size = 8 * 1024;
        let socket = WebSocketStream::from_raw_socket(connection, Role::Client, Some(limits)).await;
        let mut socket = Self { socket, host, silence: settings.subscriptions.silence, is_over: false };
        let token = sent.get("authorization").and_then(|value| value.to_str().ok());
        socket
            .say(&match token {
                Some(token) => json!({ "type": "connection_init", "payload": { "Authorization": token } }),
                None => json!({ "type": "connection_init" }),
            })
            .await?;
        loop {
            let text = socket.hear().await?;
            match socket.read(&text)?.kind.as_str() {
                "connection_ack" => break,
                "ping" => socket.say(&json!({ "type": "pong" })).await?,
                "pong" => {}
                _ => return Err(socket.malformed("said something else than that the connection is acknowledged")),
            }
        }
        let payload: &RawValue = serde_json::from_slice(&asked.body)
            .map_err(|error| Error::new(ErrorKind::Configuration, "what is asked is no JSON").because(error))?;
        socket.say(&Subscribe { kind: "subscribe", id: OPERATION, payload }).await?;
        Ok(socket)
    }

    /// The next result. `None`: there are no more.
    pub(super) async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        while !self.is_over {
            let text = self.hear().await?;
            let said = self.read(&text)?;
            let is_of_it = said.id.as_deref() == Some(OPERATION);
            match (said.kind.as_str(), said.payload) {
                ("next", Some(result)) if is_of_it => {
                    return Ok(Some((Bytes::copy_from_slice(result.get().as_bytes()), self)));
                }
                ("error", Some(errors)) if is_of_it => {
                    self.is_over = true;
                    return Ok(Some((Bytes::from(format!("{{\"errors\":{}}}", errors.get())), self)));
                }
                ("complete", _) if is_of_it => self.is_over = true,
                ("ping", _) => self.say(&json!({ "type": "pong" })).await?,
                ("pong", _) => {}
                _ => return Err(self.malformed("said something that the protocol does not know")),
            }
        }
        Ok(None)
    }

    async fn say(&mut self, what: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_string(what)
            .map_err(|error| Error::new(ErrorKind::Configuration, "what is said is no JSON").because(error))?;
        self.socket.send(Message::text(text)).await.map_err(|error| self.broken(error))
    }

    /// The next text. Who has said nothing for long is asked whether anybody is there.
    async fn hear(&mut self) -> Result<tungstenite::Utf8Bytes> {
        let mut is_asked = false;
        loop {
            match timeout(self.silence, self.socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => return Ok(text),
                Ok(Some(Ok(Message::Close(frame)))) => return Err(self.closed(frame.as_ref())),
                Ok(Some(Ok(Message::Binary(_)))) => return Err(self.malformed("said something that is no text")),
                // Pings of the socket's own are answered by the library.
                Ok(Some(Ok(_))) => is_asked = false,
                Ok(Some(Err(error))) => return Err(self.broken(error)),
                Ok(None) => return Err(self.closed(None)),
                Err(_) if is_asked => {
                    let message =
                        format!("{} has not said a word for {} s", self.host, 2.0 * self.silence.as_secs_f64());
                    return Err(Error::new(ErrorKind::Timeout, message));
                }
                Err(_) => {
                    is_asked = true;
                    self.say(&json!({ "type": "ping" })).await?;
                }
            }
        }
    }

    fn read<'s>(&self, text: &'s str) -> Result<Said<'s>> {
        serde_json::from_str(text).map_err(|error| self.malformed("said what is no message").because(error))
    }

    fn malformed(&self, what: &str) -> Error {
        Error::new(ErrorKind::Malformed, format!("{} {what} ({PROTOCOL})", self.host))
    }

    fn closed(&self, frame: Option<&CloseFrame>) -> Error {
        let code = frame.map(|frame| u16::from(frame.code));
        let how = code.map_or_else(|| "without a code".to_owned(), |code| format!("with code {code}"));
        Error::new(meaning(code), format!("{} closed its socket {how}", self.host))
    }

    fn broken(&self, error: tungstenite::Error) -> Error {
        let (kind, what) = match &error {
            tungstenite::Error::Capacity(_) => (ErrorKind::TooLarge, "said more at once than is taken"),
            tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
                (ErrorKind::Unreachable, "broke off its socket")
            }
            tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => {
                (ErrorKind::Malformed, "does not hold to WebSocket's protocol")
            }
            _ => (ErrorKind::Unreachable, "broke off its socket"),
        };
        Error::new(kind, format!("{} {what}", self.host)).because(error)
    }
}

#[derive(serde::Serialize)]
struct Subscribe<'s> {
    #[serde(rename = "type")]
    kind: &'s str,
    id: &'s str,
    payload: &'s RawValue,
}
