//! Files that pages need, from the binary. Their addresses name their contents, so that browsers may keep them for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::http::Refusal;

/// A file.
struct Asset {
    address: String,
    media_type: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, ending: &str, media_type: &'static str, bytes: &'static [u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { address: format!("/assets/{stem}-{hash}.{ending}"), media_type, bytes }
    }
}

static STYLES: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "css", "text/css; charset=utf-8", include_bytes!("assets/console.css")));
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_bytes!("assets/console.js"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("assets/icon.svg")));

/// Where the styles are.
pub(super) fn styles() -> &'static str {
    &STYLES.address
}

/// Where the script is.
pub(super) fn script() -> &'static str {
    &SCRIPT.address
}

/// Where the icon is.
pub(super) fn icon() -> &'static str {
    &ICON.address
}

/// `/assets/{name}`.
pub(super) async fn show(Path(name): Path<String>) -> Response {
    let all: [&Asset; 3] = [&STYLES, &SCRIPT, &ICON];
    let found = all.into_iter().find(|asset| asset.address.strip_prefix("/assets/") == Some(name.as_str()));
    let Some(asset) = found else { return Refusal::not_found().into_response() };
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        // An image that is opened by itself is a document, and may not do more than a page.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'self'"),
    ];
    (StatusCode::OK, headers, asset.bytes).into_response()
}
