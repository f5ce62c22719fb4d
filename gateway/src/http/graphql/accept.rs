//! Which of the two media types a client wants for its answer.

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
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::read)
        .peekable();
    if ranges.peek().is_none() {
        return Some(MediaType::Json);
    }
    let ranges: Vec<_> = ranges.collect();
    let (named, new) = quality(&ranges, "application/graphql-response+json");
    let (_, old) = quality(&ranges, "application/json");
    if new > 0.0 && (old <= 0.0 || (named && new >= old)) {
        Some(MediaType::GraphqlResponse)
    } else {
        (old > 0.0).then_some(MediaType::Json)
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
    for wanted in [media_type, "application/*", "*/*"] {
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
}
