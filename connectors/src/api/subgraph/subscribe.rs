//! Subscriptions to a partner's live graph, a connection each: with the same tokens, headers and time to begin as its
//! queries. One that breaks off is an error and the end: nobody knows what was missed, so whoever subscribed must.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use tokio::time::Instant;

use super::events::Events;
use super::socket::Socket;
use super::{Asked, Subgraph, Way, host, is_graphql, whole_body};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::SubscriptionProtocol;

/// The results of a subscription as they come, JSON each. It ends when the partner says so, or with an error.
pub type Results = BoxStream<'static, Result<Bytes>>;

impl Subgraph {
    /// Subscribes to what `asked` asks for.
    ///
    /// # Errors
    /// As [`ErrorKind`] says: [`ErrorKind::RateLimited`] where it has as many subscriptions as it may have. It takes no
    /// longer than the subgraph's time for an answer.
    pub async fn subscribe(&self, asked: &Asked) -> Result<Results> {
        let Ok(place) = Arc::clone(&self.subscriptions).try_acquire_owned() else {
            let (host, most) = (host(&self.settings.url), self.settings.subscriptions.at_once);
            let message = format!("{host} has {most} subscriptions, the most that it may have");
            return Err(Error::new(ErrorKind::RateLimited, message));
        };
        let deadline = Instant::now() + self.settings.timeout;
        let attempts = self.attempts(self.settings.retries, deadline, |_| self.begin(asked));
        let results = self.guarded(deadline, attempts).await?;
        let results = results.map(move |result| {
            let _held = &place;
            result
        });
        Ok(results.boxed())
    }

    async fn begin(&self, asked: &Asked) -> Result<Results> {
        match self.settings.subscriptions.protocol {
            SubscriptionProtocol::WebSocket => {
                let (response, authorization) = self.let_in(asked, Way::Socket).await?;
                if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    return Err(self.refused(&response));
                }
                let socket = Socket::begin(response, authorization, asked, &self.settings).await?;
                Ok(stream::try_unfold(socket, Socket::next).boxed())
            }
            SubscriptionProtocol::ServerSentEvents => {
                let (response, _) = self.let_in(asked, Way::Events).await?;
                if response.status().is_success() && is_event_stream(&response) {
                    return Ok(stream::try_unfold(Events::of(response, &self.settings), Events::next).boxed());
                }
                if !is_graphql(&response) {
                    return Err(self.refused(&response));
                }
                // It says in GraphQL why it tells nothing.
                let body = whole_body(response, self.settings.max_answer_bytes).await?;
                Ok(stream::iter([Ok(body)]).boxed())
            }
        }
    }
}

fn is_event_stream(response: &Response) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|media_type| media_type.starts_with("text/event-stream"))
}
