//! What is refused before GraphQL has a say: JSON in the shape of GraphQL's errors, so that clients need one reader.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use crate::error::Code;

/// A request that is refused, with a sentence for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    message: String,
    /// The limit that the request exceeds, what it has, and the most that is allowed.
    limit: Option<(&'static str, usize, usize)>,
}

impl Refusal {
    /// The request is not in a form that can be read.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// Nobody knows who asks, and that is needed.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    /// What is needed to answer cannot be had at present.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// There is nothing at this address.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing at this address.")
    }

    /// The address does not take this method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(Code::MethodNotAllowed, "This address does not take this method.")
    }

    /// The client takes none of the media types that there are.
    #[must_use]
    pub fn not_acceptable() -> Self {
        let message = "Accept application/graphql-response+json or application/json.";
        Self::new(Code::NotAcceptable, message)
    }

    /// The body is of a media type that is not read here.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        let message = "Send the body as application/json, in UTF-8.";
        Self::new(Code::UnsupportedMediaType, message)
    }

    /// The body is longer than allowed.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(Code::PayloadTooLarge, "The body is longer than this hub takes.")
    }

    /// The answer took too long.
    #[must_use]
    pub fn timeout() -> Self {
        let message = "The answer took too long. Ask for less, or again later.";
        Self::new(Code::Timeout, message)
    }

    /// As many streams are open as may be.
    #[must_use]
    pub fn too_many_streams() -> Self {
        let message = "As many streams are open as this hub holds. Try again later, or follow `changes` by query.";
        Self::new(Code::TooManyStreams, message)
    }

    /// The hub failed. What happened stands in its log, under this request id.
    #[must_use]
    pub fn internal(request_id: &str) -> Self {
        let message = format!("Internal error (request {request_id}).");
        Self::new(Code::Internal, message)
    }

    /// The request exceeds a limit; `value` is what it has where `maximum` is allowed.
    #[must_use]
    pub fn limit(limit: &'static str, value: usize, maximum: usize) -> Self {
        let message = format!("The request exceeds `{limit}`: it has {value}, and {maximum} is the most.");
        Self { limit: Some((limit, value, maximum)), ..Self::new(Code::LimitExceeded, message) }
    }

    /// What the API refused with this code.
    #[must_use]
    pub(crate) fn of_code(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, message)
    }

    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), limit: None }
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The status with which it is refused.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The sentence for whoever sent it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Its JSON, in the shape of GraphQL's errors.
    #[must_use]
    pub fn body(&self) -> serde_json::Value {
        let mut extensions = json!({ "code": self.code.text() });
        if let Some((limit, value, maximum)) = self.limit {
            extensions["limit"] = json!(limit);
            extensions["value"] = json!(value);
            extensions["maximum"] = json!(maximum);
        }
        json!({ "errors": [{ "message": self.message, "extensions": extensions }] })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // The code goes along, for whoever counts.
        (self.status(), Extension(self.code), Json(self.body())).into_response()
    }
}
