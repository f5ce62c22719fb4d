//! A client of `graphql-transport-ws` that does what it is told: also what the protocol forbids.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One WebSocket.
pub struct Socket {
    /// What is below the protocol.
    pub raw: WebSocketStream<TcpStream>,
}

impl Socket {
    /// Opens a socket that offers a subprotocol.
    ///
    /// # Errors
    /// Where the handshake is refused.
    pub async fn open(address: SocketAddr, protocol: Option<&str>) -> Result<Self, Error> {
        Self::open_with(address, protocol, &[]).await
    }

    /// The same, with these headers, as a browser adds them.
    ///
    /// # Errors
    /// Where the handshake is refused.
    pub async fn open_with(
        address: SocketAddr,
        protocol: Option<&str>,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Error> {
        let socket = TcpSocket::new_v4()?;
        // Small, so that a client that does not read is noticed after few messages.
        socket.set_recv_buffer_size(128 * 1024)?;
        let stream = socket.connect(address).await?;
        let mut request = format!("ws://{address}/graphql/ws").into_client_request()?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a header's value"));
        }
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().expect("a header's value"));
        }
        let (raw, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self { raw })
    }

    /// Opens a socket that speaks the protocol.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self::open(address, Some("graphql-transport-ws")).await?)
    }

    /// Opens a socket and waits until it is acknowledged.
    pub async fn acknowledged(address: SocketAddr) -> Result<Self> {
        let mut socket = Self::connect(address).await?;
        socket.say(json!({ "type": "connection_init" })).await?;
        let message = socket.hear().await?;
        ensure!(message == json!({ "type": "connection_ack" }), "{message}");
        Ok(socket)
    }

    /// Says a message.
    pub async fn say(&mut self, message: Value) -> Result<()> {
        self.raw.send(Message::text(message.to_string())).await.context("to say something")
    }

    /// Begins an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) -> Result<()> {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "type": "subscribe", "id": id, "payload": payload })).await
    }

    /// The next message, pings aside, which are answered.
    pub async fn hear(&mut self) -> Result<Value> {
        loop {
            let message = timeout(PATIENCE, self.raw.next()).await.context("nothing was said")?;
            match message.context("the socket was lost")?? {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text)?;
                    if message["type"] != "ping" {
                        return Ok(message);
                    }
                    self.say(json!({ "type": "pong" })).await?;
                }
                Message::Close(close) => bail!("the socket was closed: {close:?}"),
                _ => {}
            }
        }
    }

    /// The payload of the next message, which belongs to an operation and is its answer.
    pub async fn next(&mut self, id: &str) -> Result<Value> {
        let mut message = self.hear().await?;
        ensure!(message["type"] == "next" && message["id"] == id, "{message}");
        Ok(message["payload"].take())
    }

    /// Reads until the socket is closed: the code and the reason.
    pub async fn closed(&mut self) -> Result<(u16, String)> {
        loop {
            let message = timeout(PATIENCE, self.raw.next()).await.context("it was not closed")?;
            match message.context("the socket was lost")?? {
                Message::Close(Some(frame)) => return Ok((frame.code.into(), frame.reason.to_string())),
                Message::Close(None) => bail!("it was closed without a code"),
                _ => {}
            }
        }
    }
}
