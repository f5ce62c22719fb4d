//! What may go wrong while a request is answered, and the only place that knows the codes clients see. Client errors
//! may speak; of internal errors the log tells the whole chain, and the client reads "Internal error".

use std::sync::Arc;

use async_graphql::ErrorExtensionValues;
use sea_orm::DbErr;

/// Why a field could not be resolved. Shared by all rows that were loaded together, hence `Clone`. No `Display`: the one
/// way to show it is as the answer's error.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The client asked for something that makes no sense; the sentence says what to change.
    BadUserInput(String),
    /// The viewer may not see this; the scope that would let them, or several with spaces between them.
    Forbidden(String),
    /// Only somebody with a token may see this.
    Unauthenticated,
    /// The token to which something is told over time has ended.
    TokenEnded,
    /// As [`Failure::Forbidden`], of somebody without a token and of the whole request.
    UnauthenticatedFor(String),
    /// The store failed.
    Store(Arc<DbErr>),
    /// A write failed.
    Write(Arc<connectors::Error>),
    /// The hub is at fault.
    Internal(&'static str),
}

/// What resolvers return.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A client's error.
    pub fn bad_user_input(message: impl Into<String>) -> Self {
        Self::BadUserInput(message.into())
    }

    /// The stable code that clients may act on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUserInput(_) => "BAD_USER_INPUT",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::Unauthenticated | Self::UnauthenticatedFor(_) | Self::TokenEnded => "UNAUTHENTICATED",
            Self::Store(_) | Self::Write(_) | Self::Internal(_) => "INTERNAL",
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<connectors::Error> for Failure {
    fn from(error: connectors::Error) -> Self {
        Self::Write(Arc::new(error))
    }
}

impl From<Failure> for async_graphql::Error {
    fn from(failure: Failure) -> Self {
        let message = match &failure {
            Failure::BadUserInput(message) => message.clone(),
            Failure::Forbidden(scope) => format!("This needs the scope `{scope}`."),
            Failure::Unauthenticated => "This needs an access token.".to_owned(),
            Failure::TokenEnded => "The access token has ended: come back with a new one.".to_owned(),
            Failure::UnauthenticatedFor(scope) => format!("This needs an access token with the scope `{scope}`."),
            Failure::Store(error) => {
                tracing::error!(error = error.as_ref() as &dyn std::error::Error, "the store failed a query");
                "Internal error".to_owned()
            }
            Failure::Write(error) => {
                tracing::error!(error = error.as_ref() as &dyn std::error::Error, "a write failed");
                "Internal error".to_owned()
            }
            Failure::Internal(what) => {
                tracing::error!("{what}");
                "Internal error".to_owned()
            }
        };
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", failure.code());
        if let Failure::Forbidden(scope) | Failure::UnauthenticatedFor(scope) = &failure {
            extensions.set("scopes", scope.split(' ').map(async_graphql::Value::from).collect::<Vec<_>>());
        }
        let mut error = Self::new(message);
        error.extensions = Some(extensions);
        error
    }
}
