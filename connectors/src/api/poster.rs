//! Sends messages to addresses that others name. The address is looked at when the connection is made, and not only
//! before: a name that leads elsewhere by then (DNS rebinding) leads nowhere. No redirect is followed, no proxy of the
//! environment is used, and of the answer nothing but its head is read: whoever answers with a gigabyte, or never ends,
//! has said all they had to say.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use url::Url;

use super::reach::NotPublic;
use super::{CONNECT_TIMEOUT, Reach, host, retry_after, unreachable};
use crate::error::{Error, ErrorKind, Result};

/// The longest head of an answer, in headers.
const MOST_HEADERS: usize = 100;

type Look = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// How names are looked up.
#[derive(Clone)]
pub struct Names(Arc<Look>);

impl Names {
    /// As this machine does.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|name| {
            async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) }.boxed()
        })
    }

    /// As `look` says, for tests.
    pub fn from_fn(
        look: impl Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(look))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// Looks names up, and keeps to itself those that lead out of reach.
struct Guard {
    names: Names,
    reach: Reach,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (looked, reach) = ((self.names.0)(name.as_str().to_owned()), self.reach.clone());
        Box::pin(async move {
            let found = looked.await?;
            // One that leads to both is refused: which of them is connected to is chance.
            if let Some(address) = found.iter().find(|address| !reach.holds(**address)) {
                return Err(NotPublic(*address).into());
            }
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// What an endpoint answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The status.
    pub status: u16,
    /// How long it asks to be left alone; an hour at most.
    pub retry_after: Option<Duration>,
}

/// Sends messages.
#[derive(Clone, Debug)]
pub struct Poster {
    client: reqwest::Client,
    reach: Reach,
    timeout: Duration,
}

impl Poster {
    /// Sends to what is in `reach`, with names looked up as `names` says; an answer may take `timeout`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the machine's certificates cannot be read.
    #[expect(clippy::disallowed_methods, reason = "a client of its own, which looks at every address it connects to")]
    pub fn new(reach: Reach, names: Names, timeout: Duration) -> Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("alliance-hub/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would look the names up itself.
            .no_proxy()
            .http1_max_headers(MOST_HEADERS)
            .dns_resolver(Guard { names, reach: reach.clone() })
            .build()
            .map_err(|error| Error::new(ErrorKind::Configuration, "the HTTP client cannot be made").because(error))?;
        Ok(Self { client, reach, timeout })
    }

    /// Sends JSON to an address, at this instant, and tells what was answered, whatever the status.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where nothing is sent to this address; else as the transport says.
    pub fn post<'a>(
        &'a self,
        url: &'a Url,
        headers: &'a [(&'static str, String)],
        body: Bytes,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Posted>> {
        self.send(url, headers, body, now).boxed()
    }

    async fn send(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
        body: Bytes,
        now: DateTime<Utc>,
    ) -> Result<Posted> {
        // A name's addresses are looked at by the guard; an address written as one is not looked up.
        if let Some(fault) = self.reach.fault(url) {
            return Err(Error::new(ErrorKind::Configuration, fault));
        }
        let mut request = self.client.post(url.clone()).timeout(self.timeout).body(body);
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| Error::new(ErrorKind::Configuration, "a header holds what no header may hold"))?;
            request = request.header(HeaderName::from_static(name), value);
        }
        let response = request.send().await.map_err(|error| self.explain(url, error))?;
        Ok(Posted { status: response.status().as_u16(), retry_after: retry_after(response.headers(), now) })
    }

    fn explain(&self, url: &Url, error: reqwest::Error) -> Error {
        if let Some(not_public) = not_public(&error) {
            return Error::new(ErrorKind::Configuration, not_public.to_string());
        }
        if error.is_timeout() {
            let message = format!("{} did not answer within {} s", host(url), self.timeout.as_secs_f64());
            return Error::new(ErrorKind::Timeout, message);
        }
        unreachable(url, error)
    }
}

/// The address that the guard refused, somewhere below the client's error.
fn not_public(error: &(dyn std::error::Error + 'static)) -> Option<NotPublic> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<NotPublic>() {
            return Some(*found);
        }
        next = error.source();
    }
    None
}
