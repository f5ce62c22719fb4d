//! Which media type a client wants for its answer: one of two for a whole answer, or a stream of events.

use axum::http::{HeaderMap, header};

/// A media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// The status tells what became of the request.
    GraphqlResponse,
    /// The status is 200 whenever there is a well-formed answer, for the sake of old clients.
    Json,
}

impl MediaType {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// What `Accept` asks for. JSON where it is absent or takes anything; `None` where it takes neither.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<MediaType> {
    whole(&ranges(headers)).map(|(media_type, _)| media_type)
}

/// Whether `Accept` names the stream of events.
pub(super) fn takes_events(headers: &HeaderMap) -> bool {
    events(&ranges(headers)) > 0.0
}

/// Whether the answer is to be a stream of events. Clients that take everything name it behind the others, and want it
/// for what only it can give: then a subscription is streamed and a query answered whole.
pub(super) fn wants_events(headers: &HeaderMap, is_subscription: bool) -> bool {
    let ranges = ranges(headers);
    let events = events(&ranges);
    let whole = whole(&ranges).map_or(0.0, |(_, quality)| quality);
    events > 0.0 && (is_subscription || events > whole)
}

fn ranges(headers: &HeaderMap) -> Vec<Range> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(Range::read).collect()
}

/// How much a stream of events is wanted. `*/*` does not ask for one: no answer would come to its end.
fn events(ranges: &[Range]) -> f32 {
    match quality(ranges, "text/event-stream") {
        (true, quality) => quality,
        _ => 0.0,
    }
}

/// The media type for a whole answer, and how much it is wanted.
fn whole(ranges: &[Range]) -> Option<(MediaType, f32)> {
    if ranges.is_empty() {
        return Some((MediaType::Json, 1.0));
    }
    let (named, new) = quality(ranges, "application/graphql-response+json");
    let (_, old) = quality(ranges, "application/json");
    if new > 0.0 && (old <= 0.0 || (named && new >= old)) {
        Some((MediaType::GraphqlResponse, new))
    } else {
        (old > 0.0).then_some((MediaType::Json, old))
    }
}

struct Range {
    media_type: String,
    quality: f32,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
        let media_type = parts.next().filter(|media_type| !media_type.is_empty())?;
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0);
        Some(Self { media_type, quality })
    }
}

/// Whether a media type is asked for by its name, and how much it is wanted: the most specific range counts.
fn quality(ranges: &[Range], media_type: &str) -> (bool, f32) {
    let kind = media_type.split_once('/').map_or(media_type, |(kind, _)| kind);
    let kind = format!("{kind}/*");
    for wanted in [media_type, kind.as_str(), "*/*"] {
        if let Some(range) = ranges.iter().find(|range| range.media_type == wanted) {
            return (wanted == media_type, range.quality);
        }
    }
    (false, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_they_ask_for() {
        use MediaType::{GraphqlResponse, Json};
        for (accept, expected) in [
            ("", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(GraphqlResponse)),
            ("application/graphql-response+json, application/json;q=0.9", Some(GraphqlResponse)),
            ("application/json, application/graphql-response+json", Some(GraphqlResponse)),
            ("application/graphql-response+json;q=0.5, application/json", Some(Json)),
            ("application/json;q=0, */*", Some(GraphqlResponse)),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Some(Json)),
            ("Application/JSON; charset=utf-8", Some(Json)),
            ("text/html", None),
            ("*/*;q=0", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(negotiate(&headers), expected, "{accept}");
        }
        assert_eq!(negotiate(&HeaderMap::new()), Some(Json));
    }

    #[test]
    fn events_are_streamed_to_who_asks_for_them() {
        for (accept, query, subscription) in [
            ("", false, false),
            ("*/*", false, false),
            ("text/*", false, false),
            ("text/event-stream", true, true),
            ("text/event-stream; charset=utf-8", true, true),
            ("text/event-stream;q=0", false, false),
            ("application/graphql-response+json, application/json, text/event-stream, multipart/mixed", false, true),
            ("text/event-stream, multipart/mixed", true, true),
            ("text/event-stream, application/json;q=0.5", true, true),
            ("application/json", false, false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            let wants = [false, true].map(|is_subscription| wants_events(&headers, is_subscription));
            assert_eq!(wants, [query, subscription], "{accept}");
        }
        assert!(!wants_events(&HeaderMap::new(), true));
    }
}
