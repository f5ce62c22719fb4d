//! Tokens for partner systems: OAuth 2 client credentials (RFC 6749 section 4.4) with the `oauth2` crate.
//!
//! A token is fetched once however many ask for it at a time, used until shortly before it expires, dropped when a
//! system refuses it, and never written down.

pub mod authorization;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::Clock;
use futures::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use tokio::sync::Mutex;
use url::Url;

use crate::api::{is_about_tls, is_loopback, retry_after, whole_body};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::Observers;
use crate::settings::{ClientAuthentication, OAuthSettings, Secret};

/// A token endpoint answers within this time, or is down.
const TIMEOUT: Duration = Duration::from_secs(10);
/// No token endpoint has more to say than this, in bytes.
const MAX_ANSWER: u64 = 1024 * 1024;
/// How long a token lives whose endpoint does not say.
const DEFAULT_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// A token is renewed this long before it expires, or when a tenth of its life is left if that is less.
const RENEW_BEFORE: TimeDelta = TimeDelta::seconds(30);

/// A bearer token. Has no `Display`, and its `Debug` says nothing.
#[derive(Clone)]
pub struct Token {
    secret: Arc<str>,
    renew_at: DateTime<Utc>,
}

impl Token {
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

type Client = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The tokens of one source. Lives as long as the process.
pub struct Tokens {
    client: Client,
    http: reqwest::Client,
    source_id: String,
    settings: OAuthSettings,
    clock: Clock,
    observers: Observers,
    current: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// How many fetches have ended, and how the last failed: those who waited for it share its outcome.
    fetches: u64,
    failure: Option<(ErrorKind, String)>,
}

/// Named and boxed, for the compiler cannot prove a closure's future `Send` here (rust-lang/rust#100013).
impl<'c> AsyncHttpClient<'c> for Tokens {
    type Error = Error;
    type Future = BoxFuture<'c, Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Tokens {
    /// Tokens as `settings` says; nothing is fetched yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the secret has not been fetched, or the secret would travel in the clear.
    pub fn new(http: &reqwest::Client, source_id: &str, settings: &OAuthSettings, clock: Clock) -> Result<Self> {
        let configuration = |what: &str| Error::new(ErrorKind::Configuration, format!("source `{source_id}`: {what}"));
        if settings.token_url.scheme() != "https" && !is_loopback(&settings.token_url) {
            return Err(configuration("oauth.token_url must be https: the client's secret would travel in the clear"));
        }
        let Secret::Resolved(secret) = &settings.client_secret else {
            return Err(configuration("oauth.client_secret has not been fetched"));
        };
        let client = BasicClient::new(ClientId::new(settings.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret.clone()))
            .set_auth_type(match settings.client_authentication {
                ClientAuthentication::ClientSecretBasic => AuthType::BasicAuth,
                ClientAuthentication::ClientSecretPost => AuthType::RequestBody,
            })
            .set_token_uri(TokenUrl::from_url(settings.token_url.clone()));
        Ok(Self {
            client,
            http: http.clone(),
            source_id: source_id.to_owned(),
            settings: settings.clone(),
            clock,
            observers: Observers::default(),
            current: Mutex::default(),
        })
    }

    /// Tells `observers` of each fetch.
    #[must_use]
    pub fn observed(self, observers: Observers) -> Self {
        Self { observers, ..self }
    }

    /// A token that is good for a while yet.
    ///
    /// # Errors
    /// [`ErrorKind::TokenEndpointDown`] and [`ErrorKind::TokenRefused`].
    pub async fn token(&self) -> Result<Token> {
        let asked_at = match self.current.try_lock() {
            Ok(state) => state.fetches,
            // Somebody is fetching: whatever comes of it is ours too.
            Err(_) => u64::MAX,
        };
        let mut state = self.current.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| self.clock.now() < token.renew_at) {
            return Ok(token.clone());
        }
        if asked_at == u64::MAX
            && let Some((kind, message)) = &state.failure
        {
            return Err(Error::new(*kind, message.clone()));
        }
        let fetched = self.fetch().await;
        let failure = fetched.as_ref().err().map(Error::kind);
        self.observers.tell(|observer| observer.token_fetched(&self.source_id, failure));
        state.fetches += 1;
        match fetched {
            Ok(token) => {
                state.failure = None;
                state.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                state.token = None;
                state.failure = Some((error.kind(), error.to_string()));
                Err(error)
            }
        }
    }

