//! A sign-in that is under way. It lies with the browser that began it, sealed: so it costs the hub nothing, and whichever
//! replica the person comes back to can go on with it. That it is good for once is the code's doing, which the issuer takes
//! once, and with this proof alone.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use connectors::oauth::authorization::Proof;
use connectors::vault::Vault;
use serde::{Deserialize, Serialize};

/// A sign-in that was begun is good for this long.
pub(super) const LASTS: Duration = Duration::from_secs(600);
/// What it is sealed for.
const PURPOSE: &[u8] = b"console/sign-in";

/// A sign-in that has begun.
#[derive(Serialize, Deserialize)]
pub(super) struct Flow {
    state: String,
    proof: String,
    back: String,
    until: DateTime<Utc>,
}

impl Flow {
    /// Begins one, which leads back to the page `back`.
    pub(super) fn new(state: String, proof: &Proof, back: String, now: DateTime<Utc>) -> Self {
        Self { state, proof: proof.reveal().to_owned(), back, until: now + LASTS }
    }

    /// As a cookie holds it. `None` where there is no chance to draw from.
    pub(super) fn seal(&self, vault: &Vault) -> Option<String> {
        let written = serde_json::to_vec(self).ok()?;
        Some(URL_SAFE_NO_PAD.encode(vault.seal(PURPOSE, &written).ok()?))
    }

    /// The proof and the page to lead back to, of one that this hub sealed, that began with this state and is not over.
    pub(super) fn open(sealed: &str, state: &str, vault: &Vault, now: DateTime<Utc>) -> Option<(Proof, String)> {
        let opened = vault.open(PURPOSE, &URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
        let flow: Self = serde_json::from_slice(&opened).ok()?;
        (flow.state == state && now < flow.until).then(|| (Proof::from(flow.proof), flow.back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_goes_on_with_its_own_state_in_time_and_unchanged() {
        let vault = Vault::new(&Vault::draw_key().unwrap(), None).unwrap();
        let now = DateTime::UNIX_EPOCH;
        let flow = Flow::new("state".to_owned(), &Proof::from("proof".to_owned()), "/schools".to_owned(), now);
        let sealed = flow.seal(&vault).unwrap();
        assert!(!sealed.contains("proof") && sealed.len() < 1_500);
        let (proof, back) = Flow::open(&sealed, "state", &vault, now).unwrap();
        assert_eq!((proof.reveal(), back.as_str()), ("proof", "/schools"));
        let other = Vault::new(&Vault::draw_key().unwrap(), None).unwrap();
        assert!(Flow::open(&sealed, "other", &vault, now).is_none());
        assert!(Flow::open(&sealed, "state", &vault, now + LASTS).is_none());
        assert!(Flow::open(&sealed, "state", &other, now).is_none());
        assert!(Flow::open(&sealed[..sealed.len() - 2], "state", &vault, now).is_none());
        assert!(Flow::open("", "", &vault, now).is_none());
    }
}
