//! Asks the public API in a visitor's name, within the process.

use async_graphql::{Request, Variables};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::Document;
use super::{Console, visit::Visit};
use crate::error::{Code, code_of};
use crate::graphql::{Answer, Answered};
use crate::http::Refusal;

/// What was answered.
#[derive(Debug, Deserialize)]
pub(super) struct Told<T> {
    pub(super) data: T,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
struct Extensions {
    #[serde(default)]
    freshness: Freshness,
}

/// The sources behind an answer that are late or failing.
#[derive(Debug, Default, Deserialize)]
struct Freshness {
    #[serde(default)]
    sources: Vec<Behind>,
}

/// A source that is late or failing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Behind {
    pub(super) id: String,
    pub(super) last_succeeded_at: Option<DateTime<Utc>>,
}

impl<T> Told<T> {
    /// The sources that the answer depends on and that are late or failing.
    pub(super) fn behind(&self) -> &[Behind] {
        &self.extensions.freshness.sources
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(super) struct Failed(Box<Response>);

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new(refusal.into_response()))
    }
}

impl From<Response> for Failed {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl Console {
    /// Sends the request behind a page. A page is whole or there is none: an answer with any error is a failure.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        visit: &Visit,
        document: Document,
        variables: Value,
    ) -> Result<Told<T>, Failed> {
        let request = Request::new(document.text()).variables(Variables::from_json(variables)).data(visit.caller());
        let read = match (self.ask)(request).await {
            Answered::Kept(kept, _) => serde_json::from_slice(&kept.body),
            Answered::Response(mut response) => {
                if let Some(error) = response.errors.first() {
                    let code = code_of(error).unwrap_or(Code::Internal);
                    let refusal = Refusal::of_code(code, error.message.clone());
                    let told: HeaderMap = std::mem::take(&mut response.http_headers);
                    return Err(Failed(Box::new((told, refusal).into_response())));
                }
                serde_json::to_vec(&Answer::of(&response)).and_then(|bytes| serde_json::from_slice(&bytes))
            }
        };
        read.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                page = document.name(),
                "the answer behind a page is not what the page expects"
            );
            Refusal::of_code(Code::Internal, "Internal error").into()
        })
    }
}
