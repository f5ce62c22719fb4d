//! Writes a socket's messages, one after another, and cuts off a client that does not take them.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures::SinkExt;
use futures::stream::SplitSink;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::info;

use super::Close;

/// How long a last word may take to be taken.
pub(super) const LAST_WORD: Duration = Duration::from_secs(5);

/// Writes until the queue has ended, the socket is closed, or the client takes nothing for as long as `patience`.
pub(super) async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: mpsc::Receiver<Message>,
    patience: Duration,
) {
    while let Some(message) = queue.recv().await {
        let is_last = matches!(message, Message::Close(_));
        match timeout(patience, sink.send(message)).await {
            Ok(Ok(())) if !is_last => {}
            Ok(_) => return,
            Err(_) => {
                info!("a client was cut off: it took nothing for {} seconds", patience.as_secs());
                // Everybody who has something to say hears that there is nobody to say it to.
                drop(queue);
                timeout(LAST_WORD, sink.send((&Close::too_slow()).into())).await.ok();
                return;
            }
        }
    }
}
