//! Signatures of Standard Webhooks (<https://www.standardwebhooks.com>): HMAC-SHA256 over the message's id, the instant of
//! the attempt and the body, by each secret that is good at that instant.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a secret begins with where people see it.
const PREFIX: &str = "whsec_";
/// How long a secret is, in bytes. The standard has 24 to 64.
const LENGTH: usize = 32;

/// A secret that messages are signed with. Has no `Display`, and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// A new one; `None` where there is no chance to draw from.
    #[must_use]
    pub fn draw() -> Option<Self> {
        let mut bytes = vec![0; LENGTH];
        rand::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The one of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As its owner gets it, once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn sign(&self, content: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        format!("v1,{}", STANDARD.encode(hmac::sign(&key, content)))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

/// The headers of a message that is sent at `timestamp`, in seconds since 1970.
#[must_use]
pub(super) fn headers(id: &str, timestamp: i64, body: &[u8], secrets: &[SigningSecret]) -> Vec<(&'static str, String)> {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&content)).collect();
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_standard_says() {
        // The example of the standard's own libraries.
        let secret = SigningSecret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let body = br#"{"test": 2432232314}"#;
        let headers = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body, std::slice::from_ref(&secret));
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret.reveal(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(format!("{secret:?}"), "SigningSecret");
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let secrets = [SigningSecret::draw().unwrap(), SigningSecret::draw().unwrap()];
        assert_ne!(secrets[0], secrets[1]);
        let headers = headers("msg_1", 1, b"{}", &secrets);
        assert_eq!(headers[2].1.split(' ').filter(|signature| signature.starts_with("v1,")).count(), 2);
    }
}
