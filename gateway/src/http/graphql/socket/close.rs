//! Why a socket is closed: the codes of `graphql-transport-ws`, and those of WebSocket that fit.

use std::borrow::Cow;

use axum::extract::ws::{CloseFrame, Message};

/// The longest reason that a close frame holds, in bytes.
const LONGEST_REASON: usize = 123;

/// A code and a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    code: u16,
    reason: Cow<'static, str>,
}

impl Close {
    /// The hub is stopping. Clients connect again, to another replica.
    #[must_use]
    pub fn going_away() -> Self {
        Self::new(1001, "The hub is stopping")
    }

    /// What arrived is no WebSocket.
    #[must_use]
    pub fn protocol_error() -> Self {
        Self::new(1002, "Protocol error")
    }

    /// A message was longer than the hub takes.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(1009, "The message is longer than this hub takes")
    }

    /// The client did not take what it was sent. It may come back, and go on where it was.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::new(1013, "Too slow: messages were not taken. Go on with the last cursor")
    }

    /// A message that the protocol does not have.
    #[must_use]
    pub fn bad_request(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(4400, what)
    }

    /// An operation before the connection was acknowledged; or a token that does not do.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }

    /// The token that the client came with has ended. It comes back with a new one.
    #[must_use]
    pub fn token_ended() -> Self {
        Self::new(4401, "The access token has ended")
    }

    /// Who asks is known, and may not.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(4403, "Forbidden")
    }

    /// The client speaks another subprotocol.
    #[must_use]
    pub fn subprotocol_not_acceptable() -> Self {
        Self::new(4406, "Subprotocol not acceptable")
    }

    /// `connection_init` did not come in time.
    #[must_use]
    pub fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// Nothing was heard since the last ping.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(4408, "Request timeout: no answer to a ping")
    }

    /// A running operation has the id already.
    #[must_use]
    pub fn exists(id: &str) -> Self {
        // The sentence must stay whole whatever the length of the id.
        let id: String = id.chars().take(20).collect();
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }

    /// `connection_init` came twice.
    #[must_use]
    pub fn initialised_twice() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    /// The hub failed; what happened stands in its log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(4500, "Internal server error")
    }

    fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The reason, no longer than a frame holds.
    #[must_use]
    pub fn reason(&self) -> &str {
        let mut length = self.reason.len().min(LONGEST_REASON);
        while !self.reason.is_char_boundary(length) {
            length -= 1;
        }
        &self.reason[..length]
    }
}

impl From<&Close> for Message {
    fn from(close: &Close) -> Self {
        Self::Close(Some(CloseFrame { code: close.code, reason: close.reason().into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_its_frame_whatever_it_quotes() {
        assert_eq!(Close::bad_request("é".repeat(200)).reason().len(), 122);
        assert!(Close::exists(&"ü".repeat(5000)).reason().ends_with("already exists"));
        assert_eq!(Close::forbidden().reason(), "Forbidden");
    }
}
