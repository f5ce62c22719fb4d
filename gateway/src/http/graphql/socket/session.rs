//! One socket, from its handshake to its end.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::Executor;
use axum::extract::ws::{Message, WebSocket};
use axum::http::request::Parts;
use futures::future::BoxFuture;
use futures::stream::SplitStream;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite;
use tracing::{debug, error};

use super::Close;
use super::message::{ClientMessage, ServerMessage};
use super::operations::Operations;
use super::writer::{LAST_WORD, write};
use crate::graphql::Caller;
use crate::http::Streams;
use crate::http::graphql::admission::{Admit, Payload};

/// One socket.
pub(super) struct Session<E> {
    executor: E,
    parts: Arc<Parts>,
    streams: Streams,
    admit: Admit,
    state: State,
    operations: Operations,
    /// Whether the client was asked if it is still there, and nothing was heard since.
    is_awaited: bool,
}

/// How far a client has come.
enum State {
    Silent,
    Asking(BoxFuture<'static, Result<Caller, Close>>),
    Admitted(Caller),
}

/// Why a session is over.
enum Over {
    /// The hub ends it.
    Closed(Close),
    /// The client has gone, or was cut off.
    Gone,
}

impl From<Close> for Over {
    fn from(close: Close) -> Self {
        Self::Closed(close)
    }
}

type Queue = mpsc::Sender<Message>;

impl<E: Executor> Session<E> {
    pub(super) fn new(executor: E, parts: Arc<Parts>, streams: Streams, admit: Admit) -> Self {
        let operations = Operations::new(streams.settings.operations);
        Self { executor, parts, streams, admit, state: State::Silent, operations, is_awaited: false }
    }

    /// Holds the session until it is over and the socket closed. `speaks`: whether the client has the protocol.
    pub(super) async fn hold(mut self, socket: WebSocket, speaks: bool) {
        let (sink, mut incoming) = socket.split();
        let (queue, waiting) = mpsc::channel(self.streams.settings.queue);
        let writer = tokio::spawn(write(sink, waiting, self.streams.settings.slow_reader()));
        let over = if speaks {
            self.converse(&mut incoming, &queue).await
        } else {
            Over::Closed(Close::subprotocol_not_acceptable())
        };
        // Its operations say nothing more.
        drop(self);
        if let Over::Closed(close) = &over {
            debug!(close = close.code(), "a socket is closed: {}", close.reason());
            queue.send(close.into()).await.ok();
        }
        drop(queue);
        if writer.await.is_err() {
            error!("the writer of a socket panicked");
        }
        // Until the client has closed its side: what it still sends would reset the connection under our last word.
        let rest = async { while let Some(Ok(_)) = incoming.next().await {} };
        timeout(LAST_WORD, rest).await.ok();
    }

    async fn converse(&mut self, incoming: &mut SplitStream<WebSocket>, queue: &Queue) -> Over {
        let began = Instant::now();
        let init_until = began + self.streams.settings.init_timeout();
        let every = self.streams.settings.ping();
        let mut pings = interval_at(began + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shutdown = self.streams.shutdown().clone();
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => Err(Close::going_away().into()),
                () = queue.closed() => Err(Over::Gone),
                () = sleep_until(init_until), if !self.is_admitted() => Err(Close::init_timeout().into()),
                _ = pings.tick() => self.ping(queue),
                decided = self.state.decision() => self.decided(decided, queue).await,
                message = incoming.next() => self.hear(message, queue).await,
            };
            if let Err(over) = step {
                return over;
            }
        }
    }

    fn is_admitted(&self) -> bool {
        matches!(self.state, State::Admitted(_))
    }

    /// Asks whether the client is still there, unless it was asked before and said nothing.
    fn ping(&mut self, queue: &Queue) -> Result<(), Over> {
        if self.is_awaited {
            return Err(Close::silent().into());
        }
        // Where the queue is full, the client is slow rather than gone, and the writer sees to that.
        self.is_awaited = queue.try_send(ServerMessage::Ping.write()?).is_ok();
        Ok(())
    }

    async fn decided(&mut self, decided: Result<Caller, Close>, queue: &Queue) -> Result<(), Over> {
        self.state = State::Admitted(decided?);
        self.say(ServerMessage::ConnectionAck.write()?, queue).await
    }

    async fn hear(&mut self, message: Option<Result<Message, axum::Error>>, queue: &Queue) -> Result<(), Over> {
        self.is_awaited = false;
        match message {
            Some(Ok(Message::Text(text))) => self.take(ClientMessage::read(&text)?, queue).await,
            Some(Ok(Message::Binary(_))) => Err(Close::bad_request("A message is text").into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_))) | None => Err(Over::Gone),
            Some(Err(error)) => Err(unreadable(error)),
        }
    }

    async fn take(&mut self, message: ClientMessage, queue: &Queue) -> Result<(), Over> {
        match message {
            ClientMessage::Init(payload) => {
                if !matches!(self.state, State::Silent) {
                    return Err(Close::initialised_twice().into());
                }
                self.state = State::Asking(self.ask(payload));
            }
            ClientMessage::Ping(payload) => self.say(ServerMessage::Pong { payload }.write()?, queue).await?,
            ClientMessage::Pong => {}
            ClientMessage::Complete { id } => self.operations.complete(&id),
            ClientMessage::Subscribe { id, request } => {
                let State::Admitted(caller) = &self.state else { return Err(Close::unauthorized().into()) };
                let request = request.data(caller.clone());
                if let Some(refused) = self.operations.begin(self.executor.clone(), id, request, queue)? {
                    self.say(refused, queue).await?;
                }
            }
        }
        Ok(())
    }

    fn ask(&self, payload: Payload) -> BoxFuture<'static, Result<Caller, Close>> {
        let admission = AssertUnwindSafe((self.admit)(Arc::clone(&self.parts), payload)).catch_unwind();
        admission
            .map(|admitted| {
                admitted.unwrap_or_else(|_| {
                    error!("it could not be told who opened a socket: a panic");
                    Err(Close::internal())
                })
            })
            .boxed()
    }

    /// Puts a message into the queue, and waits for its place there.
    async fn say(&mut self, message: Message, queue: &Queue) -> Result<(), Over> {
        tokio::select! {
            () = self.streams.shutdown().cancelled() => Err(Close::going_away().into()),
            said = queue.send(message) => said.map_err(|_| Over::Gone),
        }
    }
}

impl State {
    /// What comes of asking whether the client may come in, and that it may no longer stay once its token has ended; never,
    /// where neither is to be decided.
    async fn decision(&mut self) -> Result<Caller, Close> {
        match self {
            Self::Asking(asking) => asking.await,
            Self::Admitted(Caller { identity: Some(identity), .. }) => {
                sleep_until(identity.ends).await;
                Err(Close::token_ended())
            }
            Self::Silent | Self::Admitted(_) => std::future::pending().await,
        }
    }
}

/// What a message that could not be read means.
fn unreadable(error: axum::Error) -> Over {
    let error = error.into_inner();
    match error.downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => Close::too_large().into(),
        Some(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
            Over::Gone
        }
        Some(tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) => Close::protocol_error().into(),
        _ => {
            debug!(error = error.as_ref() as &dyn Error, "a socket's connection was lost");
            Over::Gone
        }
    }
}
