//! A token endpoint: what it is asked, and what its answers mean. Nothing is asked for twice here, and nothing kept.

use chrono::{DateTime, TimeDelta, Utc};
use entity::Clock;
use futures::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    RefreshToken, RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use reqwest::StatusCode;
use url::Url;

use super::revocation::Revocation;
use super::{MAX_ANSWER, TIMEOUT, Token};
use crate::api::{host, is_loopback, retry_after, whole_body, wrong_with_tls};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::Observers;
use crate::settings::{ClientAuthentication, OAuthSettings};

/// How long a token lives whose endpoint does not say.
const DEFAULT_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// A token is renewed this long before it expires, or when a tenth of its life is left if that is less.
const RENEW_BEFORE: TimeDelta = TimeDelta::seconds(30);

type Client = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The token endpoint of one source. Cheap to clone beside a request.
#[derive(Clone)]
pub(super) struct TokenEndpoint {
    client: Client,
    http: reqwest::Client,
    pub(super) source_id: String,
    settings: OAuthSettings,
    pub(super) clock: Clock,
    pub(super) observers: Observers,
}

/// What a refresh token was good for.
pub(super) struct Refreshed {
    pub(super) access: Token,
    /// The refresh token to use from now on, where it is another one.
    pub(super) refresh: Option<String>,
}

/// Why a refresh token was not.
pub(super) enum NotRefreshed {
    /// The endpoint does not take it (`invalid_grant`): it was used, revoked, or has expired.
    InvalidGrant,
    /// Nobody can say, or the client is at fault.
    Failed(Error),
}

/// Named and boxed, for the compiler cannot prove a closure's future `Send` here (rust-lang/rust#100013).
impl<'c> AsyncHttpClient<'c> for TokenEndpoint {
    type Error = Error;
    type Future = BoxFuture<'c, Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl TokenEndpoint {
    pub(super) fn new(http: &reqwest::Client, source_id: &str, settings: &OAuthSettings, clock: Clock) -> Result<Self> {
        let configuration = |what: &str| Error::new(ErrorKind::Configuration, format!("source `{source_id}`: {what}"));
        if settings.token_url.scheme() != "https" && !is_loopback(&settings.token_url) {
            return Err(configuration("oauth.token_url must be https: the client's secret would travel in the clear"));
        }
        let mut client = BasicClient::new(ClientId::new(settings.client_id.clone()))
            .set_auth_type(match settings.client_authentication {
                ClientAuthentication::ClientSecretBasic => AuthType::BasicAuth,
                ClientAuthentication::ClientSecretPost => AuthType::RequestBody,
            })
            .set_token_uri(TokenUrl::from_url(settings.token_url.clone()));
        match settings.secret() {
            Some(secret) => client = client.set_client_secret(ClientSecret::new(secret.to_owned())),
            None if settings.client_secret.is_some() => {
                return Err(configuration("oauth.client_secret has not been fetched"));
            }
            None => {}
        }
        Ok(Self {
            client,
            http: http.clone(),
            source_id: source_id.to_owned(),
            settings: settings.clone(),
            clock,
            observers: Observers::default(),
        })
    }

    /// The token endpoint's host, for messages.
    pub(super) fn host(&self) -> String {
        host(&self.settings.token_url)
    }

    /// A token in the client's own name.
    pub(super) async fn by_credentials(&self) -> Result<Token> {
        let asked_at = self.clock.now();
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        let mut request = self.client.exchange_client_credentials().add_scopes(scopes);
        for (name, value) in self.whom() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(self).await;
        self.tell(answer.as_ref().err().map(kind_of));
        let answer = answer.map_err(|error| self.explain(error))?;
        Ok(token(&answer, asked_at))
    }

    /// A token by a refresh token.
    pub(super) async fn by_refresh_token(&self, refresh: &str) -> Result<Refreshed, NotRefreshed> {
        let asked_at = self.clock.now();
        let sent = RefreshToken::new(refresh.to_owned());
        let mut request = self.client.exchange_refresh_token(&sent);
        for (name, value) in self.whom() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(self).await;
        self.tell(answer.as_ref().err().map(kind_of));
        match answer {
            Ok(answer) => {
                let given = answer.refresh_token().map(|given| given.secret().clone());
                Ok(Refreshed { access: token(&answer, asked_at), refresh: given.filter(|given| given != refresh) })
            }
            Err(RequestTokenError::ServerResponse(answer))
                if *answer.error() == BasicErrorResponseType::InvalidGrant =>
            {
                Err(NotRefreshed::InvalidGrant)
            }
            Err(error) => Err(NotRefreshed::Failed(self.explain(error))),
        }
    }

