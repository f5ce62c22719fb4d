//! What may go wrong while a request is answered, and the only place that knows the codes clients see and the statuses
//! that go with them. Client errors may speak; of internal errors the log tells the whole chain, and the client reads
//! "Internal error" and the id under which the log has it.

mod code;

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Pos, Response, ServerError, Value};
use sea_orm::DbErr;

pub use self::code::Code;
use crate::database;

/// Why a field could not be resolved. Shared by all rows that were loaded together, hence `Clone`. No `Display`: the one
/// way to show it is as the answer's error.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The client asked for something that makes no sense; the sentence says what to change.
    BadUserInput(String),
    /// The viewer may not see this; the scope that would let them, or several with spaces between them.
    Forbidden(String),
    /// The viewer holds no policy under which they may see this; the policies that would do, with spaces between them.
    WithoutPolicy(String),
    /// Only somebody with a token may see this.
    Unauthenticated,
    /// The token to which something is told over time has ended.
    TokenEnded,
    /// As [`Failure::Forbidden`], of somebody without a token and of the whole request.
    UnauthenticatedFor(String),
    /// The store ended a statement that took too long.
    TookTooLong,
    /// The store could not be reached, had no connection free in time, or cannot do its work at present.
    Unavailable,
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

    fn away(cause: &DbErr) -> Self {
        tracing::warn!(error = cause as &dyn std::error::Error, "the store is away");
        Self::Unavailable
    }

    /// The stable code that clients may act on.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::BadUserInput(_) => Code::BadUserInput,
            Self::Forbidden(_) | Self::WithoutPolicy(_) => Code::Forbidden,
            Self::Unauthenticated | Self::UnauthenticatedFor(_) | Self::TokenEnded => Code::Unauthenticated,
            Self::TookTooLong => Code::Timeout,
            Self::Unavailable => Code::Unavailable,
            Self::Store(_) | Self::Write(_) | Self::Internal(_) => Code::Internal,
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        match error {
            error if database::is_ended(&error) => Self::TookTooLong,
            error if database::is_away(&error) => Self::away(&error),
            error => Self::Store(Arc::new(error)),
        }
    }
}

impl From<connectors::Error> for Failure {
    fn from(error: connectors::Error) -> Self {
        match database::cause_of(&error) {
            Some(cause) if database::is_ended(cause) => Self::TookTooLong,
            Some(cause) if database::is_away(cause) => Self::away(cause),
            _ => Self::Write(Arc::new(error)),
        }
    }
}

impl From<Failure> for async_graphql::Error {
    fn from(failure: Failure) -> Self {
        let message = match &failure {
            Failure::BadUserInput(message) => message.clone(),
            Failure::Forbidden(scope) => format!("This needs the scope `{scope}`."),
            Failure::WithoutPolicy(policy) => format!("This is under the policy `{policy}`, which you do not hold."),
            Failure::Unauthenticated => "This needs an access token.".to_owned(),
            Failure::TokenEnded => "The access token has ended: come back with a new one.".to_owned(),
            Failure::UnauthenticatedFor(scope) => format!("This needs an access token with the scope `{scope}`."),
            Failure::TookTooLong => TOOK_TOO_LONG.to_owned(),
            Failure::Unavailable => "The hub's store cannot be reached at present. Try again in a moment.".to_owned(),
            Failure::Store(_) | Failure::Write(_) | Failure::Internal(_) => INTERNAL.to_owned(),
        };
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", failure.code().text());
        if let Failure::Forbidden(scope) | Failure::UnauthenticatedFor(scope) = &failure {
            extensions.set("scopes", scope.split(' ').map(Value::from).collect::<Vec<_>>());
        }
        // The failure goes along, for `seal` to log.
        Self { message, source: Some(Arc::new(failure)), extensions: Some(extensions) }
    }
}

const INTERNAL: &str = "Internal error";
/// To whoever asked for more than the hub has time for.
pub(crate) const TOOK_TOO_LONG: &str = "The query took too long. Ask for less, or again later.";

/// Makes an answer fit to leave the hub: every error has a code; of each internal one the log tells the whole chain,
/// once, and the client its request's id.
pub(crate) fn seal(response: &mut Response, request_id: Option<&str>) {
    let mut logged: Vec<*const DbErr> = Vec::new();
    for error in &mut response.errors {
        let is_internal = match error.source.take().as_ref().and_then(|source| source.downcast_ref::<Failure>()) {
            Some(Failure::Store(cause)) => {
                // All rows that were loaded together failed together.
                if !logged.contains(&Arc::as_ptr(cause)) {
                    logged.push(Arc::as_ptr(cause));
                    tracing::error!(error = cause.as_ref() as &dyn std::error::Error, "the store failed a query");
                }
                true
            }
            Some(Failure::Write(cause)) => {
                tracing::error!(error = cause.as_ref() as &dyn std::error::Error, "a write failed");
                true
            }
            Some(Failure::Internal(what)) => {
                tracing::error!("{what}");
                true
            }
            Some(_) => false,
            // The library's own word for a resolver that broke the schema's promise.
            None if code_of(error).is_none() && error.message.starts_with("internal:") => {
                tracing::error!("{}", error.message);
                true
            }
            None => false,
        };
        if is_internal {
            error.message = match request_id {
                Some(id) => format!("{INTERNAL} (request {id})."),
                None => format!("{INTERNAL}."),
            };
            set_code(error, Code::Internal);
        } else if code_of(error).is_none() {
            // What the library itself says of a field is that its arguments could not be read.
            set_code(error, Code::BadUserInput);
        }
    }
}

