//! Cookies: read by name, and written so that only this host gets them back.

use axum::http::{HeaderMap, HeaderValue, header};

/// The language that a visitor has chosen.
pub(super) const LANGUAGE: &str = "hub_language";
/// A year, in seconds.
const YEAR: u32 = 31_536_000;

/// The value of a cookie. `None` where it did not come, or came twice: somebody who may set cookies for a wider domain must
/// not be able to choose which counts.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Keeps what is no secret for a year.
pub(super) fn keep(name: &str, value: &'static str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={YEAR}; SameSite=Lax; HttpOnly")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_once() {
        assert_eq!(read(&headers(&["a=1; hub_language=en"]), LANGUAGE), Some("en"));
        assert_eq!(read(&headers(&["xhub_language=en", "hub_languages=nl"]), LANGUAGE), None);
        assert_eq!(read(&headers(&["hub_language=en; hub_language=nl"]), LANGUAGE), None);
        assert_eq!(read(&headers(&["hub_language"]), LANGUAGE), None);
        assert_eq!(read(&headers(&["hub_language=a=b"]), LANGUAGE), Some("a=b"));
    }
}