    /// Forgets `token`, which a system has refused. A newer one stays.
    pub async fn forget(&self, token: &Token) {
        let mut state = self.current.lock().await;
        if state.token.as_ref().is_some_and(|current| Arc::ptr_eq(&current.secret, &token.secret)) {
            state.token = None;
        }
    }

    async fn fetch(&self) -> Result<Token> {
        let asked_at = self.clock.now();
        let mut request =
            self.client.exchange_client_credentials().add_scopes(self.settings.scopes.iter().cloned().map(Scope::new));
        if let Some(audience) = &self.settings.audience {
            request = request.add_extra_param("audience", audience);
        }
        if let Some(resource) = &self.settings.resource {
            request = request.add_extra_param("resource", resource);
        }
        let answer = request.request_async(self).await.map_err(|error| self.explain(error))?;
        let lifetime =
            answer.expires_in().and_then(|lifetime| TimeDelta::from_std(lifetime).ok()).unwrap_or(DEFAULT_LIFETIME);
        let margin = RENEW_BEFORE.min(lifetime / 10);
        tracing::debug!(client_id = self.settings.client_id, lifetime_secs = lifetime.num_seconds(), "token fetched");
        Ok(Token { secret: answer.access_token().secret().as_str().into(), renew_at: asked_at + lifetime - margin })
    }

    async fn send(&self, request: HttpRequest) -> std::result::Result<HttpResponse, Error> {
        let mut request = reqwest::Request::try_from(request)
            .map_err(|error| Error::new(ErrorKind::Configuration, "the token request cannot be made").because(error))?;
        self.observers.tell(|observer| observer.sending(request.headers_mut()));
        let answer = async {
            let answer = self.http.execute(request).await?;
            let status = answer.status();
            let headers = answer.headers().clone();
            Ok::<_, reqwest::Error>((status, headers, answer))
        };
        let down = |why: &str| {
            let host = host(&self.settings.token_url);
            Error::new(ErrorKind::TokenEndpointDown, format!("the token endpoint at {host} {why}"))
        };
        let exchange = async {
            let (status, headers, answer) = answer.await.map_err(|error| self.unreachable(error))?;
            if status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS {
                let wait = retry_after(&headers, self.clock.now());
                return Err(down(&format!("failed with status {}", status.as_u16())).retry_after(wait));
            }
            let body =
                whole_body(answer, MAX_ANSWER).await.map_err(|error| down("broke off its answer").because(error))?;
            let mut response = HttpResponse::new(body.to_vec());
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        };
        tokio::time::timeout(TIMEOUT, exchange).await.unwrap_or_else(|_| Err(down("did not answer in time")))
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        let host = host(&self.settings.token_url);
        if is_about_tls(&error) {
            let message = format!("no safe connection to the token endpoint at {host}: check its certificate");
            return Error::new(ErrorKind::Untrusted, message).because(error.without_url());
        }
        Error::new(ErrorKind::TokenEndpointDown, format!("the token endpoint at {host} cannot be reached"))
            .because(error.without_url())
    }

    /// What a failed request means, in a sentence for the operator.
    fn explain(&self, error: RequestTokenError<Error, oauth2::StandardErrorResponse<BasicErrorResponseType>>) -> Error {
        let host = host(&self.settings.token_url);
        let client = &self.settings.client_id;
        match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(answer) => {
                let code: String = answer.error().to_string().chars().take(60).collect();
                let advice = match answer.error() {
                    BasicErrorResponseType::InvalidScope => "check oauth.scopes",
                    _ => "check oauth.client_id and oauth.client_secret",
                };
                let message = format!("the token endpoint at {host} refused client `{client}`: {code}; {advice}");
                Error::new(ErrorKind::TokenRefused, message)
            }
            RequestTokenError::Parse(error, _body) => {
                let message =
                    format!("the token endpoint at {host} gave an answer that is no token; check oauth.token_url");
                Error::new(ErrorKind::TokenRefused, message).because(error)
            }
            RequestTokenError::Other(_) => {
                Error::new(ErrorKind::TokenRefused, format!("the token endpoint at {host} gave an unexpected answer"))
            }
        }
    }
}

fn host(url: &Url) -> String {
    crate::api::host(url)
}
