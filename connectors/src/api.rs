//! The only outgoing HTTP client toward partner systems: one request at a time, with token, time limit and size cap.
//! It never retries: that is decided in the sync policy. (One exception: after a 401 the token is dropped and the
//! request sent once more.) A request keeps its place among the source's until its whole answer is there.

mod document;
mod file;
pub(crate) mod gate;
mod poster;
mod reach;
mod refusal;
mod subgraph;

pub(crate) use self::refusal::retry_after;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use entity::Clock;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use serde_json_path::JsonPath;
use tokio::sync::{Mutex, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

pub use self::document::Documents;
use self::gate::Gate;
pub use self::poster::{Names, Posted, Poster};
pub use self::reach::{Reach, is_public};
pub use self::subgraph::{Answered, Asked, BreakerState, NotSubscribed, Results, Subgraph, check_headers};
use crate::error::{Error, ErrorKind, Result};
use crate::oauth::{Token, Tokens};
use crate::observer::Observers;
use crate::pace::Pace;
use crate::settings::SourceSettings;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer of which no byte comes for this long has stalled, however long it may take as a whole.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Speaks to one source, for the time of a run.
pub struct Api {
    client: reqwest::Client,
    source_id: String,
    observers: Observers,
    base_url: Option<Url>,
    tokens: Option<Arc<Tokens>>,
    request_timeout: Duration,
    max_answer_bytes: u64,
    max_file_bytes: u64,
    gate: Arc<Gate>,
    files: Mutex<file::Files>,
}

/// How something is asked for, beside its address.
#[derive(Clone, Copy, Default)]
pub struct Asking<'a> {
    /// Headers to send.
    pub headers: &'a [(&'a str, &'a str)],
    /// Whether it is asked for with POST.
    pub post: bool,
    /// The body to send, as JSON.
    pub body: Option<&'a Value>,
    /// Finds the code of a failure in its body, where no standard says where it is.
    pub code: Option<&'a dyn ErrorCode>,
}

/// Finds the code of a failure in an answer's body. What people wrote there stays out of messages: anything longer than
/// a code is none.
pub trait ErrorCode: Sync {
    /// The code that the body holds.
    fn of(&self, body: &Value) -> Option<String>;
}

impl ErrorCode for JsonPath {
    fn of(&self, body: &Value) -> Option<String> {
        self.query(body).iter().find_map(|value| refusal::code_of(value))
    }
}

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

/// The client that all sources share: its connections are kept alive between requests.
///
/// # Errors
/// [`ErrorKind::Configuration`] where the machine's certificates cannot be read.
pub fn client() -> Result<reqwest::Client> {
    built(builder().read_timeout(IDLE_TIMEOUT))
}

/// As [`client`], for answers that may be quiet for as long as they like: whoever reads them has a bound of their own.
fn client_of_streams() -> Result<reqwest::Client> {
    built(builder())
}

