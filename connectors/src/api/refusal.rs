//! What an answer without success means: by its status first, refined by the codes that the standards give. Bodies are
//! read for their codes alone: what people wrote in them stays out of messages.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use super::{ErrorCode, host, whole_body};
use crate::error::{Error, ErrorKind};

/// No error body that is worth reading is longer, in bytes.
const MAX_BODY: u64 = 64 * 1024;
/// Nobody is waited for longer than this, whatever they ask.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// The failure that `response`, which came at `now`, stands for.
///
/// `described` finds the code where the configuration says where it is.
pub(super) async fn explain(
    url: &Url,
    response: reqwest::Response,
    now: DateTime<Utc>,
    described: Option<&dyn ErrorCode>,
) -> Error {
    let status = response.status();
    let place = format!("{}{}", host(url), url.path());
    let wait = retry_after(response.headers(), now);
    let challenge = challenge(response.headers());
    let code = challenge.or(code(response, described).await).map_or_else(String::new, |code| format!(" ({code})"));
    let number = status.as_u16();
    let (kind, message) = match status {
        StatusCode::UNAUTHORIZED => (
            ErrorKind::Unauthorized,
            format!("{place} does not accept the token, or wants one{code}: check oauth.scopes and oauth.audience"),
        ),
        StatusCode::FORBIDDEN => (
            ErrorKind::Forbidden,
            format!(
                "{place} may not be read with this client{code}: ask the partner for access, or check oauth.scopes"
            ),
        ),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            (ErrorKind::NotFound, format!("there is nothing at {place} (status {number}){code}: check base_url"))
        }
        StatusCode::TOO_MANY_REQUESTS => (ErrorKind::RateLimited, format!("{place} wants fewer requests{code}")),
        _ if status.is_server_error() => (ErrorKind::ServerError, format!("{place} failed with status {number}{code}")),
        _ if status.is_redirection() => (
            ErrorKind::UnexpectedStatus,
            format!(
                "{place} redirects (status {number}); redirects are not followed: put the final address in base_url"
            ),
        ),
        _ => (ErrorKind::UnexpectedStatus, format!("{place} answered with status {number}{code}")),
    };
    Error::new(kind, message).retry_after(wait)
}

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3). The date is by the clock of the system that gave it,
/// which tells its time in `Date`; only where it does not is it compared with the hub's.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
            let now = date.unwrap_or_else(|| SystemTime::from(now));
            httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// The `error` of a bearer challenge (RFC 6750 section 3).
fn challenge(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(WWW_AUTHENTICATE)?.to_str().ok()?;
    let (_, rest) = text.split_once("error=\"")?;
    safe(rest.split('"').next()?)
}

/// What error bodies of the standards have in common is that they give a code.
#[derive(Deserialize)]
struct WireError {
    /// VERA.
    code: Option<serde_json::Value>,
    /// OAuth, and many others.
    error: Option<serde_json::Value>,
    /// OneRoster.
    #[serde(rename = "imsx_CodeMinor")]
    code_minor: Option<WireCodeMinor>,
}

#[derive(Deserialize)]
struct WireCodeMinor {
    #[serde(default, rename = "imsx_codeMinorField")]
    fields: Vec<WireCodeMinorField>,
}

#[derive(Deserialize)]
struct WireCodeMinorField {
    #[serde(rename = "imsx_codeMinorFieldValue")]
    value: Option<String>,
}

async fn code(response: reqwest::Response, described: Option<&dyn ErrorCode>) -> Option<String> {
    let body = whole_body(response, MAX_BODY).await.ok()?;
    if let Some(described) = described {
        return described.of(&serde_json::from_slice(&body).ok()?);
    }
    let error: WireError = serde_json::from_slice(&body).ok()?;
    let minor = error.code_minor.and_then(|minor| minor.fields.into_iter().find_map(|field| field.value));
    match minor {
        Some(minor) => safe(&minor),
        None => code_of(&error.code.or(error.error)?),
    }
}

/// A value as a code, where it is one.
pub(super) fn code_of(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => safe(text),
        serde_json::Value::Number(number) => safe(&number.to_string()),
        _ => None,
    }
}

/// A code, and not a sentence that could hold anything.
fn safe(text: &str) -> Option<String> {
    let is_code = !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    is_code.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let wait = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now);
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("86400"), Some(LONGEST_WAIT));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("Fri, 31 Dec 2100 23:59:59 GMT"), Some(LONGEST_WAIT));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("Tue, 24 Nov 2026 12:00:09 GMT"), Some(Duration::from_secs(9)));
        // By a clock that is an hour ahead.
        let ahead = [(RETRY_AFTER, "Tue, 24 Nov 2026 13:00:09 GMT"), (DATE, "Tue, 24 Nov 2026 13:00:00 GMT")];
        let headers = HeaderMap::from_iter(ahead.map(|(name, text)| (name, text.parse().unwrap())));
        assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(9)));
    }

    #[test]
    fn only_codes_get_into_messages() {
        assert_eq!(safe("invalid_token").as_deref(), Some("invalid_token"));
        assert_eq!(safe("pupil Jansen may not"), None);
        assert_eq!(safe(""), None);
    }
}
