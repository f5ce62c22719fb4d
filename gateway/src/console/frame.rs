//! What stands around every page, and how a page goes out.

use askama::Template;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use entity::code::{Code as Vocabulary, Language as Labels};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::ask::Failed;
use super::documents::Document;
use super::sessions::Session;
use super::visit::Visit;
use super::{assets, format};
use crate::auth::{Identity, Organisation};
use crate::error::Code;
use crate::graphql::Language;
use crate::http::{Refusal, matches_tag};

/// Nothing but this host, and nothing that stands in the page itself: text that slips through as HTML does nothing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every template needs.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// In which language the page is.
    pub(super) language: Language,
    explorer: bool,
    path: String,
    query: String,
    signs_in: bool,
    known: Option<Known>,
}

/// What tells a page that is open that something on it has changed: a subscription of the public API, which the script
/// follows. What no subscription tells of is asked for again now and then instead (`data-every` in a template).
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) query: &'static str,
    /// As JSON.
    pub(super) variables: String,
}

impl Live {
    pub(super) fn new(document: Document, variables: &Value) -> Self {
        Self { query: document.text(), variables: variables.to_string() }
    }
}

/// Somebody who is signed in, as pages tell of them.
#[derive(Clone, Debug)]
pub(super) struct Known {
    organisation: Option<Organisation>,
    form_token: String,
}

impl Known {
    pub(super) fn new(identity: &Identity, session: Option<&Session>) -> Self {
        let form_token = session.map(Session::form_token).unwrap_or_default();
        Self { organisation: identity.organisation.clone(), form_token }
    }

    /// What a form of theirs carries.
    pub(super) fn form_token(&self) -> &str {
        &self.form_token
    }
}

impl Frame {
    pub(super) fn new(language: Language, address: &Uri, explorer: bool) -> Self {
        let query = address.query().unwrap_or_default().to_owned();
        Self { language, explorer, path: address.path().to_owned(), query, signs_in: false, known: None }
    }

    /// The frame for who is known. `signs_in`: whether people can sign in.
    pub(super) fn known(self, signs_in: bool, known: Option<Known>) -> Self {
        Self { signs_in, known, ..self }
    }

    /// Who is signed in.
    pub(super) fn visitor(&self) -> Option<&Known> {
        self.known.as_ref()
    }

    /// Where somebody who is not signed in may do so. `None`: nowhere, or they are.
    pub(super) fn sign_in(&self) -> Option<String> {
        if !self.signs_in || self.known.is_some() {
            return None;
        }
        let here = if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) };
        let mut query = form_urlencoded::Serializer::new(String::new());
        Some(format!("/sign-in?{}", query.append_pair("back", &here).finish()))
    }

    /// For whom the visitor is here.
    pub(super) fn organisation(&self, known: &Known) -> String {
        match &known.organisation {
            Some(Organisation::Board(number)) => format!("{} {number}", self.say("Schoolbestuur", "School board")),
            Some(Organisation::Municipality(code)) => format!("{} {code}", self.say("Gemeente", "Municipality")),
            Some(Organisation::Partner(name)) => format!("{} {name}", self.say("Partner", "Partner")),
            Some(Organisation::Operator) => self.say("Beheer", "Operations").to_owned(),
            None => self.say("Ingelogd", "Signed in").to_owned(),
        }
    }

    /// Whether the visitor answers for schools: boards accept and decline what is proposed.
    pub(super) fn is_board(&self) -> bool {
        matches!(self.known, Some(Known { organisation: Some(Organisation::Board(_)), .. }))
    }

    /// The frame of a page that has no address of its own.
    pub(super) fn nowhere(self) -> Self {
        Self { path: String::new(), ..self }
    }

    /// The text in the page's language.
    pub(super) fn say<'a>(&self, dutch: &'a str, english: &'a str) -> &'a str {
        self.language.choose(dutch, english)
    }

    /// The page's language, as HTML names it.
    pub(super) fn code(&self) -> &'static str {
        self.language.choose("nl", "en")
    }

    /// What people call a value of a vocabulary.
    pub(super) fn label(&self, value: &impl Vocabulary) -> &'static str {
        value.label(match self.language {
            Language::Nl => Labels::Nl,
            Language::En => Labels::En,
        })
    }

    /// A value of a vocabulary as the API writes it.
    pub(super) fn value(&self, value: &impl Vocabulary) -> &'static str {
        value.code()
    }

    /// Whether there is an explorer.
    pub(super) fn has_explorer(&self) -> bool {
        self.explorer
    }

    /// A value of a vocabulary as a class of the styles.
    pub(super) fn class(&self, value: &impl Vocabulary) -> String {
        value.code().to_ascii_lowercase().replace('_', "-")
    }

    pub(super) fn format(&self) -> format::Format {
        format::Format(self.language)
    }

    pub(super) fn styles(&self) -> &'static str {
        assets::styles()
    }

    pub(super) fn script(&self) -> &'static str {
        assets::script()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon()
    }

    /// Whether this is the page at `path`, or one below it.
    pub(super) fn is_at(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// This page in the other language.
    pub(super) fn switch(&self) -> String {
        let pairs = form_urlencoded::parse(self.query.as_bytes()).filter(|(name, _)| name != "language");
        let other = self.language.choose("en", "nl");
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).append_pair("language", other).finish();
        format!("{}?{query}", self.path)
    }

    /// Whether this page has a language to switch to: addresses that are not there have none.
    pub(super) fn is_somewhere(&self) -> bool {
        !self.path.is_empty()
    }

    /// Where the request behind a page is opened. `None`: there is no explorer.
    pub(super) fn explore(&self, document: Document, variables: &Value) -> Option<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("document", document.name()).append_pair("variables", &format!("{variables:#}"));
        self.explorer.then(|| format!("/explorer?{}", query.finish()))
    }

    /// An address that a source tells, where it leads to a page: what else an address can do (`javascript:`, `data:`) it may
    /// not do here.
    pub(super) fn link<'a>(&self, address: &'a Option<String>) -> Option<&'a str> {
        let address = address.as_deref()?;
        let url = Url::parse(address).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(address)
    }
}

/// Renders a page.
fn render(page: &impl Template) -> Result<String, Refusal> {
    page.render().map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a page could not be rendered");
        Refusal::of_code(Code::Internal, "Internal error")
    })
}

/// The headers of every page.
fn headers() -> [(HeaderName, &'static str); 5] {
    [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::VARY, "accept, accept-language, cookie"),
        // Kept by the browser, and asked each time whether it still holds.
        (header::CACHE_CONTROL, "private, no-cache"),
    ]
}

impl Visit {
    /// The page; or that the visitor has it already.
    pub(super) fn page(&self, page: &impl Template) -> Result<Response, Failed> {
        let html = render(page)?;
        let hash: String = Sha256::digest(&html).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        // Weak, for packed and unpacked differ in bytes and not in what they say.
        let tag = format!("W/\"{hash}\"");
        if matches_tag(&self.headers, &tag) {
            return Ok((StatusCode::NOT_MODIFIED, headers(), [(header::ETAG, tag)]).into_response());
        }
        Ok((headers(), [(header::ETAG, tag)], Html(html)).into_response())
    }
}

/// A page that tells what went wrong.
pub(super) fn refused(status: StatusCode, page: &impl Template) -> Option<Response> {
    let html = render(page).ok()?;
    let mut response = (status, headers(), Html(html)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Some(response)
}
