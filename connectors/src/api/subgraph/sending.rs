//! One request to a subgraph: with its token, by the way that it is asked, and what its status says.

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};

use super::{Answered, Asked, Subgraph, socket};
use crate::api::{host, retry_after, unreachable, whole_body};
use crate::error::{Error, ErrorKind, Result};
use crate::oauth::Token;

const ACCEPTED: HeaderValue = HeaderValue::from_static("application/graphql-response+json, application/json;q=0.9");
const EVENTS: HeaderValue =
    HeaderValue::from_static("text/event-stream, application/graphql-response+json;q=0.9, application/json;q=0.8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How something is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Query,
    Events,
    Socket,
}

/// An answer, and what it was the answer to.
pub(super) struct LetIn {
    pub(super) response: Response,
    /// The headers that were sent.
    pub(super) sent: HeaderMap,
    /// The hub's own token among them. `None`: it has none for this subgraph.
    pub(super) token: Option<Token>,
}

impl Subgraph {
    pub(super) async fn exchange(&self, asked: &Asked, is_last: bool) -> Result<Answered> {
        // The semaphore is never closed, and if it were, nobody would have to wait.
        let _place = self.places.acquire().await.ok();
        let LetIn { response, .. } = self.let_in(asked, Way::Query).await?;
        let is_down = is_down(response.status());
        if !response.status().is_success() && (!is_graphql(&response) || is_down && !is_last) {
            return Err(self.refused(&response));
        }
        let headers = response.headers().clone();
        let body = whole_body(response, self.settings.max_answer_bytes).await?;
        Ok(Answered { body, headers })
    }

    /// What is answered to a token that is good. One that is refused is got anew, once.
    pub(super) async fn let_in(&self, asked: &Asked, way: Way) -> Result<LetIn> {
        let token = self.token().await?;
        let (response, sent) = self.send(asked, token.as_ref(), way).await?;
        match (&self.tokens, &token) {
            (Some(tokens), Some(refused)) if response.status() == StatusCode::UNAUTHORIZED => {
                tokens.forget(refused).await;
                let token = self.token().await?;
                let (response, sent) = self.send(asked, token.as_ref(), way).await?;
                Ok(LetIn { response, sent, token })
            }
            _ => Ok(LetIn { response, sent, token }),
        }
    }

    async fn token(&self) -> Result<Option<Token>> {
        match &self.tokens {
            Some(tokens) => tokens.token().await.map(Some),
            None => Ok(None),
        }
    }

    async fn send(&self, asked: &Asked, token: Option<&Token>, way: Way) -> Result<(Response, HeaderMap)> {
        let mut headers = asked.headers.clone();
        if let Some(token) = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {}", token.secret())).ok()) {
            headers.insert(AUTHORIZATION, token);
        }
        let url = if way == Way::Query { &self.settings.url } else { &self.subscribed_at };
        let request = if way == Way::Socket {
            headers.extend(socket::handshake());
            self.client.get(url.clone())
        } else {
            headers.insert(ACCEPT, if way == Way::Query { ACCEPTED } else { EVENTS });
            headers.insert(CONTENT_TYPE, JSON);
            let client = if way == Way::Query { &self.client } else { &self.streams };
            client.post(url.clone()).body(asked.body.clone())
        };
        let answered = request.headers(headers.clone()).send().await;
        Ok((answered.map_err(|error| unreachable(url, error))?, headers))
    }

    /// A status that says so, and how long to wait where a moment may help.
    pub(super) fn refused(&self, response: &Response) -> Error {
        let status = response.status();
        let wait = || retry_after(response.headers(), self.clock.now()).unwrap_or_default();
        let kind = match status {
            StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
            StatusCode::FORBIDDEN => ErrorKind::Forbidden,
            StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
            status if status.is_server_error() => ErrorKind::ServerError,
            _ => ErrorKind::UnexpectedStatus,
        };
        let message = format!("{} answered with status {}", host(response.url()), status.as_u16());
        Error::new(kind, message).retry_after(is_down(status).then(wait))
    }
}

/// Whether somebody in front of the partner says that it is not there, or it says so itself.
pub(super) fn is_down(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// Whether the body may be GraphQL's, which then says more than the status does. Before there was a media type for it,
/// servers said so with that of JSON.
pub(super) fn is_graphql(response: &Response) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_of = |known: &str| media_type.is_some_and(|media_type| media_type.starts_with(known));
    is_of("application/graphql-response+json") || is_of("application/json")
}