#[expect(clippy::disallowed_methods, reason = "this is the one way out that every other place is told to take")]
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client> {
    builder
        .user_agent(concat!("alliance-hub/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect could lead a token to another host.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Error::new(ErrorKind::Configuration, "the HTTP client cannot be made").because(error))
}

impl Api {
    /// Speaks to the source that `settings` describes.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where tokens would travel in the clear.
    pub fn new(client: &reqwest::Client, settings: &SourceSettings, tokens: Option<Arc<Tokens>>) -> Result<Self> {
        Self::through(Arc::new(Gate::new(settings, Clock::system(), Pace::real())), client, settings, tokens)
    }

    /// As [`Api::new`], but behind a gate that others go through as well.
    pub(crate) fn through(
        gate: Arc<Gate>,
        client: &reqwest::Client,
        settings: &SourceSettings,
        tokens: Option<Arc<Tokens>>,
    ) -> Result<Self> {
        let in_the_clear = |url: &Url| url.scheme() != "https" && !is_loopback(url);
        if tokens.is_some() && settings.base_url.as_ref().is_some_and(in_the_clear) {
            let message = format!("source `{}`: base_url must be https: tokens would travel in the clear", settings.id);
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Ok(Self {
            client: client.clone(),
            source_id: settings.id.clone(),
            observers: Observers::default(),
            base_url: settings.base_url.clone(),
            tokens,
            request_timeout: settings.request_timeout,
            max_answer_bytes: settings.max_answer_bytes,
            max_file_bytes: settings.max_file_bytes,
            gate,
            files: Mutex::default(),
        })
    }

    /// Tells `observers` of each request.
    pub(crate) fn observed(self, observers: Observers) -> Self {
        Self { observers, ..self }
    }

    /// Makes sure of a token.
    pub(crate) async fn prepare(&self) -> Result<()> {
        if let Some(tokens) = &self.tokens {
            tokens.token().await?;
        }
        Ok(())
    }

    /// Asks for `path` below the source's base URL.
    ///
    /// # Errors
    /// As [`ErrorKind`] says, by status first, refined by what the body is.
    pub async fn get(&self, path: &str, query: &[(&str, &str)], headers: &[(&str, &str)]) -> Result<Answer> {
        self.ask(path, query, &Asking { headers, ..Asking::default() }).await
    }

    /// As [`Api::get`], in the way that `asking` says.
    ///
    /// # Errors
    /// As there.
    pub async fn ask(&self, path: &str, query: &[(&str, &str)], asking: &Asking<'_>) -> Result<Answer> {
        let mut url = self.base_url()?.clone();
        {
            let mut segments = url
                .path_segments_mut()
                .map_err(|()| Error::new(ErrorKind::Configuration, "base_url cannot have a path below it"))?;
            segments.pop_if_empty().extend(path.split('/').filter(|segment| !segment.is_empty()));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.answer(url, asking).await
    }

    /// Asks for a link that an answer gave. It must lead to the source's own origin: the token goes nowhere else.
    ///
    /// # Errors
    /// As [`Api::get`], and [`ErrorKind::Paging`] for a link to another origin.
    pub async fn ask_link(&self, link: &str, asking: &Asking<'_>) -> Result<Answer> {
        let base_url = self.base_url()?;
        let url = base_url
            .join(link)
            .map_err(|error| Error::new(ErrorKind::Paging, "the link to the next page is no address").because(error))?;
        if url.origin() != base_url.origin() {
            let message = format!(
                "the link to the next page leads to {}; it is not followed, nor is the token sent there",
                host(&url)
            );
            return Err(Error::new(ErrorKind::Paging, message));
        }
        self.answer(url, asking).await
    }

    /// The file at `location`, a URL or a path. Fetched once a run, streamed to disk.
    ///
    /// # Errors
    /// As [`Api::get`], and [`ErrorKind::File`] where a local file cannot be read.
    pub async fn file(&self, location: &str) -> Result<LocalFile> {
        match Url::parse(location) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => self.fetched(url).await,
            Ok(url) if url.scheme() == "file" => match url.to_file_path() {
                Ok(path) => file::local(path).await,
                Err(()) => Err(Error::new(ErrorKind::File, format!("`{location}` is no path on this machine"))),
            },
            _ => file::local(PathBuf::from(location)).await,
        }
    }

    fn base_url(&self) -> Result<&Url> {
        self.base_url.as_ref().ok_or_else(|| Error::new(ErrorKind::Configuration, "base_url is missing"))
    }

    async fn answer(&self, url: Url, asking: &Asking<'_>) -> Result<Answer> {
        let opened = self.open(&url, asking).await?;
        let headers = opened.response.headers().clone();
        let body = whole_body(opened.response, self.max_answer_bytes);
        let body = timeout_at(opened.deadline, body).await.unwrap_or_else(|_| Err(self.too_late(&url)))?;
        Ok(Answer { headers, body, url })
    }

    /// Sends the request with a token, once more with a new one if that is refused, and gives back an answer of success
    /// before its body has been read. The time for an answer begins when its request leaves: neither a token endpoint
    /// that is slow nor a rate that is low makes a system late.
    async fn open(&self, url: &Url, asking: &Asking<'_>) -> Result<Opened<'_>> {
        let place = self.gate.place().await?;
        let headers = header_map(asking.headers)?;
        let mut again = true;
        loop {
            let token = match &self.tokens {
                Some(tokens) => Some(tokens.token().await?),
                None => None,
            };
            self.gate.turn().await;
            let began = Instant::now();
            let deadline = began + self.request_timeout;
            let mut headers = headers.clone();
            self.observers.tell(|observer| observer.sending(&mut headers));
            let exchange = self.exchange(url, headers, token.as_ref(), asking);
            let outcome = timeout_at(deadline, exchange).await.unwrap_or_else(|_| Err(self.too_late(url)));
            let failure = outcome.as_ref().err().map(Error::kind);
            self.observers.tell(|observer| observer.answered(&self.source_id, failure, began.elapsed()));
            match (outcome, again, &self.tokens, &token) {
                (Ok(response), ..) => return Ok(Opened { response, deadline, _place: place }),
                (Err(error), true, Some(tokens), Some(token)) if error.kind() == ErrorKind::Unauthorized => {
                    tokens.forget(token).await;
                    again = false;
                }
                (Err(error), ..) => return Err(error),
            }
        }
    }

    async fn exchange(
        &self,
        url: &Url,
        headers: HeaderMap,
        token: Option<&Token>,
        asking: &Asking<'_>,
    ) -> Result<reqwest::Response> {
        let method = if asking.post { Method::POST } else { Method::GET };
        let mut request = self.client.request(method, url.clone()).headers(headers);
        if let Some(body) = asking.body {
            request = request.json(body);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token.secret());
        }
        let response = request.send().await.map_err(|error| unreachable(url, error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal::explain(url, response, self.gate.now(), asking.code).await)
    }

    fn too_late(&self, url: &Url) -> Error {
        let message = format!("{} did not answer within {} s", host(url), self.request_timeout.as_secs_f64());
        Error::new(ErrorKind::Timeout, message)
    }
}

/// An answer of success whose body has not been read yet. It takes up a place among the source's requests until it is
/// dropped.
struct Opened<'a> {
    response: reqwest::Response,
    /// When all of it should be there.
    deadline: Instant,
    _place: SemaphorePermit<'a>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], saying what came instead (an HTML page, nothing, cut-off JSON), never the body.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = if looks_like_html(&self.headers, &self.body) {
                "an HTML page came where JSON was due: is base_url right, and does it need no login page?".to_owned()
            } else if self.body.iter().all(u8::is_ascii_whitespace) {
                "an empty answer came where JSON was due".to_owned()
            } else if error.is_eof() {
                format!("the JSON breaks off after {} bytes", self.body.len())
            } else if error.is_data() {
                format!(
                    "the JSON is not in the form that the standard gives, at line {} column {}",
                    error.line(),
                    error.column()
                )
            } else {
                format!("the answer is no JSON, at line {} column {}", error.line(), error.column())
            };
            Error::new(ErrorKind::Malformed, format!("{}{}: {what}", host(&self.url), self.url.path())).because(error)
        })
    }

    /// A header's text, where it is there and readable.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The whole body, unpacked; an error as soon as it is larger than `cap` bytes, whatever it was packed into.
