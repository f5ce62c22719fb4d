//! What is refused before GraphQL has a say: JSON in the shape of GraphQL's errors, so that clients need one reader.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A request that is refused, with a sentence for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    /// The request is not in a form that can be read.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// Nobody knows who asks, and that is needed.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
    }

    /// What is needed to answer cannot be had at present.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    }

    /// There is nothing at this address.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing at this address.")
    }

    /// The address does not take this method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "This address does not take this method.")
    }

    /// The client takes none of the media types that there are.
    #[must_use]
    pub fn not_acceptable() -> Self {
        let message = "Accept application/graphql-response+json or application/json.";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message)
    }

    /// The body is of a media type that is not read here.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        let message = "Send the body as application/json, in UTF-8.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    /// The body is longer than allowed.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", "The body is longer than this hub takes.")
    }

    /// The answer took too long.
    #[must_use]
    pub fn timeout() -> Self {
        let message = "The answer took too long. Ask for less, or again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", message)
    }

    /// As many streams are open as may be.
    #[must_use]
    pub fn too_many_streams() -> Self {
        let message = "As many streams are open as this hub holds. Try again later, or follow `changes` by query.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_STREAMS", message)
    }

    /// The hub failed. What happened stands in its log, under this request id.
    #[must_use]
    pub fn internal(request_id: &str) -> Self {
        let message = format!("Internal error (request {request_id}).");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The status with which it is refused.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence for whoever sent it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Its JSON, in the shape of GraphQL's errors.
    #[must_use]
    pub fn body(&self) -> serde_json::Value {
        json!({ "errors": [{ "message": self.message, "extensions": { "code": self.code } }] })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}
