//! What was refused, as a page.

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::response::Response;

use super::frame::{self, Frame};
use super::visit;
use crate::error::Code;
use crate::graphql::Language;

/// What else a refusal tells: its request's id, when to ask again, which methods there are, how the client stands. What is
/// about its body, as how it is packed, is not about the page.
const KEPT: [HeaderName; 5] = [
    HeaderName::from_static("x-request-id"),
    header::X_CONTENT_TYPE_OPTIONS,
    header::RETRY_AFTER,
    header::ALLOW,
    header::WWW_AUTHENTICATE,
];

/// Somebody who reads pages.
pub(super) struct Asked {
    language: Language,
}

impl Asked {
    /// `None` where a program asks: it reads JSON, and so does whoever asks the API, whatever it would take.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path();
        let is_api = path == "/graphql" || path.starts_with("/graphql/") || path.starts_with("/explorer/");
        (!is_api && takes_pages(request.headers())).then(|| Self { language: visit::language(request.headers()) })
    }
}

/// Whether pages are asked for by name: programs that take anything get JSON.
pub(super) fn takes_pages(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|range| range.trim().to_ascii_lowercase().starts_with("text/html"))
}

/// What went wrong.
#[derive(Template)]
#[template(path = "failure.html")]
struct Page {
    frame: Frame,
    code: Code,
    request_id: Option<String>,
}

impl Page {
    fn title(&self) -> (&'static str, &'static str) {
        match self.code {
            Code::NotFound => ("Deze pagina is er niet", "This page is not there"),
            Code::RateLimited => ("Even wachten", "One moment"),
            Code::Unauthenticated => ("Eerst inloggen", "Sign in first"),
            Code::Forbidden => ("Dit is niet voor u", "This is not for you"),
            Code::BadUserInput | Code::BadRequest | Code::LimitExceeded | Code::MethodNotAllowed => {
                ("Dit kan niet zo", "This cannot be done like this")
            }
            _ => ("Er gaat iets mis", "Something goes wrong"),
        }
    }

    fn text(&self) -> (&'static str, &'static str) {
        match self.code {
            Code::NotFound => (
                "Misschien is het adres verkeerd overgenomen, of bestaat de school niet meer onder deze BRIN-code.",
                "Perhaps the address was copied wrongly, or the school is no longer known by this BRIN code.",
            ),
            Code::RateLimited => (
                "Er kwamen in korte tijd veel verzoeken van uw adres. Probeer het over een minuut opnieuw.",
                "Many requests came from your address in a short time. Try again in a minute.",
            ),
            Code::Unauthenticated => {
                ("Deze pagina is er alleen voor wie is ingelogd.", "This page is only for those who have signed in.")
            }
            Code::Forbidden => (
                "U bent ingelogd, maar deze pagina hoort niet bij uw organisatie.",
                "You have signed in, but this page is not for your organisation.",
            ),
            Code::BadUserInput | Code::BadRequest | Code::LimitExceeded | Code::MethodNotAllowed => (
                "De hub begrijpt dit verzoek niet. Begin opnieuw bij het zoeken van een school.",
                "The hub does not understand this request. Start again by finding a school.",
            ),
            Code::Timeout | Code::Unavailable => (
                "De hub is te druk om nu te antwoorden. Probeer het zo opnieuw.",
                "The hub is too busy to answer now. Try again in a moment.",
            ),
            _ => (
                "De fout ligt bij de hub en is genoteerd. Probeer het later opnieuw.",
                "The hub is at fault, and has noted it. Try again later.",
            ),
        }
    }
}

/// The page instead of a refusal; any other response as it is.
pub(super) fn show(asked: &Asked, refusal: Response) -> Response {
    let Some(code) = refusal.extensions().get::<Code>().copied() else { return refusal };
    let request_id = refusal.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let page = Page { frame: Frame::new(asked.language, &Uri::default(), false).nowhere(), code, request_id };
    let Some(mut shown) = frame::refused(refusal.status(), &page) else { return refusal };
    for name in KEPT {
        if let Some(value) = refusal.headers().get(&name) {
            shown.headers_mut().insert(name, value.clone());
        }
    }
    shown.extensions_mut().insert(code);
    shown
}