pub(crate) async fn whole_body(mut response: reqwest::Response, cap: u64) -> Result<Bytes> {
    let url = response.url().clone();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken_off(&url, error))? {
        if body.len() as u64 + chunk.len() as u64 > cap {
            return Err(too_large(&url, cap));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

pub(crate) fn too_large(url: &Url, cap: u64) -> Error {
    let message =
        format!("the answer of {}{} is larger than {cap} bytes, the most that is taken", host(url), url.path());
    Error::new(ErrorKind::TooLarge, message)
}

pub(crate) fn broken_off(url: &Url, error: reqwest::Error) -> Error {
    let message = format!("{} broke off its answer", host(url));
    Error::new(ErrorKind::Unreachable, message).because(error.without_url())
}

/// The host and port, for messages: no path, no query, no credentials.
pub(crate) fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "?".to_owned(),
    }
}

/// Whether the address never leaves this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

pub(crate) fn looks_like_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let declared = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    declared || body.trim_ascii_start().starts_with(b"<")
}

pub(crate) fn unreachable(url: &Url, error: reqwest::Error) -> Error {
    let host = host(url);
    let (kind, message) = if error.is_timeout() {
        (ErrorKind::Timeout, format!("{host} does not answer in time"))
    } else if let Some(what) = wrong_with_tls(&error) {
        (ErrorKind::Untrusted, format!("no safe connection to {host}: {what}"))
    } else if error.is_connect() {
        (ErrorKind::Unreachable, format!("{host} cannot be reached: name, port or network"))
    } else {
        (ErrorKind::Unreachable, format!("{host} broke off the exchange"))
    };
    Error::new(kind, message).because(error.without_url())
}

/// What is wrong where the connection failed at TLS, in words for whoever can mend it. The library's error hides inside an
/// [`std::io::Error`], whose `source` is that of what it holds, and not what it holds.
pub(crate) fn wrong_with_tls(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(in_words(error));
        }
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match held {
            Some(held) => Some(held as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn in_words(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext, Revoked,
        UnknownIssuer,
    };
    let rustls::Error::InvalidCertificate(error) = error else {
        return "it speaks no TLS, or none that is safe; check the address";
    };
    match error {
        Expired | ExpiredContext { .. } => "its certificate has expired; those who run it must renew it",
        NotValidYet | NotValidYetContext { .. } => {
            "its certificate is not valid yet; check this machine's clock, or ask those who run it"
        }
        NotValidForName | NotValidForNameContext { .. } => {
            "its certificate is for another name; check the address, or ask those who run it"
        }
        UnknownIssuer => {
            "nobody whom this machine trusts has issued its certificate; those who run it must get one that is, or their \
             issuer's be added to this machine's"
        }
        Revoked => "its certificate was revoked; those who run it must renew it",
        _ => "its certificate is not one that can be trusted; those who run it must renew it",
    }
}

fn header_map(headers: &[(&str, &str)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    map.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Error::new(ErrorKind::Malformed, "a header to be sent back holds what no header may hold"));
        };
        map.insert(name, value);
    }
    Ok(map)
}