/// Why the request as a whole is refused, where the store left nothing of its answer: a client that reads no more than a
/// status may then try again. `None`: there is something, or it is not the store's doing.
pub(crate) fn left_nothing(response: &Response) -> Option<Refused> {
    let is_nothing = match &response.data {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
        _ => false,
    };
    let failed = |error: &&ServerError| matches!(code_of(error), Some(Code::Unavailable | Code::Timeout));
    let error = response.errors.iter().find(failed).filter(|_| is_nothing)?;
    Some(Refused::new(code_of(error)?, error.message.clone()))
}

/// Whether the store failed any of an answer, other than by ending what took too long.
pub(crate) fn store_failed(response: &Response) -> bool {
    let failure = |error: &ServerError| {
        let failure = error.source.as_ref()?.downcast_ref::<Failure>()?;
        Some(matches!(failure, Failure::Unavailable | Failure::Store(_)))
    };
    response.errors.iter().any(|error| failure(error).unwrap_or(false))
}

/// Gives an error its code.
pub(crate) fn set_code(error: &mut ServerError, code: Code) {
    error.extensions.get_or_insert_default().set("code", code.text());
}

/// The code of an answer's error. `None`: it has none, or none of ours.
pub(crate) fn code_of(error: &ServerError) -> Option<Code> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(text) => Code::of(text),
        _ => None,
    }
}

/// Why a request is not executed. Boxed, for it is the rare case.
#[derive(Clone, Debug)]
pub(crate) struct Refused(Box<Reason>);

#[derive(Clone, Debug)]
struct Reason {
    error: ServerError,
    headers: Vec<(&'static str, String)>,
}

impl Refused {
    /// Refused, with a sentence for whoever asked.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let mut error = ServerError::new(message, None);
        set_code(&mut error, code);
        Self(Box::new(Reason { error, headers: Vec::new() }))
    }

    /// The request exceeds a limit; `value` is what it has where `maximum` is allowed.
    pub(crate) fn limit(limit: &'static str, value: usize, maximum: usize) -> Self {
        let message = format!("The request exceeds `{limit}`: it has {value}, and {maximum} is the most.");
        let refused = Self::new(Code::LimitExceeded, message);
        refused.with("limit", limit).with("value", value).with("maximum", maximum)
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.0.error.message
    }

    /// Where in the document.
    pub(crate) fn at(mut self, place: impl IntoIterator<Item = Pos>) -> Self {
        self.0.error.locations.extend(place);
        self
    }

    /// At which field. Among the extensions: an error that has a `path` is one of execution.
    pub(crate) fn below(self, path: &[String]) -> Self {
        if path.is_empty() { self } else { self.with("path", path.to_vec()) }
    }

    /// What else a program should know.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.error.extensions.get_or_insert_default().set(name, value);
        self
    }

    /// A header of the answer.
    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.0.headers.push((name, value));
        self
    }
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        let Reason { error, headers } = *refused.0;
        let mut response = Self::from_errors(vec![error]);
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                response.http_headers.insert(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Error;

    use super::*;

    fn sealed(error: Error) -> serde_json::Value {
        let mut response = Response::from_errors(vec![error.into_server_error(Pos::default())]);
        seal(&mut response, Some("seven"));
        serde_json::to_value(&response.errors[0]).unwrap()
    }

    #[test]
    fn an_internal_error_tells_its_request_and_nothing_else() {
        for failure in [DbErr::Custom("a secret".to_owned()).into(), Failure::Internal("a secret")] {
            let error = sealed(failure.into());
            assert_eq!(error["message"], "Internal error (request seven).");
            assert_eq!(error["extensions"]["code"], "INTERNAL");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let broken = sealed(Error::new("internal: non-null types require a return value"));
        assert_eq!(broken["message"], "Internal error (request seven).");
    }

    #[test]
    fn a_clients_error_speaks_and_every_error_has_a_code() {
        let told = sealed(Failure::bad_user_input("`first` is too much.").into());
        assert_eq!(
            (&told["message"], &told["extensions"]["code"]),
            (&"`first` is too much.".into(), &"BAD_USER_INPUT".into())
        );
        assert_eq!(sealed(Error::new("Failed to parse \"Int\""))["extensions"]["code"], "BAD_USER_INPUT");
        assert_eq!(sealed(Failure::Forbidden("sync:read".to_owned()).into())["extensions"]["code"], "FORBIDDEN");
    }
}
