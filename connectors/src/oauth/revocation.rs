//! Giving tokens up (RFC 7009). By hand, for the library takes no address on loopback.

use url::Url;

use super::TIMEOUT;
use crate::api::{host, is_loopback};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::ClientAuthentication;

/// Where a client gives up tokens, and how it shows who it is.
pub(super) struct Revocation<'a> {
    pub(super) http: &'a reqwest::Client,
    pub(super) endpoint: &'a Url,
    pub(super) client_id: &'a str,
    /// `None`: a public client.
    pub(super) secret: Option<&'a str>,
    pub(super) authentication: ClientAuthentication,
}

impl Revocation<'_> {
    /// Gives up a token of the kind that `hint` says.
    ///
    /// # Errors
    /// [`ErrorKind::TokenRefused`] where it was refused, [`ErrorKind::TokenEndpointDown`] where nobody can say.
    pub(super) async fn of(&self, token: &str, hint: &str) -> Result<()> {
        let (endpoint, id) = (self.endpoint, self.client_id);
        if endpoint.scheme() != "https" && !is_loopback(endpoint) {
            let message = format!("{} is not https: the token would travel in the clear", host(endpoint));
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let mut form = vec![("token", token), ("token_type_hint", hint)];
        let mut request = self.http.post(endpoint.clone());
        match (self.secret, self.authentication) {
            (Some(secret), ClientAuthentication::ClientSecretBasic) => {
                request = request.basic_auth(form_encoded(id), Some(form_encoded(secret)));
            }
            (Some(secret), ClientAuthentication::ClientSecretPost) => {
                form.extend([("client_id", id), ("client_secret", secret)]);
            }
            (None, _) => form.push(("client_id", id)),
        }
        let sent = tokio::time::timeout(TIMEOUT, request.form(&form).send()).await;
        let down = |why: &str| Error::new(ErrorKind::TokenEndpointDown, format!("{} {why}", host(endpoint)));
        let status = sent
            .map_err(|_| down("did not answer in time"))?
            .map_err(|error| down("cannot be reached").because(error.without_url()))?
            .status();
        // What it does not know is as good as revoked, and answered so (section 2.2).
        match status {
            status if status.is_success() => Ok(()),
            status if status.is_server_error() => Err(down(&format!("failed with status {}", status.as_u16()))),
            status => {
                let message = format!("{} refused to revoke, with status {}", host(endpoint), status.as_u16());
                Err(Error::new(ErrorKind::TokenRefused, message))
            }
        }
    }
}

/// As ids and secrets are written in the `Authorization` header (RFC 6749 section 2.3.1).
fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
