//! People sign in, or let the hub in: OAuth 2 authorization code (RFC 6749 section 4.1) with the proof of RFC 7636, by
//! the `oauth2` crate.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use serde::Deserialize;
use url::Url;

use super::revocation::Revocation;
use super::{MAX_ANSWER, TIMEOUT};
use crate::api::{Documents, client, host, is_loopback, unreachable, whole_body};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::ClientAuthentication;

/// How long a sign-in lasts whose issuer does not say.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// Where an issuer lets people sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where people are sent.
    pub authorization: Url,
    /// Where what they bring back is exchanged for a token.
    pub token: Url,
    /// Where tokens are given up (RFC 7009). `None`: nowhere.
    pub revocation: Option<Url>,
    /// Whether the issuer says that it names itself in each answer (RFC 9207).
    pub names_itself: bool,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Option<Url>,
    token_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Endpoints {
    /// Finds them in an issuer's metadata.
    ///
    /// # Errors
    /// Where it cannot be had, is of another issuer, or names none; or where secrets would travel in the clear.
    pub async fn discover(documents: &Documents, issuer: &Url) -> Result<Self> {
        let path = issuer.path().trim_end_matches('/');
        let at = |path: String| {
            let mut url = issuer.clone();
            url.set_path(&path);
            url
        };
        // OpenID Connect Discovery puts its name behind the issuer's path, RFC 8414 before it.
        let answer = match documents.get(&at(format!("{path}/.well-known/openid-configuration"))).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                documents.get(&at(format!("/.well-known/oauth-authorization-server{path}"))).await?
            }
            answer => answer?,
        };
        let metadata: Metadata = answer.json()?;
        let wrong = |what: &str| Error::new(ErrorKind::Configuration, format!("the metadata of {issuer} {what}"));
        if metadata.issuer.trim_end_matches('/') != issuer.as_str().trim_end_matches('/') {
            return Err(wrong("is of another issuer: correct the issuer in the configuration"));
        }
        let (Some(authorization), Some(token)) = (metadata.authorization_endpoint, metadata.token_endpoint) else {
            return Err(wrong("names no authorization and token endpoint: people cannot sign in there"));
        };
        let revocation = metadata.revocation_endpoint;
        let named = [Some(&authorization), Some(&token), revocation.as_ref()];
        if named.into_iter().flatten().any(|url| url.scheme() != "https" && !is_loopback(url)) {
            return Err(wrong("names an endpoint that is not https"));
        }
        let names_itself = metadata.authorization_response_iss_parameter_supported;
        Ok(Self { authorization, token, revocation, names_itself })
    }
}

/// Who signs people in.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The client's id at the issuer.
    pub client_id: String,
    /// Its secret. `None`: a public client.
    pub client_secret: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// How it shows its secret.
    pub client_authentication: ClientAuthentication,
    /// Whom the tokens must be for: parameters to send along, as `resource` (RFC 8707).
    pub whom: Vec<(&'static str, String)>,
}

/// A sign-in that has begun.
pub struct Begun {
    /// Where the person goes.
    pub url: Url,
    /// What comes back with them.
    pub state: String,
    /// The proof that whoever comes back is whom this was begun for.
    pub proof: Proof,
}

/// What exchanges the code that was given for it, and no other. Its `Debug` says nothing.
pub struct Proof(PkceCodeVerifier);

impl Proof {
    /// What it is, for whoever keeps it elsewhere while the person is away.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.secret()
    }
}

impl From<String> for Proof {
    fn from(secret: String) -> Self {
        Self(PkceCodeVerifier::new(secret))
    }
}

impl Clone for Proof {
    fn clone(&self) -> Self {
        Self(PkceCodeVerifier::new(self.0.secret().clone()))
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}

/// The access token of somebody who signed in.
pub struct Granted {
    /// Its text.
    pub token: String,
    /// How long it lasts.
    pub lifetime: Duration,
    /// What gives further ones. `None`: nothing does.
    pub refresh: Option<String>,
    /// What was granted, parted by spaces. `None`: what was asked for.
    pub scopes: Option<String>,
}

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Signs people in at one issuer.
pub struct Authorization {
    client: Client,
    http: Http,
    registration: Registration,
    revocation: Option<Url>,
}

impl Authorization {
    /// As `registration` says, at these endpoints.
    ///
    /// # Errors
    /// Where the machine's certificates cannot be read.
    pub fn new(endpoints: &Endpoints, registration: Registration) -> Result<Self> {
        let mut oauth = BasicClient::new(ClientId::new(registration.client_id.clone()));
        if let Some(secret) = &registration.client_secret {
            oauth = oauth.set_client_secret(ClientSecret::new(secret.clone()));
        }
        let oauth = oauth
            .set_auth_type(match registration.client_authentication {
                ClientAuthentication::ClientSecretBasic => AuthType::BasicAuth,
                ClientAuthentication::ClientSecretPost => AuthType::RequestBody,
            })
            .set_auth_uri(AuthUrl::from_url(endpoints.authorization.clone()))
            .set_token_uri(TokenUrl::from_url(endpoints.token.clone()));
        let http = Http { client: client()?, url: endpoints.token.clone() };
        Ok(Self { client: oauth, http, registration, revocation: endpoints.revocation.clone() })
    }

