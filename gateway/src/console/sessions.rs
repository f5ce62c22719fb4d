//! Who is signed in. What a browser holds is a number that means nothing to anybody but this process; tokens stay here.
//!
//! Sessions live in the process that they began in: replicas need a balancer that leads a browser to the same one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::oauth::authorization::Proof;
use moka::sync::Cache;

use crate::auth::{Authenticator, Identity, Refused};
use crate::config::SignInSettings;

/// A sign-in that was begun is forgotten after this long.
const FLOW_LASTS: Duration = Duration::from_secs(600);
/// Sign-ins that are under way at once: beyond that the oldest are forgotten, so that beginning costs no memory.
const MOST_FLOWS: u64 = 10_000;
/// Of a form's token, this is drawn anew each time, in bytes: no two pages hold the same, so how small a page packs tells
/// nothing of it (BREACH).
const NONCE: usize = 16;

/// A sign-in that has begun.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// What its code is exchanged with.
    pub(super) proof: Proof,
    /// The page that the visitor wanted to see.
    pub(super) back: String,
}

/// Somebody who is signed in.
pub(crate) struct Session {
    token: String,
    forms: hmac::Key,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

/// Who is signed in, and who is signing in.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    flows: Cache<String, Flow>,
    sessions: Cache<String, Arc<Session>>,
    authenticator: Arc<Authenticator>,
}

/// A number that nobody guesses.
fn draw() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

impl Sessions {
    pub(super) fn new(settings: &SignInSettings, authenticator: Arc<Authenticator>) -> Self {
        let flows = Cache::builder().max_capacity(MOST_FLOWS).time_to_live(FLOW_LASTS).build();
        let sessions = Cache::builder().max_capacity(settings.sessions).time_to_idle(settings.idle()).build();
        Self { flows, sessions, authenticator }
    }

    /// Notes a sign-in that has begun, by its state.
    pub(super) fn begin(&self, state: String, flow: Flow) {
        self.flows.insert(state, flow);
    }

    /// The sign-in with this state. It can be asked for once.
    pub(super) fn take(&self, state: &str) -> Option<Flow> {
        self.flows.remove(state)
    }

    /// Signs in who holds this token: the session's number.
    ///
    /// # Errors
    /// Why the hub does not take the token.
    pub(super) async fn open(&self, token: String) -> Result<String, Refused> {
        self.authenticator.identify(&token).await?;
        let id = draw();
        let forms = hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>());
        self.sessions.insert(id.clone(), Arc::new(Session { token, forms }));
        Ok(id)
    }

    /// Signs out.
    pub(super) fn close(&self, id: &str) {
        self.sessions.invalidate(id);
    }

    /// Who is signed in by this number. `None`: nobody, or their token has ended.
    ///
    /// # Errors
    /// [`Refused::KeysUnavailable`]: it cannot be told at present.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<(Arc<Session>, Arc<Identity>)>, Refused> {
        let Some(session) = self.sessions.get(id) else { return Ok(None) };
        match self.authenticator.identify(&session.token).await {
            Ok(identity) => Ok(Some((session, identity))),
            Err(Refused::KeysUnavailable) => Err(Refused::KeysUnavailable),
            Err(_) => {
                self.close(id);
                Ok(None)
            }
        }
    }
}

impl Session {
    /// What a form of this session's pages carries, so that no other page can send it.
    pub(super) fn form_token(&self) -> String {
        let nonce = rand::random::<[u8; NONCE]>();
        let tag = hmac::sign(&self.forms, &nonce);
        URL_SAFE_NO_PAD.encode([&nonce[..], tag.as_ref()].concat())
    }

    /// Whether a form came from one of this session's pages.
    pub(super) fn made(&self, form_token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(form_token) else { return false };
        let Some((nonce, tag)) = bytes.split_at_checked(NONCE) else { return false };
        hmac::verify(&self.forms, nonce, tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let forms = hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>());
        Session { token: "secret".to_owned(), forms }
    }

    #[test]
    fn a_form_belongs_to_its_session_and_no_two_are_alike() {
        let (own, other) = (session(), session());
        let token = own.form_token();
        assert!(own.made(&token) && own.made(&own.form_token()));
        assert_ne!(token, own.form_token());
        assert!(!other.made(&token));
        for forged in ["", "AAAA", &token[1..], &token[..40], &other.form_token()] {
            assert!(!own.made(forged), "{forged}");
        }
    }

    #[test]
    fn a_session_says_nothing_of_its_token() {
        assert_eq!(format!("{:?}", session()), "Session");
    }
}
