//! Somebody who is signed in: what they were granted, and what tells their forms from others'.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use connectors::oauth::authorization::Granted;
use serde::{Deserialize, Serialize};

/// Of a form's token, this is drawn anew each time, in bytes: no two pages hold the same, so how small a page packs tells
/// nothing of it (BREACH).
const NONCE: usize = 16;

/// Somebody who is signed in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The access token.
    pub(super) token: String,
    /// What renews it. `None`: nothing does.
    pub(super) refresh: Option<String>,
    /// From then on it is renewed.
    pub(super) renew_at: DateTime<Utc>,
    /// When the access token ends.
    pub(super) ends_at: DateTime<Utc>,
    /// Counts its renewals: of two the one with more is the newer.
    pub(super) version: u32,
    /// The key of its forms' tokens.
    forms: [u8; 32],
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

/// When what was granted is renewed: with a quarter of its life left, so that an issuer that is down for a moment is felt by
/// nobody.
fn renew_at(now: DateTime<Utc>, lifetime: Duration) -> DateTime<Utc> {
    after(now, lifetime / 4 * 3)
}

fn after(now: DateTime<Utc>, time: Duration) -> DateTime<Utc> {
    let time = TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(time).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Session {
    /// A session that begins.
    pub(super) fn new(granted: Granted, now: DateTime<Utc>) -> Self {
        Self {
            token: granted.token,
            refresh: granted.refresh,
            renew_at: renew_at(now, granted.lifetime),
            ends_at: after(now, granted.lifetime),
            version: 0,
            forms: rand::random(),
        }
    }

    /// The same session with what was granted since.
    pub(super) fn renewed(&self, granted: Granted, now: DateTime<Utc>) -> Self {
        Self {
            token: granted.token,
            // Where none comes along, the one before stays good.
            refresh: granted.refresh.or_else(|| self.refresh.clone()),
            renew_at: renew_at(now, granted.lifetime),
            ends_at: after(now, granted.lifetime),
            version: self.version.saturating_add(1),
            forms: self.forms,
        }
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.forms)
    }

    /// What a form of this session's pages carries, so that no other page can send it.
    pub(in crate::console) fn form_token(&self) -> String {
        let nonce = rand::random::<[u8; NONCE]>();
        let tag = hmac::sign(&self.key(), &nonce);
        URL_SAFE_NO_PAD.encode([&nonce[..], tag.as_ref()].concat())
    }

    /// Whether a form came from one of this session's pages.
    pub(in crate::console) fn made(&self, form_token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(form_token) else { return false };
        let Some((nonce, tag)) = bytes.split_at_checked(NONCE) else { return false };
        hmac::verify(&self.key(), nonce, tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(refresh: Option<&str>) -> Granted {
        let (token, refresh) = ("secret".to_owned(), refresh.map(str::to_owned));
        Granted { token, lifetime: Duration::from_secs(400), refresh, scopes: None }
    }

    fn session() -> Session {
        Session::new(granted(Some("first")), DateTime::UNIX_EPOCH)
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
        assert!(own.renewed(granted(None), DateTime::UNIX_EPOCH).made(&token), "a page outlives a renewal");
    }

    #[test]
    fn a_session_says_nothing_of_its_token() {
        assert_eq!(format!("{:?}", session()), "Session");
    }

    #[test]
    fn it_is_renewed_before_its_end_by_the_last_refresh_token_that_was_given() {
        let first = session();
        assert_eq!(first.renew_at.timestamp(), 300);
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let kept = first.renewed(granted(None), now);
        assert_eq!((kept.refresh.as_deref(), kept.version, kept.renew_at.timestamp()), (Some("first"), 1, 1_300));
        assert_eq!(kept.renewed(granted(Some("next")), now).refresh.as_deref(), Some("next"));
    }
}
