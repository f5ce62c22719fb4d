//! What a partner says by closing its socket: decided here, once, by the code (RFC 6455, section 7.4.1; the codes of
//! `graphql-transport-ws` in its own text). Only codes that say that nobody is there, or that something broke, count against
//! the partner: one that refuses by a code of its own is well.

use crate::error::ErrorKind;

/// What a close code means. `None`: the socket was closed without one.
pub(super) fn meaning(code: Option<u16>) -> ErrorKind {
    match code {
        // Closed in good order, though not all has been said.
        Some(1000) => ErrorKind::Malformed,
        // It goes away, restarts, has too much to do, or somebody in front of it finds nobody.
        None | Some(1001 | 1012 | 1013 | 1014) => ErrorKind::Unreachable,
        // Something broke; the second is what `graphql-ws` says then.
        Some(1011 | 4500) => ErrorKind::ServerError,
        // What was said breaks a protocol: WebSocket's, or the one within.
        Some(1002 | 1003 | 1007 | 1010 | 4400 | 4406) => ErrorKind::Malformed,
        Some(4401) => ErrorKind::Unauthorized,
        Some(1008 | 4403) => ErrorKind::Forbidden,
        // It heard too late, or too often, how the socket begins.
        Some(4408 | 4429) => ErrorKind::RateLimited,
        // What was said was too long (1009), a second subscription had the same name (4409), and whatever a partner has thought of.
        Some(_) => ErrorKind::UnexpectedStatus,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{counts_against, may_pass};
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_partner_that_refuses_is_well_and_one_that_goes_away_is_asked_again() {
        let of = |code| Error::new(meaning(code), "");
        for code in [None, Some(1001), Some(1012), Some(1013), Some(1014)] {
            assert!(counts_against(of(code).kind()) && may_pass(&of(code)), "{code:?}");
        }
        for code in [1011, 4500] {
            assert!(counts_against(of(Some(code)).kind()) && !may_pass(&of(Some(code))), "{code}");
        }
        for code in [1000, 1002, 1007, 1008, 1009, 3000, 4000, 4400, 4401, 4403, 4406, 4408, 4409, 4429, 4999] {
            assert!(!counts_against(of(Some(code)).kind()) && !may_pass(&of(Some(code))), "{code}");
        }
    }
}
