//! `/explorer`: GraphiQL, served from the binary. Fetches nothing from another host.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use super::Refusal;
use crate::console::Document;

/// The headline query: one school's needs, committed partners and homes. Takes `$brin`.
pub const SCHOOL_CARD: &str = include_str!("../../assets/explorer/school-card.graphql");

const README: &str = include_str!("../../../README.md");

/// Only this host. GraphiQL carries its fonts and a few images as data.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src data:; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Where the page has its nonce.
const NONCE: &str = "{nonce}";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const GRAPHQL: &str = "application/graphql; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// A file as it lies in the binary.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    is_packed: bool,
}

const EXPLORER: &str = include_str!("../../assets/explorer/explorer.html");

const ASSETS: [Asset; 7] = [
    packed("graphiql.js", JAVASCRIPT, include_bytes!("../../assets/explorer/graphiql.js.gz")),
    packed("graphiql.css", CSS, include_bytes!("../../assets/explorer/graphiql.css.gz")),
    packed("react.js", JAVASCRIPT, include_bytes!("../../assets/explorer/react.js.gz")),
    packed("react-dom.js", JAVASCRIPT, include_bytes!("../../assets/explorer/react-dom.js.gz")),
    plain("explorer.js", JAVASCRIPT, include_bytes!("../../assets/explorer/explorer.js")),
    plain("explorer.css", CSS, include_bytes!("../../assets/explorer/explorer.css")),
    plain("school-card.graphql", GRAPHQL, SCHOOL_CARD.as_bytes()),
];

/// The explorer's addresses.
pub(super) fn router() -> Router {
    Router::new()
        .route("/explorer", get(page))
        .route("/explorer/{name}", get(asset))
        .route("/explorer/samples.json", get(|headers: HeaderMap| async move { samples().answer(&headers) }))
        .route("/explorer/pages/{name}", get(page_request))
}

/// The page. One of GraphiQL's parts writes an element of styles into it while a dialog is open (react-style-singleton, so
/// that what lies behind does not scroll), with the nonce that it is told: drawn anew for each page, so this goes to nobody
/// twice.
async fn page() -> Response {
    let nonce = STANDARD.encode(rand::random::<[u8; 16]>());
    let html = EXPLORER.replace(NONCE, &nonce);
    let policy = POLICY.replace("style-src 'self'", &format!("style-src 'self' 'nonce-{nonce}'"));
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, &policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, html).into_response()
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.answer(&headers),
        None => Refusal::not_found().into_response(),
    }
}

/// What the README shows, as a list of texts: what works there works here.
fn samples() -> Asset {
    static SAMPLES: LazyLock<String> = LazyLock::new(|| {
        let blocks = README.split("```graphql\n").skip(1);
        let texts: Vec<_> = blocks.filter_map(|block| block.split_once("```").map(|(text, _)| text)).collect();
        serde_json::json!(texts).to_string()
    });
    plain("samples.json", "application/json", SAMPLES.as_bytes())
}

/// The request behind a page of the console.
async fn page_request(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match name.strip_suffix(".graphql").and_then(Document::named) {
        Some(document) => plain("", GRAPHQL, document.text().as_bytes()).answer(&headers),
        None => Refusal::not_found().into_response(),
    }
}

const fn plain(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { name, media_type, bytes, is_packed: false }
}

const fn packed(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { name, media_type, bytes, is_packed: true }
}

impl Asset {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let tag = self.tag();
        let mut response = if matches_tag(headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if !self.is_packed {
            self.bytes.into_response()
        } else if takes_gzip(headers) {
            ([(header::CONTENT_ENCODING, "gzip")], self.bytes).into_response()
        } else {
            match self.unpacked() {
                Ok(bytes) => bytes.into_response(),
                Err(_) => return Refusal::not_found().into_response(),
            }
        };
        let fixed: [(HeaderName, &str); 6] = [
            (header::CONTENT_TYPE, self.media_type),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::VARY, "accept-encoding"),
            // Names stay while contents change with a release: ask each time, and mostly hear that nothing did.
            (header::CACHE_CONTROL, "no-cache"),
            (header::ETAG, &tag),
        ];
        for (name, value) in fixed {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// Weak, for packed and unpacked differ in bytes and not in what they say.
    fn tag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.bytes.hash(&mut hasher);
        format!("W/\"{:016x}\"", hasher.finish())
    }

    fn unpacked(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        GzDecoder::new(self.bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Whether a client says that it has what this tag names.
pub(crate) fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    listed(headers, header::IF_NONE_MATCH).any(|given| opaque(given) == opaque(tag))
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    listed(headers, header::ACCEPT_ENCODING).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let is_refused = parts.filter_map(|part| part.strip_prefix("q=")).any(|quality| quality.parse() == Ok(0.0));
        is_gzip && !is_refused
    })
}

fn listed(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn every_packed_file_can_be_unpacked() {
        for asset in ASSETS.iter().filter(|asset| asset.is_packed) {
            assert!(asset.unpacked().unwrap().len() > asset.bytes.len(), "{}", asset.name);
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (accepted, expected) in
            [("gzip, br", true), ("br", false), ("gzip;q=0", false), ("gzip; q=0.5", true), ("*", true), ("", false)]
        {
            assert_eq!(takes_gzip(&headers(header::ACCEPT_ENCODING, accepted)), expected, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn who_has_a_file_is_not_sent_it_again() {
        let asset = &ASSETS[0];
        let tag = asset.tag();
        assert_eq!(asset.answer(&headers(header::IF_NONE_MATCH, &tag)).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(asset.answer(&headers(header::IF_NONE_MATCH, "W/\"other\"")).status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn nothing_in_the_page_is_styled_without_its_nonce_which_is_drawn_anew() {
        let drawn = async || {
            let response = page().await;
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
            let (_, nonce) = policy.split_once("'nonce-").unwrap();
            let nonce = nonce.split('\'').next().unwrap().to_owned();
            let bytes = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
            let html = String::from_utf8(bytes.to_vec()).unwrap();
            assert_eq!(html.matches(&format!("nonce=\"{nonce}\"")).count(), 1);
            assert!(!html.contains(NONCE) && !html.contains("<style") && !html.contains(" style="));
            nonce
        };
        assert_ne!(drawn().await, drawn().await);
    }

    #[test]
    fn the_page_asks_for_what_there_is_on_this_host_only() {
        let asked: Vec<_> = EXPLORER.split('"').filter(|part| part.contains('/') && !part.contains('<')).collect();
        assert_eq!(asked.len(), 6, "{asked:?}");
        for address in asked {
            let name = address.strip_prefix("/explorer/").unwrap();
            assert!(ASSETS.iter().any(|asset| asset.name == name), "{address}");
        }
    }
}
