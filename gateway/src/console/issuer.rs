//! The issuer at which people sign in. It is found when the first person does: one that is down keeps nobody from starting.

use std::time::Duration;

use connectors::Error;
use connectors::api::Documents;
use connectors::oauth::authorization::{Authorization, Endpoints, Registration};
use tokio::sync::OnceCell;
use url::Url;

/// An issuer answers within this time, or is down.
const TIMEOUT: Duration = Duration::from_secs(5);
/// No issuer's metadata is longer, in bytes.
const LARGEST: u64 = 256 * 1024;

/// The issuer, and what the console is called there.
pub(super) struct Issuer {
    url: Url,
    registration: Registration,
    documents: Documents,
    found: OnceCell<Authorization>,
}

impl Issuer {
    /// # Errors
    /// Where the machine's certificates cannot be read.
    pub(super) fn new(url: Url, registration: Registration) -> Result<Self, Error> {
        let documents = Documents::new(TIMEOUT, LARGEST)?;
        Ok(Self { url, registration, documents, found: OnceCell::new() })
    }

    /// What can be asked of it.
    ///
    /// # Errors
    /// Where it cannot be found at present.
    pub(super) async fn authorization(&self) -> Result<&Authorization, Error> {
        let find = async || {
            let endpoints = Endpoints::discover(&self.documents, &self.url).await?;
            Authorization::new(&endpoints, self.registration.clone())
        };
        self.found.get_or_try_init(find).await
    }
}
