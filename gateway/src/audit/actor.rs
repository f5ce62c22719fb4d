//! Who does something, and within which trace (<https://www.w3.org/TR/trace-context/>).

use std::net::IpAddr;

use crate::auth::Identity;

/// Who does something, and from where.
#[derive(Clone, Debug, Default)]
pub struct Actor {
    /// The token's subject.
    pub subject: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The organisation it speaks for.
    pub organisation: Option<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// What it is part of.
    pub trace: Trace,
}

impl Actor {
    /// Whom this token names, who asks from this address.
    #[must_use]
    pub fn new(identity: Option<&Identity>, address: Option<IpAddr>, trace: Trace) -> Self {
        Self {
            subject: identity.and_then(|identity| identity.subject.clone()),
            client: identity.and_then(|identity| identity.client.clone()),
            organisation: identity
                .and_then(|identity| identity.organisation.as_ref())
                .map(|organisation| organisation.to_string()),
            address,
            trace,
        }
    }
}

/// An operation, and the trace it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// 16 bytes in hexadecimal.
    pub trace_id: String,
    /// 8 bytes in hexadecimal.
    pub span_id: String,
    /// The operation that asked for it, where it said so.
    pub parent_span_id: Option<String>,
}

impl Trace {
    /// A new operation: within the trace that a `traceparent` header tells of, else within a trace of its own.
    #[must_use]
    pub fn within(traceparent: Option<&str>) -> Self {
        let (trace_id, parent_span_id) = match traceparent.and_then(parse) {
            Some((trace_id, parent)) => (trace_id.to_owned(), Some(parent.to_owned())),
            None => (uuid::Uuid::now_v7().simple().to_string(), None),
        };
        // The second half is random, all but two bits of it.
        let span_id = uuid::Uuid::now_v7().simple().to_string().split_off(16);
        Self { trace_id, span_id, parent_span_id }
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::within(None)
    }
}

/// Whether this is a `traceparent` (<https://www.w3.org/TR/trace-context/#traceparent-header>).
pub(crate) fn is_traceparent(text: &str) -> bool {
    parse(text).is_some()
}

/// The trace and the operation of a `traceparent`; `None` where it is none.
fn parse(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.trim().split('-');
    let [version, trace_id, parent, _flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    // Later versions may add parts; the first has none.
    let is_whole = version != "ff" && (version != "00" || parts.next().is_none());
    let is_id = |text: &str, length: usize| {
        text.len() == length
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && text.bytes().any(|byte| byte != b'0')
    };
    (is_whole && version.len() == 2 && is_id(trace_id, 32) && is_id(parent, 16)).then_some((trace_id, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_on_where_the_client_says_so() {
        let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = Trace::within(Some(sent));
        assert_eq!(trace.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace.parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
        assert!(trace.span_id.len() == 16 && trace.span_id != "00f067aa0ba902b7");
    }

    #[test]
    fn what_is_no_trace_begins_a_new_one() {
        let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let sent = ["", "00-1-2-3", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &zero, "é-é-é-é"];
        for text in sent {
            let trace = Trace::within(Some(text));
            assert!(trace.trace_id.len() == 32 && trace.parent_span_id.is_none(), "{text}");
        }
    }
}
