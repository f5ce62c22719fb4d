//! Requests to a partner's live graph: GraphQL over HTTP by POST, with token, time limit, size cap and a limit to how many
//! are under way. Nothing is asked for twice here, but with a new token where the old one was refused.

use bytes::Bytes;
use entity::Clock;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{host, is_loopback, unreachable, whole_body};
use crate::error::{Error, ErrorKind, Result};
use crate::oauth::{Token, Tokens};
use crate::settings::{SubgraphOAuth, SubgraphSettings};

const ACCEPTED: HeaderValue = HeaderValue::from_static("application/graphql-response+json, application/json;q=0.9");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Speaks to one subgraph, for as long as the process lives.
pub struct Subgraph {
    client: reqwest::Client,
    settings: SubgraphSettings,
    tokens: Option<Tokens>,
    places: Semaphore,
}

impl Subgraph {
    /// Speaks to the subgraph that `settings` describes.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where a secret or a token would travel in the clear.
    pub fn new(client: &reqwest::Client, settings: &SubgraphSettings, clock: Clock) -> Result<Self> {
        let name = &settings.name;
        let oauth = settings.oauth.as_ref().and_then(SubgraphOAuth::client);
        let tokens = oauth.map(|oauth| Tokens::new(client, name, &oauth, None, clock)).transpose()?;
        if settings.oauth.is_some() && settings.url.scheme() != "https" && !is_loopback(&settings.url) {
            let message = format!("subgraph `{name}`: url must be https: tokens would travel in the clear");
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let places = Semaphore::new(settings.requests_at_once.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Self { client: client.clone(), settings: settings.clone(), tokens, places })
    }

    /// Whether it is to be sent the caller's own token.
    #[must_use]
    pub fn forwards(&self) -> bool {
        self.settings.oauth.as_ref().is_some_and(|oauth| oauth.forward)
    }

    /// Sends a request, as JSON, and gives the whole answer: one that is GraphQL's, whatever its status.
    ///
    /// # Errors
    /// As [`ErrorKind`] says. It takes no longer than the subgraph's time, whatever happens.
    pub async fn post(&self, body: Bytes, headers: &HeaderMap) -> Result<Bytes> {
        let answer = timeout(self.settings.timeout, self.exchange(body, headers)).await;
        answer.unwrap_or_else(|_| {
            let seconds = self.settings.timeout.as_secs_f64();
            let message = format!("{} did not answer within {seconds} s", host(&self.settings.url));
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }

    async fn exchange(&self, body: Bytes, headers: &HeaderMap) -> Result<Bytes> {
        // The semaphore is never closed, and if it were, nobody would have to wait.
        let _place = self.places.acquire().await.ok();
        let mut token = self.token().await?;
        let mut response = self.send(body.clone(), headers, token.as_ref()).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let (Some(tokens), Some(refused)) = (&self.tokens, &token)
        {
            tokens.forget(refused).await;
            token = self.token().await?;
            response = self.send(body, headers, token.as_ref()).await?;
        }
        if !response.status().is_success() && !is_graphql(&response) {
            return Err(self.refused(response.status()));
        }
        whole_body(response, self.settings.max_answer_bytes).await
    }

    async fn token(&self) -> Result<Option<Token>> {
        match &self.tokens {
            Some(tokens) => tokens.token().await.map(Some),
            None => Ok(None),
        }
    }

    async fn send(&self, body: Bytes, headers: &HeaderMap, token: Option<&Token>) -> Result<Response> {
        let url = &self.settings.url;
        let mut request = self.client.post(url.clone()).headers(headers.clone());
        request = request.header(ACCEPT, ACCEPTED).header(CONTENT_TYPE, JSON).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token.secret());
        }
        request.send().await.map_err(|error| unreachable(url, error))
    }

    fn refused(&self, status: StatusCode) -> Error {
        let kind = match status {
            StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
            StatusCode::FORBIDDEN => ErrorKind::Forbidden,
            StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
            status if status.is_server_error() => ErrorKind::ServerError,
            _ => ErrorKind::UnexpectedStatus,
        };
        Error::new(kind, format!("{} answered with status {}", host(&self.settings.url), status.as_u16()))
    }
}

/// Whether the body may be GraphQL's, which then says more than the status does. Before there was a media type for it,
/// servers said so with that of JSON.
fn is_graphql(response: &Response) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_of = |known: &str| media_type.is_some_and(|media_type| media_type.starts_with(known));
    is_of("application/graphql-response+json") || is_of("application/json")
}
