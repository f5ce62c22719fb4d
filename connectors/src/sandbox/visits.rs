//! Refresh tokens of people who have signed in at the sandbox's issuer: each is good for once and gives the next; one that
//! comes again is taken for stolen, and ends all that came of the same sign-in, as does giving one up (RFC 7009).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::issuer::HubClient;

/// What refresh tokens of people were used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VisitCounters {
    /// Refresh tokens that gave a new token.
    pub given: u64,
    /// Those that came again.
    pub again: u64,
    /// Those that were given up.
    pub revoked: u64,
}

/// Somebody who has signed in, and what they granted.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) person: HubClient,
    pub(super) scopes: String,
    /// Which sign-in.
    visit: u64,
}

struct Given {
    visitor: Visitor,
    is_used: bool,
}

#[derive(Default)]
struct Ledger {
    tokens: HashMap<String, Given>,
    visits: u64,
    counters: VisitCounters,
}

/// Everybody who has signed in.
#[derive(Default)]
pub(super) struct Visits(Mutex<Ledger>);

impl Visits {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first refresh token of somebody who has just signed in.
    pub(super) fn begin(&self, person: HubClient, scopes: String) -> String {
        let mut ledger = self.ledger();
        ledger.visits += 1;
        let visit = ledger.visits;
        ledger.give(Visitor { person, scopes, visit })
    }

    /// Whose refresh token it is, and the next one. `None`: it is none, was used, or has ended.
    pub(super) fn renew(&self, token: &str) -> Option<(Visitor, String)> {
        let mut ledger = self.ledger();
        let given = ledger.tokens.get_mut(token)?;
        let visitor = given.visitor.clone();
        if std::mem::replace(&mut given.is_used, true) {
            ledger.counters.again += 1;
            ledger.end(visitor.visit);
            return None;
        }
        ledger.counters.given += 1;
        let next = ledger.give(visitor.clone());
        Some((visitor, next))
    }

    /// Ends the visit that a token belongs to.
    pub(super) fn revoke(&self, token: &str) {
        let mut ledger = self.ledger();
        let Some(visit) = ledger.tokens.get(token).map(|given| given.visitor.visit) else { return };
        ledger.counters.revoked += 1;
        ledger.end(visit);
    }

    /// Ends every visit.
    pub(super) fn end_all(&self) {
        self.ledger().tokens.clear();
    }

    pub(super) fn counters(&self) -> VisitCounters {
        self.ledger().counters
    }
}

impl Ledger {
    fn give(&mut self, visitor: Visitor) -> String {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        self.tokens.insert(token.clone(), Given { visitor, is_used: false });
        token
    }

    fn end(&mut self, visit: u64) {
        self.tokens.retain(|_, given| given.visitor.visit != visit);
    }
}