    /// Begins to sign somebody in, who comes back to `redirect`.
    #[must_use]
    pub fn begin(&self, redirect: &Url) -> Begun {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = self.registration.scopes.iter().cloned().map(Scope::new);
        let mut request = self
            .client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect.clone())));
        for (name, value) in &self.registration.whom {
            request = request.add_extra_param(*name, value.as_str());
        }
        let (url, state) = request.url();
        Begun { url, state: state.secret().clone(), proof: Proof(verifier) }
    }

    /// Exchanges the code that somebody brought back to `redirect`.
    ///
    /// # Errors
    /// [`ErrorKind::TokenRefused`] where the issuer does not take it, [`ErrorKind::TokenEndpointDown`] where it cannot say.
    pub async fn exchange(&self, code: String, proof: Proof, redirect: &Url) -> Result<Granted> {
        let mut request = self
            .client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(proof.0)
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect.clone())));
        for (name, value) in &self.registration.whom {
            request = request.add_extra_param(*name, value.as_str());
        }
        let answer = request.request_async(&self.http).await.map_err(|error| self.explain(error, "code"))?;
        Ok(granted(&answer))
    }

    /// Renews what somebody was granted, by the refresh token that came with it. The answer may bring another one: then this
    /// one is good no more.
    ///
    /// # Errors
    /// [`ErrorKind::Reauthorise`] where the issuer takes it no more, [`ErrorKind::TokenRefused`] where it refuses the client,
    /// [`ErrorKind::TokenEndpointDown`] where it cannot say.
    pub async fn refresh(&self, refresh: &str) -> Result<Granted> {
        let sent = RefreshToken::new(refresh.to_owned());
        let mut request = self.client.exchange_refresh_token(&sent);
        for (name, value) in &self.registration.whom {
            request = request.add_extra_param(*name, value.as_str());
        }
        let answer = request.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(answer) if *answer.error() == BasicErrorResponseType::InvalidGrant => {
                let host = host(&self.http.url);
                Error::new(
                    ErrorKind::Reauthorise,
                    format!("the token endpoint at {host} takes a refresh token no more"),
                )
            }
            error => self.explain(error, "refresh token"),
        })?;
        Ok(granted(&answer))
    }

    /// Gives up what a refresh token stands for, where the issuer has an address for that.
    ///
    /// # Errors
    /// Where it was refused, or nobody can say.
    pub async fn revoke(&self, refresh: &str) -> Result<()> {
        let Some(endpoint) = &self.revocation else { return Ok(()) };
        let Registration { client_id, client_secret, client_authentication, .. } = &self.registration;
        let (http, secret, authentication) = (&self.http.client, client_secret.as_deref(), *client_authentication);
        Revocation { http, endpoint, client_id, secret, authentication }.of(refresh, "refresh_token").await
    }

    /// What a failed request means. `what` was sent.
    fn explain(&self, error: TokenError, what: &str) -> Error {
        let host = host(&self.http.url);
        match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(answer) => {
                let code: String = answer.error().to_string().chars().take(60).collect();
                Error::new(ErrorKind::TokenRefused, format!("the token endpoint at {host} refused a {what}: {code}"))
            }
            _ => Error::new(ErrorKind::TokenRefused, format!("the token endpoint at {host} gave no token")),
        }
    }
}

type TokenError = RequestTokenError<Error, oauth2::StandardErrorResponse<BasicErrorResponseType>>;

fn granted(answer: &BasicTokenResponse) -> Granted {
    let scopes = answer.scopes().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "));
    Granted {
        token: answer.access_token().secret().clone(),
        lifetime: answer.expires_in().unwrap_or(DEFAULT_LIFETIME),
        refresh: answer.refresh_token().map(|token| token.secret().clone()),
        scopes,
    }
}

/// How an audience is asked for: by RFC 8707 where it is an address, else as many issuers have it.
#[must_use]
pub fn audience(audience: &str) -> (&'static str, String) {
    (if audience.contains("://") { "resource" } else { "audience" }, audience.to_owned())
}

/// Asks the token endpoint: within a time and a size, and without following it elsewhere.
struct Http {
    client: reqwest::Client,
    url: Url,
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Error;
    type Future = BoxFuture<'c, Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async {
            let down = |why: &str| {
                let host = host(&self.url);
                Error::new(ErrorKind::TokenEndpointDown, format!("the token endpoint at {host} {why}"))
            };
            let exchange = async {
                let request = reqwest::Request::try_from(request).map_err(|error| {
                    Error::new(ErrorKind::Configuration, "the token request cannot be made").because(error)
                })?;
                let answer = self.client.execute(request).await.map_err(|error| unreachable(&self.url, error))?;
                if answer.status().is_server_error() {
                    return Err(down(&format!("failed with status {}", answer.status().as_u16())));
                }
                let (status, headers) = (answer.status(), answer.headers().clone());
                let mut response = HttpResponse::new(whole_body(answer, MAX_ANSWER).await?.to_vec());
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                Ok(response)
            };
            tokio::time::timeout(TIMEOUT, exchange).await.unwrap_or_else(|_| Err(down("did not answer in time")))
        })
    }
}
