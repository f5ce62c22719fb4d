//! What configuration says of tokens: how they are got for a source.

use serde::Deserialize;
use url::Url;

use super::Secret;

/// How to get tokens for a source.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthSettings {
    /// In whose name the hub asks for them.
    #[serde(default)]
    pub grant: GrantType,
    /// The token endpoint.
    pub token_url: Url,
    /// The client's identifier.
    pub client_id: String,
    /// The client's secret. `None`: a public client, which only [`GrantType::AuthorizationCode`] allows.
    pub client_secret: Option<Secret>,
    /// Scopes to ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The `audience` to ask for, where the issuer wants one.
    pub audience: Option<String>,
    /// The `resource` to ask for (RFC 8707), where the issuer wants one.
    pub resource: Option<String>,
    /// How the client shows its secret.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    /// Where people let the hub in. Found in the issuer's metadata where absent.
    pub authorization_url: Option<Url>,
    /// Where tokens are given up (RFC 7009). Found in the issuer's metadata where absent.
    pub revocation_url: Option<Url>,
    /// Who the issuer is, as it names itself (RFC 8414): whose answer nobody else's is taken for (RFC 9207).
    pub issuer: Option<Url>,
    /// The port on this machine that people come back to. Any that is free where absent, as RFC 8252 has it.
    pub redirect_port: Option<u16>,
}

/// In whose name the hub asks for tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// In its own: client credentials (RFC 6749 section 4.4).
    #[default]
    ClientCredentials,
    /// In that of somebody who let it in with `hub connect` (RFC 6749 section 4.1), by refresh tokens since.
    AuthorizationCode,
}

/// How the client shows its secret to the token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// In the `Authorization` header.
    #[default]
    ClientSecretBasic,
    /// In the form.
    ClientSecretPost,
}

impl OAuthSettings {
    /// Client credentials at this token endpoint, and everything else by itself.
    #[must_use]
    pub fn client_credentials(token_url: Url, client_id: &str, client_secret: Secret) -> Self {
        Self {
            grant: GrantType::ClientCredentials,
            token_url,
            client_id: client_id.to_owned(),
            client_secret: Some(client_secret),
            scopes: Vec::new(),
            audience: None,
            resource: None,
            client_authentication: ClientAuthentication::default(),
            authorization_url: None,
            revocation_url: None,
            issuer: None,
            redirect_port: None,
        }
    }

    /// The client's secret. `None`: it has none, or it has not been fetched.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        match &self.client_secret {
            Some(Secret::Resolved(secret)) => Some(secret),
            _ => None,
        }
    }
}
