//! How a source comes to be connected, and no longer is: somebody lets the hub in at the system's own page, and what they
//! gave is kept until it is given up.

use std::time::Duration;

use chrono::TimeDelta;
use entity::Clock;
use url::Url;

use super::authorization::{Authorization, Endpoints, Granted, Proof, Registration};
use super::endpoint::{TokenEndpoint, renewal};
use super::grants::{Given, Grants};
use super::loopback::{Expected, Loopback};
use crate::api::{Documents, client};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::OAuthSettings;

/// An issuer's metadata comes within this time, and is no larger, in bytes.
const METADATA_WITHIN: Duration = Duration::from_secs(10);
const LARGEST_METADATA: u64 = 256 * 1024;

/// Somebody is about to let the hub in.
pub struct Connecting {
    authorization: Authorization,
    loopback: Loopback,
    expected: Expected,
    proof: Proof,
    url: Url,
}

impl Connecting {
    /// Opens the address that they come back to, and finds where they go.
    ///
    /// # Errors
    /// Where the system does not say where that is, or the port is taken.
    pub async fn begin(settings: &OAuthSettings) -> Result<Self> {
        let endpoints = endpoints(settings).await?;
        let whom = [("audience", &settings.audience), ("resource", &settings.resource)];
        let registration = Registration {
            client_id: settings.client_id.clone(),
            client_secret: settings.secret().map(str::to_owned),
            client_authentication: settings.client_authentication,
            scopes: settings.scopes.clone(),
            whom: whom.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect(),
        };
        let authorization = Authorization::new(&endpoints, registration)?;
        let loopback = Loopback::open(settings.redirect_port).await?;
        let begun = authorization.begin(loopback.redirect());
        let expected =
            Expected { state: begun.state, issuer: settings.issuer.clone(), names_itself: endpoints.names_itself };
        Ok(Self { authorization, loopback, expected, proof: begun.proof, url: begun.url })
    }

    /// Where they go.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Waits for them to come back, and exchanges what they bring.
    ///
    /// # Errors
    /// As [`Loopback::wait`] and [`Authorization::exchange`].
    pub async fn finish(self, patience: Duration) -> Result<Granted> {
        let redirect = self.loopback.redirect().clone();
        let code = self.loopback.wait(self.expected, patience).await?;
        self.authorization.exchange(code, self.proof, &redirect).await
    }
}

/// Where a source's people let the hub in and tokens are given up: as configuration has it, else as the issuer says.
async fn endpoints(settings: &OAuthSettings) -> Result<Endpoints> {
    let token = settings.token_url.clone();
    let revocation = settings.revocation_url.clone();
    let endpoints = match (&settings.authorization_url, &settings.issuer) {
        (Some(authorization), _) => {
            Endpoints { authorization: authorization.clone(), token, revocation, names_itself: false }
        }
        (None, Some(issuer)) => {
            let documents = Documents::new(METADATA_WITHIN, LARGEST_METADATA)?;
            let found = Endpoints::discover(&documents, issuer).await?;
            // The secret goes where configuration sends it, and nowhere else.
            Endpoints { token, revocation: revocation.or(found.revocation), ..found }
        }
        (None, None) => {
            let message = "nobody knows where people let the hub in: set oauth.authorization_url, or oauth.issuer";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
    };
    Ok(endpoints)
}

/// Keeps what somebody gave, in place of what there was.
///
/// # Errors
/// Where the system gave nothing to come back with, or it cannot be written.
pub async fn connect(grants: &Grants, source_id: &str, granted: &Granted, by: &str) -> Result<()> {
    let Some(refresh) = &granted.refresh else {
        let message = "the system gave no refresh token: add the scope for it to oauth.scopes (often offline_access), or \
                       let those who run the system allow it";
        return Err(Error::new(ErrorKind::TokenRefused, message));
    };
    let given = Given {
        access: &granted.token,
        renew_at: renewal(grants.now(), TimeDelta::from_std(granted.lifetime).ok()),
        refresh,
        scopes: granted.scopes.clone(),
    };
    grants.connect(source_id, &given, by).await
}

/// What came of disconnecting a source.
#[derive(Debug)]
pub enum Disconnected {
    /// It was not connected.
    WasNot,
    /// What there was is forgotten and revoked.
    Revoked,
    /// It is forgotten here, and the system may not know: why. `None`: it has no address to tell it.
    NotRevoked(Option<Error>),
}

/// Forgets what lets the hub into a source, and revokes it there (RFC 7009). It is forgotten first: whoever is refreshing
/// meanwhile finds nothing to write to.
///
/// # Errors
/// Where the store fails. A system that cannot be told keeps nobody from forgetting.
pub async fn disconnect(
    grants: &Grants,
    source_id: &str,
    settings: &OAuthSettings,
    clock: Clock,
) -> Result<Disconnected> {
    let endpoint = TokenEndpoint::new(&client()?, source_id, settings, clock)?;
    let (refresh, access) = loop {
        let Some(row) = grants.find(source_id).await? else { return Ok(Disconnected::WasNot) };
        let tokens = grants.refresh_tokens(&row);
        let access = grants.access(&row).ok().flatten();
        if grants.forget(&row).await? {
            break (tokens, access);
        }
    };
    let revoke = async {
        let refresh = refresh?;
        let Some(address) = endpoints(settings).await?.revocation else { return Ok(false) };
        let access = access.iter().map(|token| (token.secret(), "access_token"));
        for (token, hint) in refresh.iter().map(|token| (token.as_str(), "refresh_token")).chain(access) {
            endpoint.revoke(&address, token, hint).await?;
        }
        Ok(true)
    };
    Ok(match revoke.await {
        Ok(true) => Disconnected::Revoked,
        Ok(false) => Disconnected::NotRevoked(None),
        Err(error) => Disconnected::NotRevoked(Some(error)),
    })
}
