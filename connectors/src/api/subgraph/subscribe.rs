//! Subscriptions to a partner's live graph, a connection each: with the same tokens, headers and time to begin as its
//! queries. One that breaks off is an error and the end: nobody knows what was missed, so whoever subscribed must.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use tokio::time::Instant;

use super::events::Events;
use super::sending::{LetIn, Way, is_down, is_graphql};
use super::socket::Socket;
use super::{Asked, Subgraph};
use crate::api::whole_body;
use crate::error::{Error, ErrorKind, Result};
use crate::oauth::Token;
use crate::settings::SubscriptionProtocol;

/// The results of a subscription as they come, JSON each. It ends when the partner says so, or with an error.
pub type Results = BoxStream<'static, Result<Bytes>>;

/// Why somebody is not subscribed.
#[derive(Debug, thiserror::Error)]
pub enum NotSubscribed {
    /// The hub has as many subscriptions to the subgraph as it may have: so many. Nobody was asked.
    #[error("there are {0} subscriptions, the most that there may be")]
    Full(usize),
    /// The subgraph did not begin one.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Subgraph {
    /// Subscribes to what `asked` asks for. It takes no longer than the subgraph's time for an answer.
    ///
    /// # Errors
    /// As [`NotSubscribed`] says.
    pub async fn subscribe(&self, asked: &Asked) -> std::result::Result<Results, NotSubscribed> {
        let Ok(place) = Arc::clone(&self.subscriptions).try_acquire_owned() else {
            return Err(NotSubscribed::Full(self.settings.subscriptions.at_once));
        };
        let deadline = Instant::now() + self.settings.timeout;
        let attempts = self.attempts(self.settings.retries, deadline, |is_last| self.begin(asked, is_last));
        let results = self.guarded(&self.breaker_of_subscriptions, &self.subscribed_at, deadline, attempts).await?;
        let results = results.map(move |result| {
            let _held = &place;
            result
        });
        Ok(results.boxed())
    }

    async fn begin(&self, asked: &Asked, is_last: bool) -> Result<Results> {
        match self.settings.subscriptions.protocol {
            SubscriptionProtocol::WebSocket => self.connect(asked).await,
            SubscriptionProtocol::ServerSentEvents => {
                let LetIn { response, .. } = self.let_in(asked, Way::Events).await?;
                if response.status().is_success() && is_event_stream(&response) {
                    return Ok(stream::try_unfold(Events::of(response, &self.settings), Events::next).boxed());
                }
                if !is_graphql(&response) || is_down(response.status()) && !is_last {
                    return Err(self.refused(&response));
                }
                // It says in GraphQL why it tells nothing.
                let body = whole_body(response, self.settings.max_answer_bytes).await?;
                Ok(stream::iter([Ok(body)]).boxed())
            }
        }
    }

    /// A socket that a subscription has begun on. A token that it is closed for is got anew, once.
    async fn connect(&self, asked: &Asked) -> Result<Results> {
        let (begun, token) = self.open(asked).await?;
        match (begun, token) {
            (Err(error), Some(token)) if is_of_token(&error) => {
                self.forget(&token).await;
                let (begun, token) = self.open(asked).await?;
                begun.map(|socket| self.told(socket, token))
            }
            (begun, token) => begun.map(|socket| self.told(socket, token)),
        }
    }

    /// What comes of beginning on a socket, and the token that it was asked for with.
    async fn open(&self, asked: &Asked) -> Result<(Result<Socket>, Option<Token>)> {
        let LetIn { response, sent, token } = self.let_in(asked, Way::Socket).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(self.refused(&response));
        }
        Ok((Socket::begin(response, sent, asked, &self.settings).await, token))
    }

    /// The results that a socket tells. Of a token that it is closed for later the next subscription has a new one: nobody
    /// knows what this one has missed.
    fn told(&self, socket: Socket, token: Option<Token>) -> Results {
        let tokens = self.tokens.clone().zip(token).map(Arc::new);
        let results = stream::try_unfold(socket, Socket::next).then(move |result| {
            let tokens = tokens.clone();
            async move {
                if let (Err(error), Some(known)) = (&result, tokens)
                    && is_of_token(error)
                {
                    known.0.forget(&known.1).await;
                }
                result
            }
        });
        results.boxed()
    }

    async fn forget(&self, token: &Token) {
        if let Some(tokens) = &self.tokens {
            tokens.forget(token).await;
        }
    }
}

/// Whether what was refused may be the token.
fn is_of_token(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden)
}

fn is_event_stream(response: &Response) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|media_type| media_type.starts_with("text/event-stream"))
}
