//! The codes of errors: stable, for clients act on them. The README lists them; a test compares.

use axum::http::StatusCode;

/// What kind of error it is, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request is not in a form that can be read.
    BadRequest,
    /// There is nothing at this address.
    NotFound,
    /// The address, or a GET, does not take this.
    MethodNotAllowed,
    /// The client takes none of the media types that there are.
    NotAcceptable,
    /// The body is of a media type that is not read here.
    UnsupportedMediaType,
    /// The body is longer than allowed.
    PayloadTooLarge,
    /// The document is no GraphQL.
    ParseFailed,
    /// The document does not fit the schema.
    ValidationFailed,
    /// The document has no operation of that name, or several and no name was given.
    OperationNotFound,
    /// A variable or an argument makes no sense.
    BadUserInput,
    /// The request exceeds one of the hub's limits.
    LimitExceeded,
    /// The schema is not told here.
    IntrospectionDisabled,
    /// The client asks too often.
    RateLimited,
    /// There is no document of this hash; send its text along.
    PersistedQueryNotFound,
    /// The text is not the one that the hash was made of.
    PersistedQueryMismatch,
    /// The document is none that this hub's operator trusts.
    DocumentNotTrusted,
    /// This needs an access token, or the one that came does not do.
    Unauthenticated,
    /// The viewer may not see or do this.
    Forbidden,
    /// It took too long.
    Timeout,
    /// What is needed to answer cannot be had at present.
    Unavailable,
    /// A partner's graph says that it failed, and not how.
    SubgraphFailed,
    /// As many streams are open as there may be.
    TooManyStreams,
    /// As many operations run on this socket as may.
    TooManyOperations,
    /// The hub is at fault.
    Internal,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::BadRequest,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::UnsupportedMediaType,
        Self::PayloadTooLarge,
        Self::ParseFailed,
        Self::ValidationFailed,
        Self::OperationNotFound,
        Self::BadUserInput,
        Self::LimitExceeded,
        Self::IntrospectionDisabled,
        Self::RateLimited,
        Self::PersistedQueryNotFound,
        Self::PersistedQueryMismatch,
        Self::DocumentNotTrusted,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::Timeout,
        Self::Unavailable,
        Self::SubgraphFailed,
        Self::TooManyStreams,
        Self::TooManyOperations,
        Self::Internal,
    ];

    /// As clients see it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::OperationNotFound => "OPERATION_NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::IntrospectionDisabled => "INTROSPECTION_DISABLED",
            Self::RateLimited => "RATE_LIMITED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedQueryMismatch => "PERSISTED_QUERY_MISMATCH",
            Self::DocumentNotTrusted => "DOCUMENT_NOT_TRUSTED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::SubgraphFailed => "SUBGRAPH_FAILED",
            Self::TooManyStreams => "TOO_MANY_STREAMS",
            Self::TooManyOperations => "TOO_MANY_OPERATIONS",
            Self::Internal => "INTERNAL",
        }
    }

    /// The code that reads so.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.text() == text)
    }

    /// The status of a request that was refused with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::DocumentNotTrusted | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Timeout
            | Self::Unavailable
            | Self::SubgraphFailed
            | Self::TooManyStreams
            | Self::TooManyOperations => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadRequest
            | Self::ParseFailed
            | Self::ValidationFailed
            | Self::OperationNotFound
            | Self::BadUserInput
            | Self::LimitExceeded
            | Self::IntrospectionDisabled
            | Self::PersistedQueryNotFound
            | Self::PersistedQueryMismatch => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether the status tells it even to old clients, which else read 200 whatever the answer says: what HTTP itself
    /// has a word for.
    #[must_use]
    pub const fn is_of_http(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::MethodNotAllowed
                | Self::PayloadTooLarge
                | Self::Unauthenticated
                | Self::Forbidden
                | Self::DocumentNotTrusted
                | Self::Timeout
                | Self::Unavailable
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_lists_every_code_and_no_other() {
        let readme = include_str!("../../../README.md");
        let section = readme.split_once("## Errors").expect("a section on errors").1;
        let section = section.split("\n## ").next().expect("its text");
        let listed: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let mut known: Vec<_> = Code::ALL.iter().map(|code| code.text()).collect();
        for code in &known {
            assert!(listed.contains(code), "{code} is not listed");
        }
        known.retain(|code| listed.contains(code));
        assert_eq!(known.len(), listed.len(), "{listed:?}");
    }

    #[test]
    fn a_code_is_found_by_its_text() {
        for code in Code::ALL {
            assert_eq!(Code::of(code.text()), Some(code));
        }
        assert_eq!(Code::of("OTHER"), None);
    }
}
