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
        url::Url::parse(&self.0).is_ok_and(|url| url.password().is_some())
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
