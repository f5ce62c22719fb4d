//! The only outgoing HTTP client toward partner systems: one request at a time, with token, time limit and size cap.
//! It never retries: that is decided in the sync policy. (One exception: after a 401 the token is dropped and the
//! request sent once more.)

use std::path::PathBuf;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// Speaks to one source.
pub struct Api {}

/// A whole answer, within the size cap, with a status of success.
#[derive(Debug)]
pub struct Answer {
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The answer's body, unpacked.
    pub body: Bytes,
    /// The address that was asked.
    pub url: Url,
}

/// A file on this machine: given as one, or fetched whole into a temporary place for the time of a run.
#[derive(Clone, Debug)]
pub struct LocalFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Changes when its content does: `ETag`, `Last-Modified`, or size and time of change.
    pub version: String,
}

impl Api {
    /// Asks for `path` below the source's base URL.
    ///
    /// # Errors
    /// As [`ErrorKind`] says, by status first, refined by what the body is.
    pub async fn get(&self, _path: &str, _query: &[(&str, &str)], _headers: &[(&str, &str)]) -> Result<Answer> {
        Err(Error::new(ErrorKind::Configuration, "not yet"))
    }

    /// Asks for a link that an answer gave. It must lead to the source's own origin: the token goes nowhere else.
    ///
    /// # Errors
    /// As [`Api::get`], and [`ErrorKind::Paging`] for a link to another origin.
    pub async fn get_link(&self, _link: &str, _headers: &[(&str, &str)]) -> Result<Answer> {
        Err(Error::new(ErrorKind::Configuration, "not yet"))
    }

    /// The file at `location`, a URL or a path. Fetched once a run, streamed to disk.
    ///
    /// # Errors
    /// As [`Api::get`], and [`ErrorKind::File`] where a local file cannot be read.
    pub async fn file(&self, _location: &str) -> Result<LocalFile> {
        Err(Error::new(ErrorKind::Configuration, "not yet"))
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], saying what came instead (an HTML page, nothing, cut-off JSON), never the body.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        Err(Error::new(ErrorKind::Configuration, "not yet"))
    }

    /// A header's text, where it is there and readable.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
/// tmp
pub fn client() -> Result<reqwest::Client> { Ok(reqwest::Client::default()) }
impl Api { #[allow(missing_docs)] pub fn new(_c:&reqwest::Client,_s:&crate::settings::SourceSettings,_t:Option<std::sync::Arc<crate::oauth::Tokens>>)->Result<Self>{Ok(Self{})} }
