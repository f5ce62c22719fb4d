//! What can go wrong between the hub and a partner system, classified once. What follows from it is decided in
//! [`crate::sync`]'s policy and nowhere else.

use std::fmt;
use std::time::Duration;

use sea_orm::DbErr;

/// The result of anything that faces a partner system.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The host could not be reached: name, route, connection, TLS.
    Unreachable,
    /// No safe connection: the certificate is not trusted, or TLS is not spoken.
    Untrusted,
    /// No answer, or no end of it, within the time allowed.
    Timeout,
    /// The token endpoint could not be reached or failed on its side.
    TokenEndpointDown,
    /// The token endpoint refused the client: its id, secret or scopes.
    TokenRefused,
    /// Nobody has let the hub in, or the system takes what they gave no more.
    Reauthorise,
    /// A valid token was asked for and given, and the system refuses it all the same (401).
    Unauthorized,
    /// The client may not read this (403).
    Forbidden,
    /// There is nothing at this address (404, 410).
    NotFound,
    /// Too many requests (429).
    RateLimited,
    /// The system failed on its side (5xx).
    ServerError,
    /// An answer with a status that nothing else here covers.
    UnexpectedStatus,
    /// The answer is larger than allowed.
    TooLarge,
    /// The answer is not in the form that its standard gives: an HTML page, cut-off JSON, a missing column.
    Malformed,
    /// Paging went in a circle, or led to another host.
    Paging,
    /// The configuration of the source cannot work.
    Configuration,
    /// A file on this machine could not be read or written.
    File,
    /// Nobody was asked: the system failed so often that it is left alone for a while.
    BreakerOpen,
    /// The hub's own store failed.
    Store,
    /// Another worker has taken the source over.
    LeaseLost,
    /// The hub is stopping.
    Cancelled,
}

impl ErrorKind {
    /// Its name, for programs: stable, as `token_endpoint_down`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Timeout => "timeout",
            Self::TokenEndpointDown => "token_endpoint_down",
            Self::TokenRefused => "token_refused",
            Self::Reauthorise => "reauthorise",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::UnexpectedStatus => "unexpected_status",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Paging => "paging",
            Self::Configuration => "configuration",
            Self::File => "file",
            Self::BreakerOpen => "breaker_open",
            Self::Store => "store",
            Self::LeaseLost => "lease_lost",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Who must act before it can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody: the next run may succeed.
    Nobody,
    /// Those who run the partner system.
    Partner,
    /// Those who run the hub.
    Operator,
}

/// A failure toward a partner system, with a sentence for the operator. Holds no body, token or secret.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure of this kind; `message` is what an operator reads.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, source: None }
    }

    /// The same failure with what caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same failure, where the system said how long to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The same failure, with the place in the configuration that led to it.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// What failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How long the system asked to wait, where it did.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self.kind {
            ErrorKind::Unreachable
            | ErrorKind::Timeout
            | ErrorKind::TokenEndpointDown
            | ErrorKind::RateLimited
            | ErrorKind::ServerError
            | ErrorKind::BreakerOpen
            | ErrorKind::LeaseLost
            | ErrorKind::Cancelled => Actor::Nobody,
            ErrorKind::Untrusted
            | ErrorKind::TooLarge
            | ErrorKind::Malformed
            | ErrorKind::Paging
            | ErrorKind::UnexpectedStatus => Actor::Partner,
            ErrorKind::TokenRefused
            | ErrorKind::Reauthorise
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Configuration
            | ErrorKind::File
            | ErrorKind::Store => Actor::Operator,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::new(ErrorKind::Store, "the hub's store failed; see the log").because(error)
    }
}
