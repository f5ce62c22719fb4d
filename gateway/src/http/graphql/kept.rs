//! A kept answer over HTTP: its bytes as they are, or that the client has them already (RFC 9110 section 13.1.2).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::accept::MediaType;
use super::answer::VARY;
use crate::cache::Kept;

/// An answer has fewer headers than these.
const HEADERS: usize = 24;

/// Gives the answer, with what is told to this client. By POST as well: a query changes nothing, however it comes in,
/// and who sends `If-None-Match` has the answer to the same request.
pub(super) fn answer(media_type: MediaType, headers: &HeaderMap, kept: &Kept, told: HeaderMap) -> Response {
    // The same bytes mean something else to who reads them as another media type.
    let letter = match media_type {
        MediaType::Json => 'j',
        MediaType::GraphqlResponse => 'g',
    };
    let tag = format!("\"{letter}{}\"", kept.tag);
    let has_it = headers.get_all(header::IF_NONE_MATCH).iter().any(|header| names(header, &tag));
    let mut response = Response::new(if has_it { Body::empty() } else { Body::from(kept.body.clone()) });
    // At once for what is put beside them on the way out as well: to grow costs more than to have.
    response.headers_mut().reserve(HEADERS);
    if has_it {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let written = response.headers_mut();
    if !has_it {
        written.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type.content_type()));
    }
    written.insert(header::VARY, HeaderValue::from_static(VARY));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        written.insert(header::ETAG, tag);
    }
    written.insert(header::CACHE_CONTROL, kept.cache_control.clone());
    written.extend(told);
    response
}

/// Whether a client's `If-None-Match` names this tag, or any. Compared weakly: a proxy that packs an answer weakens it.
fn names(header: &HeaderValue, tag: &str) -> bool {
    let Ok(header) = header.to_str() else { return false };
    header.split(',').map(str::trim).any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_names_the_answers_that_it_has() {
        for (header, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(names(&HeaderValue::from_static(header), "\"a\""), expected, "{header}");
        }
    }
}
