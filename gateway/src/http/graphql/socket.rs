//! `/graphql/ws`: GraphQL over WebSocket, subprotocol `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).
//!
//! Not async-graphql's `http::WebSocket`: it closes with 1002 and 1011 where the protocol says 4400 and 4401, lets a
//! second operation take an id (4409), has no time limit for `connection_init` (4408), reads no operation's end apart
//! from its answers, and does not ask whether its client is still there.
//!
//! A socket is three kinds of tasks. The session reads what the client says; each operation has a task of its own, so
//! that it fails alone; one task writes. Between them lies a queue that is short: when it is full, operations wait, and
//! a client that takes nothing for too long is cut off.

mod close;
mod message;
mod operations;
mod session;
mod writer;

use std::sync::Arc;

use async_graphql::Executor;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Request, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use self::session::Session;
use super::admission::Admit;
use crate::http::{Refusal, Streams};

pub use self::close::Close;

const PROTOCOL: &str = "graphql-transport-ws";

/// The route of `/graphql/ws`, answered by `executor` to whom `admit` lets in.
pub(super) fn route<E: Executor>(executor: E, streams: Streams, admit: Admit) -> MethodRouter {
    get(async move |request: Request| {
        let (mut parts, _) = request.into_parts();
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
        open(upgrade, Arc::new(parts), executor.clone(), streams.clone(), Arc::clone(&admit))
    })
    .fallback(async || Refusal::method_not_allowed())
}

fn open<E: Executor>(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    parts: Arc<axum::http::request::Parts>,
    executor: E,
    streams: Streams,
    admit: Admit,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return Refusal::bad_request("This address speaks WebSocket (graphql-transport-ws) only.").into_response();
    };
    let Some(place) = streams.enter("websocket") else { return Refusal::too_many_streams().into_response() };
    let upgrade =
        upgrade.max_message_size(streams.message_bytes).max_frame_size(streams.message_bytes).protocols([PROTOCOL]);
    // A wrong subprotocol is refused on the open socket: browsers do not show the status of a refused handshake.
    let speaks = upgrade.selected_protocol().is_some();
    upgrade.on_upgrade(async move |socket| {
        Session::new(executor, parts, streams, admit).hold(socket, speaks).await;
        drop(place);
    })
}