    /// Gives up a token (RFC 7009) at `endpoint`.
    pub(super) async fn revoke(&self, endpoint: &Url, token: &str, hint: &str) -> Result<()> {
        let (http, settings) = (&self.http, &self.settings);
        let (client_id, secret) = (settings.client_id.as_str(), settings.secret());
        let authentication = settings.client_authentication;
        Revocation { http, endpoint, client_id, secret, authentication }.of(token, hint).await
    }

    /// Gives up a refresh token, where configuration has an address for that.
    pub(super) async fn revoke_known(&self, token: &str) -> Result<()> {
        match &self.settings.revocation_url {
            Some(endpoint) => self.revoke(endpoint, token, "refresh_token").await,
            None => Ok(()),
        }
    }

    /// Whom the token is to be for.
    fn whom(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let OAuthSettings { audience, resource, .. } = &self.settings;
        let named = [("audience", audience.as_deref()), ("resource", resource.as_deref())];
        named.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    fn tell(&self, failure: Option<ErrorKind>) {
        self.observers.tell(|observer| observer.token_fetched(&self.source_id, failure));
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse> {
        let mut request = reqwest::Request::try_from(request)
            .map_err(|error| Error::new(ErrorKind::Configuration, "the token request cannot be made").because(error))?;
        self.observers.tell(|observer| observer.sending(request.headers_mut()));
        let down = |why: &str| {
            Error::new(ErrorKind::TokenEndpointDown, format!("the token endpoint at {} {why}", self.host()))
        };
        let exchange = async {
            let answer = self.http.execute(request).await.map_err(|error| self.unreachable(error))?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
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
        let host = self.host();
        if let Some(what) = wrong_with_tls(&error) {
            let message = format!("no safe connection to the token endpoint at {host}: {what}");
            return Error::new(ErrorKind::Untrusted, message).because(error.without_url());
        }
        Error::new(ErrorKind::TokenEndpointDown, format!("the token endpoint at {host} cannot be reached"))
            .because(error.without_url())
    }

    /// What a failed request means, in a sentence for the operator.
    fn explain(&self, error: TokenError) -> Error {
        let kind = kind_of(&error);
        let host = self.host();
        match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(answer) => {
                let client = &self.settings.client_id;
                let code: String = answer.error().to_string().chars().take(60).collect();
                let advice = match answer.error() {
                    BasicErrorResponseType::InvalidScope => "check oauth.scopes",
                    _ => "check oauth.client_id and oauth.client_secret",
                };
                Error::new(kind, format!("the token endpoint at {host} refused client `{client}`: {code}; {advice}"))
            }
            RequestTokenError::Parse(error, _body) => {
                let message =
                    format!("the token endpoint at {host} gave an answer that is no token; check oauth.token_url");
                Error::new(kind, message).because(error)
            }
            RequestTokenError::Other(_) => {
                Error::new(kind, format!("the token endpoint at {host} gave an unexpected answer"))
            }
        }
    }
}

type TokenError = RequestTokenError<Error, oauth2::StandardErrorResponse<BasicErrorResponseType>>;

fn kind_of(error: &TokenError) -> ErrorKind {
    match error {
        RequestTokenError::Request(error) => error.kind(),
        _ => ErrorKind::TokenRefused,
    }
}

fn token(answer: &BasicTokenResponse, asked_at: DateTime<Utc>) -> Token {
    let lifetime = answer.expires_in().and_then(|lifetime| TimeDelta::from_std(lifetime).ok());
    Token { secret: answer.access_token().secret().as_str().into(), renew_at: renewal(asked_at, lifetime) }
}

/// When a token that was asked for at this instant is to be renewed. `None`: its endpoint does not say how long it lasts.
pub(super) fn renewal(asked_at: DateTime<Utc>, lifetime: Option<TimeDelta>) -> DateTime<Utc> {
    let lifetime = lifetime.unwrap_or(DEFAULT_LIFETIME);
    let until = asked_at.checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC);
    until - RENEW_BEFORE.min(lifetime / 10)
}
