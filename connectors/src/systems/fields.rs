//! Reading fields of raw JSON records: forgiving of form (numbers as text, text padded), strict about meaning. Every
//! fault is collected, so that an operator reads all that is wrong with a record at once. Values are never quoted where
//! they could hold contact details.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use entity::{Code, CodeSet, GeoPoint};
use serde_json::Value;

use crate::connector::Refused;

/// No title or name is longer, in characters.
const LONGEST_LINE: usize = 300;
/// No description is longer, in characters.
const LONGEST_TEXT: usize = 20_000;

/// Reads one raw record.
pub(super) struct Fields<'a> {
    raw: &'a Value,
    faults: Vec<String>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(raw: &'a Value) -> Self {
        Self { raw, faults: Vec::new() }
    }

    /// The value at a path of keys, `null` and absent alike being `None`.
    pub(super) fn get(&self, path: &[&str]) -> Option<&'a Value> {
        at(self.raw, path)
    }

    pub(super) fn fault(&mut self, reason: impl Into<String>) {
        self.faults.push(reason.into());
    }

    /// The record's identifier in the source.
    pub(super) fn id(&mut self, name: &str) -> Option<String> {
        let id = identifier(self.raw.get(name));
        if id.is_none() {
            self.fault(format!("`{name}` is missing"));
        }
        id
    }

    /// A line of text, cut of white space and control characters. Empty text is none.
    pub(super) fn line(&mut self, path: &[&str]) -> Option<String> {
        self.text_within(path, LONGEST_LINE)
    }

    /// Text of some length.
    pub(super) fn text(&mut self, path: &[&str]) -> Option<String> {
        self.text_within(path, LONGEST_TEXT)
    }

    fn text_within(&mut self, path: &[&str], longest: usize) -> Option<String> {
        let text = match self.get(path)? {
            Value::String(text) => clean(text),
            Value::Number(number) => number.to_string(),
            _ => {
                self.fault(format!("`{}` is no text", path.join(".")));
                return None;
            }
        };
        if text.chars().count() > longest {
            self.fault(format!("`{}` is longer than {longest} characters", path.join(".")));
            return None;
        }
        (!text.is_empty()).then_some(text)
    }

    /// A number that is not negative, written as a number or as text.
    pub(super) fn amount(&mut self, path: &[&str]) -> Option<f64> {
        let value = self.get(path)?;
        match number(value) {
            Some(number) if number >= 0.0 => Some(number),
            _ if is_blank(value) => None,
            _ => {
                self.fault(format!("`{}` is no number of at least 0", path.join(".")));
                None
            }
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, path: &[&str]) -> Option<i32> {
        let amount = self.amount(path)?;
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range just here")]
        let whole = (amount.fract() == 0.0 && amount <= f64::from(i32::MAX)).then_some(amount as i32);
        if whole.is_none() {
            self.fault(format!("`{}` is no whole number", path.join(".")));
        }
        whole
    }

    /// An amount of euros, as cents.
    pub(super) fn cents(&mut self, path: &[&str]) -> Option<i64> {
        let euros = self.amount(path)?;
        let cents = cents(euros);
        if cents.is_none() {
            self.fault(format!("`{}` is no amount of money", path.join(".")));
        }
        cents
    }

    pub(super) fn boolean(&mut self, path: &[&str]) -> Option<bool> {
        match self.get(path)? {
            Value::Bool(value) => Some(*value),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => {
                self.fault(format!("`{}` is neither true nor false", path.join(".")));
                None
            }
        }
    }

    /// A day, written as a date or as an instant, whose date is then taken as written.
    pub(super) fn date(&mut self, path: &[&str]) -> Option<NaiveDate> {
        let value = self.get(path)?;
        if is_blank(value) {
            return None;
        }
        let date = value.as_str().and_then(|text| text.trim().get(..10)?.parse().ok());
        if date.is_none() {
            self.fault(format!("`{}` is no date as 2026-11-23", path.join(".")));
        }
        date
    }

    pub(super) fn instant(&mut self, path: &[&str]) -> Option<DateTime<Utc>> {
        let value = self.get(path)?;
        if is_blank(value) {
            return None;
        }
        let instant = value.as_str().and_then(parse_instant);
        if instant.is_none() {
            self.fault(format!("`{}` is no instant as 2026-11-23T09:00:00Z", path.join(".")));
        }
        instant
    }

    /// The first day and the last, in their order.
    pub(super) fn term(&mut self, from: &[&str], until: &[&str]) -> (Option<NaiveDate>, Option<NaiveDate>) {
        let (first, last) = (self.date(from), self.date(until));
        if let (Some(first), Some(last)) = (first, last)
            && last < first
        {
            self.fault(format!("`{}` lies before `{}`", until.join("."), from.join(".")));
        }
        (first, last)
    }

    /// A value of a vocabulary, by its code.
    pub(super) fn code<C: Code>(&mut self, path: &[&str]) -> Option<C> {
        let text = self.get(path)?.as_str().map(str::trim).filter(|text| !text.is_empty())?;
        let value = C::from_code(&text.to_ascii_uppercase());
        if value.is_none() {
            self.fault(format!("`{}`: there is no {} `{}`", path.join("."), C::VOCABULARY, shown(text)));
        }
        value
    }

    /// Values of a vocabulary, by their codes.
    pub(super) fn codes<C: Code>(&mut self, path: &[&str]) -> Option<CodeSet<C>> {
        let Some(items) = self.get(path)?.as_array() else {
            self.fault(format!("`{}` is no list", path.join(".")));
            return None;
        };
        let mut values = Vec::new();
        for item in items {
            match item.as_str().map(str::trim) {
                Some(text) => match C::from_code(&text.to_ascii_uppercase()) {
                    Some(value) => values.push(value),
                    None => {
                        self.fault(format!("`{}`: there is no {} `{}`", path.join("."), C::VOCABULARY, shown(text)));
                    }
                },
                None => self.fault(format!("`{}` holds what is no code", path.join("."))),
            }
        }
        Some(values.into_iter().collect())
    }

    /// A point. Half a point, or one off the earth, is a fault.
    pub(super) fn point(&mut self, latitude: &[&str], longitude: &[&str]) -> Option<GeoPoint> {
        match (self.get(latitude).and_then(number), self.get(longitude).and_then(number)) {
            (None, None) => None,
            (Some(latitude), Some(longitude)) => {
                let point = GeoPoint::new(latitude, longitude);
                if point.is_none() {
                    self.fault("its coordinates lie off the earth");
                }
                point
            }
            _ => {
                self.fault("of its coordinates one is missing");
                None
            }
        }
    }

    /// An address of the web. What is none is left out: nobody loses a record over it.
    pub(super) fn web_address(&mut self, path: &[&str]) -> Option<String> {
        web_address(self.get(path)?.as_str()?)
    }

    /// Reads a part of the record, as an item of a list; what is wrong with it is told under `name`.
    pub(super) fn part<T>(&mut self, raw: &Value, name: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> T {
        let mut part = Fields::new(raw);
        let value = read(&mut part);
        self.faults.extend(part.faults.into_iter().map(|fault| format!("`{name}`: {fault}")));
        value
    }

    /// Reads what has been made of the record; what is wrong with it is told as the record's own.
    pub(super) fn same_record<T>(&mut self, made: &Value, read: impl FnOnce(&mut Fields<'_>) -> T) -> T {
        let mut whole = Fields::new(made);
        let value = read(&mut whole);
        self.faults.extend(whole.faults);
        value
    }

    /// An amount of money that is counted in cents already.
    pub(super) fn whole_cents(&mut self, name: &str) -> Option<i64> {
        self.get(&[name])?.as_i64()
    }

    /// Ends the reading: the record, or all that is wrong with it.
    pub(super) fn finish<T>(self, external_id: Option<String>, record: Option<T>) -> Result<T, Refused> {
        match record {
            Some(record) if self.faults.is_empty() => Ok(record),
            _ => Err(Refused { external_id, reasons: self.faults }),
        }
    }
}

/// The value at a path of keys, `null` and absent alike being `None`.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// The items of a list, none where there is no list.
pub(super) fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// An identifier, written as text or as a number.
pub(super) fn identifier(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => clean(text),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= LONGEST_LINE).then_some(text)
}

/// A number, written as one or as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().replace(',', ".").parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// Euros as cents, to the nearest.
pub(super) fn cents(euros: f64) -> Option<i64> {
    let cents = (euros * 100.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range just here")]
    (cents.abs() < 1e12).then_some(cents as i64)
}

/// An instant with its offset; one without is taken as UTC, and a mere date as its first moment.
pub(super) fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.with_timezone(&Utc))
        .or_else(|_| text.parse::<NaiveDateTime>().map(|instant| instant.and_utc()))
        .or_else(|_| text.parse::<NaiveDate>().map(|date| date.and_time(NaiveTime::MIN).and_utc()))
        .ok()
}

