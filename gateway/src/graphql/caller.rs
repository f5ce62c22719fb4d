//! Who asks, and how they want to be answered: what is known of a request beside its document, however it came in.

use std::any::TypeId;
use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::Request;
use axum::http::{HeaderMap, HeaderValue};

use super::Language;
use crate::audit::{Actor, Trace};
use crate::auth::Identity;

/// Who asks. Given to the graph among a request's data; without it somebody unknown asks, in Dutch.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The language of texts, where a field's argument does not say.
    pub language: Language,
    /// Who asks, as their token tells it. `None`: somebody without a token, who sees what is public.
    pub identity: Option<Arc<Identity>>,
    /// The cursor of the last change that a client saw before its connection broke: the feed goes on behind it, whatever
    /// `after` says. `None`: it has just begun.
    pub last_event: Option<String>,
    /// Where the request came from. `None`: from within the process.
    pub address: Option<IpAddr>,
    /// The request's id, which the log has too.
    pub request_id: Option<String>,
    /// Whether the request may only read: what comes by GET changes nothing.
    pub only_reads: bool,
    /// The client's key for a mutation that it may send again (`Idempotency-Key`).
    pub idempotency_key: Option<String>,
    /// The header that showed the token, for partners whose graphs take it. Its `Debug` says nothing. `None`: without a
    /// token, or where it came otherwise.
    pub authorization: Option<HeaderValue>,
    /// The headers of the client's that partners' graphs are sent. `None`: there are none.
    pub headers: Option<Arc<HeaderMap>>,
    /// The client's trace (`traceparent`).
    pub traceparent: Option<String>,
}

impl Caller {
    /// Who does what this request does, as the audit trail has it.
    pub(crate) fn actor(&self) -> Actor {
        Actor::new(self.identity.as_deref(), self.address, Trace::within(self.traceparent.as_deref()))
    }

    /// Who asks by this request.
    pub(crate) fn of(request: &Request) -> Self {
        let caller = request.data.get(&TypeId::of::<Self>()).and_then(|caller| caller.downcast_ref());
        caller.cloned().unwrap_or_default()
    }
}
