//! Where somebody who lets the hub in comes back to: an address on this machine, open for as long as they are waited for
//! (RFC 8252 section 7.3). Only the answer that was asked for is taken: whatever else comes is turned away, and waiting
//! goes on.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// The path that they come back to.
const PATH: &str = "/callback";
/// How long the page that they see may take to be sent, once it is known what they bring.
const FAREWELL: Duration = Duration::from_secs(2);

/// The address, while it is open.
pub struct Loopback {
    listener: TcpListener,
    redirect: Url,
}

/// Which answer is waited for.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The `state` that was sent along.
    pub state: String,
    /// Who is to answer. `None`: nobody knows how they name themselves.
    pub issuer: Option<Url>,
    /// Whether they say that they name themselves in each answer (RFC 9207).
    pub names_itself: bool,
}

/// What came back.
enum Came {
    /// What was waited for, or why it will not come.
    Answer(Result<String>),
    /// Something else, which is turned away.
    Other(&'static str),
}

struct Waiting {
    expected: Expected,
    came: mpsc::Sender<Came>,
}

impl Loopback {
    /// Opens the address at this port; at any that is free where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the port is taken.
    pub async fn open(port: Option<u16>) -> Result<Self> {
        let taken = |error: std::io::Error| {
            let message = format!(
                "cannot listen on port {} of this machine: choose another oauth.redirect_port, or stop what listens there",
                port.unwrap_or_default()
            );
            Error::new(ErrorKind::Configuration, message).because(error)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or_default())).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let redirect = Url::parse(&format!("http://{address}{PATH}")).map_err(|error| {
            Error::new(ErrorKind::Configuration, "the address to come back to is none").because(error)
        })?;
        Ok(Self { listener, redirect })
    }

    /// Where they come back to.
    #[must_use]
    pub fn redirect(&self) -> &Url {
        &self.redirect
    }