/// Without white space around it, and without control characters but line ends and tabs: PostgreSQL's text holds no NUL,
/// and no field means the others.
pub(super) fn clean(text: &str) -> String {
    text.trim().chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect()
}

/// An address of the web with its scheme, `https` where it was left out; `None` for what is no such address.
pub(super) fn web_address(text: &str) -> Option<String> {
    let text = clean(text);
    if text.is_empty() || text.contains(char::is_whitespace) || text.contains('@') {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let has_scheme = lower.starts_with("http://") || lower.starts_with("https://");
    let address = if has_scheme { text } else { format!("https://{text}") };
    let url = url::Url::parse(&address).ok()?;
    url.host_str().filter(|host| host.contains('.'))?;
    Some(address)
}

/// `1012AB` as `1012 AB`; what is no such postcode stays as it is.
pub(super) fn spaced(postcode: String) -> String {
    match postcode.split_at_checked(4) {
        Some((digits, letters)) if letters.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{digits} {}", letters.to_ascii_uppercase())
        }
        _ => postcode,
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// What was read, short enough for a sentence.
fn shown(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn money_is_exact_to_the_cent() {
        assert_eq!(cents(879.66), Some(87_966));
        assert_eq!(cents(0.29), Some(29));
        assert_eq!(cents(1e15), None);
    }

    #[test]
    fn numbers_may_be_text_and_identifiers_numbers() {
        let raw = json!({"id": 7, "a": "12,5", "b": " ", "c": "many"});
        let mut fields = Fields::new(&raw);
        assert_eq!(fields.id("id").as_deref(), Some("7"));
        assert_eq!(fields.amount(&["a"]), Some(12.5));
        assert_eq!(fields.amount(&["b"]), None);
        assert_eq!(fields.amount(&["c"]), None);
        let refused = fields.finish::<()>(None, None).unwrap_err();
        assert_eq!(refused.reasons, ["`c` is no number of at least 0"]);
    }

    #[test]
    fn a_website_gets_its_scheme_or_is_left_out() {
        assert_eq!(web_address(" www.school.example ").as_deref(), Some("https://www.school.example"));
        assert_eq!(web_address("HTTP://school.example/").as_deref(), Some("HTTP://school.example/"));
        for text in ["", "geen", "info@school.example", "javascript:alert(1)", "http://"] {
            assert_eq!(web_address(text), None, "{text}");
        }
    }

    #[test]
    fn an_unknown_code_is_named_with_its_field() {
        let raw = json!({"themes": ["STRATEGIC_HR", "MAGIC"]});
        let mut fields = Fields::new(&raw);
        fields.codes::<entity::vocabulary::Theme>(&["themes"]);
        let refused = fields.finish::<()>(None, Some(())).unwrap_err();
        assert_eq!(refused.reasons, ["`themes`: there is no Theme `MAGIC`"]);
    }

    #[test]
    fn what_is_wrong_with_a_part_is_told_under_its_name() {
        let raw = json!({"homes": [{"rent": -1}]});
        let mut fields = Fields::new(&raw);
        let rent = fields.part(&raw["homes"][0], "homes[0]", |home| home.cents(&["rent"]));
        assert_eq!(rent, None);
        let refused = fields.finish(None, Some(())).unwrap_err();
        assert_eq!(refused.reasons, ["`homes[0]`: `rent` is no number of at least 0"]);
    }

    #[test]
    fn instants_come_with_offset_without_and_as_dates() {
        for text in ["2026-11-23T01:00:00+01:00", "2026-11-23T00:00:00.000Z", "2026-11-23T00:00:00", "2026-11-23"] {
            assert_eq!(parse_instant(text).unwrap().to_rfc3339(), "2026-11-23T00:00:00+00:00", "{text}");
        }
        assert_eq!(parse_instant("yesterday"), None);
    }

    #[test]
    fn control_characters_do_not_get_in() {
        assert_eq!(clean(" a\0b\u{7}\nc "), "ab\nc");
    }
}
