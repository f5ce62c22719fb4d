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

/// A cookie that only this host gets back, and no script reads.
pub(crate) struct Cookie {
    name: &'static str,
    /// How long a browser keeps it, in seconds. `None`: until it is closed.
    lasts: Option<u32>,
}

/// A session's number.
pub(crate) const SESSION: Cookie = Cookie { name: "hub_session", lasts: None };
/// The state of a sign-in that is under way.
pub(super) const SIGN_IN: Cookie = Cookie { name: "hub_sign_in", lasts: Some(600) };

impl Cookie {
    /// Over a safe way the name's beginning has the browser see to it that no other host has set it.
    fn name(&self, is_safe: bool) -> String {
        format!("{}{}", if is_safe { "__Host-" } else { "" }, self.name)
    }

    /// Its value.
    pub(crate) fn read<'a>(&self, is_safe: bool, headers: &'a HeaderMap) -> Option<&'a str> {
        read(headers, &self.name(is_safe)).filter(|value| !value.is_empty())
    }

    /// What sets it. `is_safe`: the hub is reached by `https`, and the cookie goes no other way.
    pub(super) fn set(&self, is_safe: bool, value: &str) -> String {
        self.write(is_safe, value, self.lasts)
    }

    /// What takes it away.
    pub(super) fn clear(&self, is_safe: bool) -> String {
        self.write(is_safe, "", Some(0))
    }

    fn write(&self, is_safe: bool, value: &str, lasts: Option<u32>) -> String {
        let secure = if is_safe { "; Secure" } else { "" };
        let lasts = lasts.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{lasts}", self.name(is_safe))
    }
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

    #[test]
    fn over_a_safe_way_a_session_goes_no_other() {
        let (safe, plain) = (SESSION.set(true, "x"), SESSION.set(false, "x"));
        assert_eq!(safe, "__Host-hub_session=x; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(plain, "hub_session=x; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(SESSION.read(true, &headers(&["hub_session=x"])), None);
        assert_eq!(SESSION.read(true, &headers(&["__Host-hub_session=x"])), Some("x"));
        assert!(SIGN_IN.clear(true).ends_with("Max-Age=0"));
    }
}