    /// Waits until they come back with a code.
    ///
    /// # Errors
    /// [`ErrorKind::TokenRefused`] where they or the system said no, or somebody else answered; [`ErrorKind::Timeout`]
    /// where nobody came.
    pub async fn wait(self, expected: Expected, patience: Duration) -> Result<String> {
        let (came, mut coming) = mpsc::channel(16);
        let routes = Router::new().route(PATH, get(come)).with_state(Arc::new(Waiting { expected, came }));
        let stop = CancellationToken::new();
        let served = axum::serve(self.listener, routes).with_graceful_shutdown(stop.clone().cancelled_owned());
        let serving = tokio::spawn(async move { served.await });
        let mut others = Vec::new();
        let answer = tokio::time::timeout(patience, async {
            loop {
                match coming.recv().await {
                    Some(Came::Answer(answer)) => return answer,
                    Some(Came::Other(what)) if !others.contains(&what) => others.push(what),
                    Some(Came::Other(_)) => {}
                    None => return Err(Error::new(ErrorKind::TokenRefused, "the address to come back to was closed")),
                }
            }
        })
        .await;
        stop.cancel();
        let abort = serving.abort_handle();
        if tokio::time::timeout(FAREWELL, serving).await.is_err() {
            abort.abort();
        }
        answer.unwrap_or_else(|_| {
            let mut message = format!("nobody came back within {} s", patience.as_secs());
            if !others.is_empty() {
                message += &format!("; what came was turned away: {}", others.join(", "));
            }
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }
}

async fn come(State(waiting): State<Arc<Waiting>>, RawQuery(query): RawQuery) -> Response {
    let came = judge(&waiting.expected, query.as_deref().unwrap_or_default());
    let (status, text) = match &came {
        Came::Answer(Ok(_)) => (StatusCode::OK, "The hub has been let in. This window can be closed."),
        Came::Answer(Err(_)) => (StatusCode::OK, "The hub has not been let in. Where it was started, it says why."),
        Came::Other(_) => (StatusCode::BAD_REQUEST, "This is not what the hub waits for."),
    };
    // Where nobody waits any more, nothing is lost.
    let _ = waiting.came.try_send(came);
    let page = format!("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Hub</title><p>{text}");
    let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    // The address has the code in it: it goes no further.
    let quiet = [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    (status, [policy], quiet, Html(page)).into_response()
}

/// What an answer is. Nothing of it is believed before its state is the one that was sent.
fn judge(expected: &Expected, query: &str) -> Came {
    let mut fields = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return Came::Other("an answer that says something twice");
        }
    }
    let field = |name: &str| fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
    if field("state") != Some(expected.state.as_str()) {
        return Came::Other("an answer with another state, to something that was not asked here");
    }
    let refused = |message: String| Came::Answer(Err(Error::new(ErrorKind::TokenRefused, message)));
    match (&expected.issuer, field("iss")) {
        (Some(issuer), Some(named)) if named.trim_end_matches('/') != issuer.as_str().trim_end_matches('/') => {
            return refused(format!("another issuer than {issuer} answered (iss): nothing was exchanged"));
        }
        (Some(issuer), None) if expected.names_itself => {
            return refused(format!("the answer does not name its issuer (iss), though {issuer} says it would"));
        }
        (None, Some(_)) => {
            let message = "the answer names its issuer (iss), and the configuration does not: set oauth.issuer";
            return refused(message.to_owned());
        }
        _ => {}
    }
    match (field("error"), field("code")) {
        (Some("access_denied"), _) => refused("the hub was denied at the system (access_denied)".to_owned()),
        (Some(error), _) => {
            // What a standard names: nothing that could pass for a sentence of the hub's.
            let is_of_a_code = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
            let code: String = error.chars().filter(is_of_a_code).take(60).collect();
            let advice = if code == "invalid_scope" { "; check oauth.scopes" } else { "" };
            refused(format!("the system refused with {code}{advice}"))
        }
        (None, Some(code)) => Came::Answer(Ok(code.to_owned())),
        (None, None) => Came::Other("an answer without a code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(issuer: Option<&str>, names_itself: bool) -> Expected {
        let issuer = issuer.map(|issuer| issuer.parse().unwrap());
        Expected { state: "s".to_owned(), issuer, names_itself }
    }

    fn outcome(expected: &Expected, query: &str) -> Result<String, String> {
        match judge(expected, query) {
            Came::Answer(answer) => answer.map_err(|error| error.to_string()),
            Came::Other(what) => Err(format!("other: {what}")),
        }
    }

    #[test]
    fn only_the_answer_that_was_asked_for_is_taken() {
        let plain = expected(None, false);
        assert_eq!(outcome(&plain, "state=s&code=c"), Ok("c".to_owned()));
        for other in
            ["", "code=c", "state=t&code=c", "state=s", "state=s&code=", "state=s&code=c&code=d", "state=t&error=x"]
        {
            assert!(outcome(&plain, other).is_err_and(|what| what.starts_with("other: ")), "{other}");
        }
        let denied = outcome(&plain, "state=s&error=access_denied").unwrap_err();
        assert!(denied.contains("denied at the system"), "{denied}");
        let odd = outcome(&plain, "state=s&error=run%20%60rm%60%0Anow").unwrap_err();
        assert_eq!(odd, "the system refused with runrmnow");
    }

    #[test]
    fn an_answer_is_taken_from_the_issuer_that_was_asked_and_no_other() {
        let known = expected(Some("https://login.example.nl"), true);
        assert_eq!(outcome(&known, "state=s&code=c&iss=https%3A%2F%2Flogin.example.nl"), Ok("c".to_owned()));
        assert!(
            outcome(&known, "state=s&code=c&iss=https%3A%2F%2Fevil.example").unwrap_err().contains("another issuer")
        );
        assert!(outcome(&known, "state=s&code=c").unwrap_err().contains("does not name its issuer"));
        // Even what says no is said by somebody.
        assert!(outcome(&known, "state=s&error=x&iss=https%3A%2F%2Fevil.example").unwrap_err().contains("another"));
        let silent = expected(Some("https://login.example.nl"), false);
        assert_eq!(outcome(&silent, "state=s&code=c"), Ok("c".to_owned()));
        assert!(outcome(&expected(None, false), "state=s&code=c&iss=x").unwrap_err().contains("set oauth.issuer"));
    }
}
