//! Documents at an address that configuration names, or that such a document names: an issuer's metadata and keys. No
//! token is sent, no redirect followed.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::header::{ACCEPT, HeaderValue};
use url::Url;

use super::{Answer, client, host, unreachable, whole_body};
use crate::error::{Error, ErrorKind, Result};

/// Fetches documents, each within a time limit and a size cap.
#[derive(Clone, Debug)]
pub struct Documents {
    client: reqwest::Client,
    timeout: Duration,
    max_bytes: u64,
}

impl Documents {
    /// Fetches documents of `max_bytes` at most, unpacked, each within `timeout` from the request to its last byte.
    ///
    /// # Errors
    /// As [`client`].
    pub fn new(timeout: Duration, max_bytes: u64) -> Result<Self> {
        Ok(Self { client: client()?, timeout, max_bytes })
    }

    /// The document at this address.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none; any other as its status and its transport say.
    pub fn get<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Result<Answer>> {
        let in_time = tokio::time::timeout(self.timeout, self.fetch(url));
        in_time.map(|answer| answer.unwrap_or_else(|_| Err(self.too_late(url)))).boxed()
    }

    async fn fetch(&self, url: &Url) -> Result<Answer> {
        let request = self.client.get(url.clone()).header(ACCEPT, HeaderValue::from_static("application/json"));
        let response = request.send().await.map_err(|error| unreachable(url, error))?;
        let status = response.status();
        if !status.is_success() {
            let kind = match status.as_u16() {
                404 | 410 => ErrorKind::NotFound,
                500.. => ErrorKind::ServerError,
                _ => ErrorKind::UnexpectedStatus,
            };
            let message = format!("{}{} answered with status {}", host(url), url.path(), status.as_u16());
            return Err(Error::new(kind, message));
        }
        let headers = response.headers().clone();
        let body = whole_body(response, self.max_bytes).await?;
        Ok(Answer { headers, body, url: url.clone() })
    }

    fn too_late(&self, url: &Url) -> Error {
        let message = format!("{} did not answer within {} s", host(url), self.timeout.as_secs_f64());
        Error::new(ErrorKind::Timeout, message)
    }
}
