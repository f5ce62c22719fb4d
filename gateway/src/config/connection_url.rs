//! Addresses that may hold a password.

use std::fmt;

use serde::Deserialize;

/// An address that may hold a password. Has no `Display`, and its `Debug` says only what kind of address it is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ConnectionUrl(String);

impl ConnectionUrl {
    /// The address with its password, for whoever connects.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What comes before the first colon.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// Whether it has a password in it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        // By hand: an address may name several hosts, which is no URL.
        let authority =
            self.0.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
        authority.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
    }
}

impl From<&str> for ConnectionUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl From<String> for ConnectionUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for ConnectionUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionUrl({}:…)", self.scheme())
    }
}
