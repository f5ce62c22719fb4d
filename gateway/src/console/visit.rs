//! A visitor's request: in which language they read, and who they are to the public API.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::Console;
use super::ask::Failed;
use super::cookies;
use super::frame::{Frame, Known};
use super::sessions::{Session, Unknowable};
use crate::error::Code;
use crate::graphql::{Caller, Language};
use crate::http::Refusal;
use crate::http::graphql::caller;

/// The parameter of any page's address that chooses a language.
const LANGUAGE: &str = "language";

/// A visitor's request.
pub(super) struct Visit {
    pub(super) frame: Frame,
    /// Its headers, for which answer the visitor has already.
    pub(super) headers: HeaderMap,
    caller: Caller,
    /// `None`: nobody is signed in.
    session: Option<Arc<Session>>,
}

impl Visit {
    /// Who asks, as the API knows it.
    pub(super) fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Whether the visitor's token has this scope.
    pub(super) fn holds(&self, scope: &str) -> bool {
        self.caller.identity.as_ref().is_some_and(|identity| identity.holds(scope))
    }

    /// Makes sure that somebody is signed in, where people can sign in: they are led there, and back to this page.
    pub(super) fn must_be_signed_in(&self) -> Result<(), Failed> {
        match self.frame.sign_in() {
            Some(address) => Err(Redirect::to(&address).into_response().into()),
            None => Ok(()),
        }
    }

    /// Makes sure that a form came from a page of this visitor's own.
    pub(super) fn must_have_made(&self, form_token: &str) -> Result<(), Failed> {
        let is_theirs = self.session.as_ref().is_some_and(|session| session.made(form_token));
        let refusal = || Refusal::of_code(Code::Forbidden, "This form is of another session: open its page again.");
        if is_theirs { Ok(()) } else { Err(refusal().into()) }
    }
}

impl FromRequestParts<Console> for Visit {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Failed> {
        let who = match &console.sign_in {
            Some(sign_in) => sign_in.who(&parts.headers).await,
            None => Ok(None),
        };
        // Whose keys cannot be had at present is not shown the public's page as if they had signed out.
        let who = who.map_err(|Unknowable| Refusal::unavailable("Who is signed in cannot be told at present."))?;
        let language = language(&parts.headers);
        if !console.admits_anonymous && who.is_none() {
            let frame = Frame::new(language, &parts.uri, false).known(console.sign_in.is_some(), None);
            return Err(match frame.sign_in() {
                Some(address) => Failed::from(Redirect::to(&address).into_response()),
                None => Refusal::unauthenticated("Sign in first.").into(),
            });
        }
        let (session, identity) = who.unzip();
        let known = identity.as_deref().map(|identity| Known::new(identity, session.as_deref()));
        let frame = Frame::new(language, &parts.uri, console.explorer).known(console.sign_in.is_some(), known);
        let caller = Caller { language, identity, ..caller(&parts.extensions, &parts.headers) };
        Ok(Self { frame, headers: parts.headers.clone(), caller, session })
    }
}

/// The language that a visitor has chosen, else the one that their browser asks for, else Dutch.
pub(super) fn language(headers: &HeaderMap) -> Language {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let chosen = cookies::read(headers, cookies::LANGUAGE).and_then(named);
    chosen.or_else(|| asked.and_then(Language::accepted)).unwrap_or_default()
}

fn named(code: &str) -> Option<Language> {
    match code {
        "nl" => Some(Language::Nl),
        "en" => Some(Language::En),
        _ => None,
    }
}

/// Any page's address with `language=` in it chooses that language, and leads to the page without.
pub(super) async fn choose_language(request: Request, next: Next) -> Response {
    let Some((language, rest)) = chosen(request.uri()) else { return next.run(request).await };
    let cookie = cookies::keep(cookies::LANGUAGE, language.choose("nl", "en"));
    let headers = [(header::LOCATION, rest), (header::CACHE_CONTROL, "no-store".to_owned())];
    let mut response = (StatusCode::SEE_OTHER, headers).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The language that an address chooses, and the address without.
fn chosen(address: &Uri) -> Option<(Language, String)> {
    let pairs = || form_urlencoded::parse(address.query().unwrap_or_default().as_bytes());
    let (_, code) = pairs().find(|(name, _)| name == LANGUAGE)?;
    let language = named(&code)?;
    let others = pairs().filter(|(name, _)| name != LANGUAGE);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish();
    // Only addresses that the console has come here, and none of them begins with two slashes: this leads nowhere else.
    let path = address.path();
    Some((language, if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn an_address_chooses_a_language_and_is_the_same_without() {
        let chosen = |address: &str| chosen(&address.parse().unwrap());
        assert_eq!(chosen("/schools?q=a%26b&language=en"), Some((Language::En, "/schools?q=a%26b".to_owned())));
        assert_eq!(chosen("/?language=nl"), Some((Language::Nl, "/".to_owned())));
        assert_eq!(chosen("/?language=fr"), None);
        assert_eq!(chosen("/?q=language"), None);
    }

    #[test]
    fn what_was_chosen_goes_before_what_the_browser_asks_for() {
        let mut headers = HeaderMap::new();
        assert_eq!(language(&headers), Language::Nl);
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en-GB"));
        assert_eq!(language(&headers), Language::En);
        headers.insert(header::COOKIE, HeaderValue::from_static("hub_language=nl"));
        assert_eq!(language(&headers), Language::Nl);
        headers.insert(header::COOKIE, HeaderValue::from_static("hub_language=xx"));
        assert_eq!(language(&headers), Language::En);
    }
}
