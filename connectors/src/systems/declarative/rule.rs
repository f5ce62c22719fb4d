//! What a field is made of: a rule of the description, checked against what the field takes, and applied to a record.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use super::reach::{folded, word};
use super::target::Takes;
use crate::settings::{Money, Unknown};
use crate::systems::fields::{cents, number};

/// A rule, checked.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) from: From,
    pub(super) sum: bool,
    pub(super) codes: Option<BTreeMap<String, String>>,
    pub(super) unknown: Unknown,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) written: Written,
    pub(super) nothing: Vec<String>,
    pub(super) default: Vec<Value>,
    pub(super) required: bool,
}

/// Where a rule's values come from.
#[derive(Debug)]
pub(super) enum From {
    Path(JsonPath),
    Constant(Vec<Value>),
    Join(Vec<Rule>, String),
    First(Vec<Rule>),
}

/// How a value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// As the hub writes it.
    Plainly,
    /// A date, in this form.
    Date(Form),
    /// An instant, in this form.
    Instant(Form),
    /// Money, counted in this.
    Money(Money),
}

/// The form of a date or an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// As `chrono` has it.
    Pattern(String),
}

/// Nobody joins more text than a description may have.
const LONGEST: usize = 20_000;

impl Rule {
    /// The values that the rule makes of `raw`: none, one, or as many as there are.
    ///
    /// # Errors
    /// What is wrong with the record, in a sentence without the values of people.
    pub(super) fn apply(&self, raw: &Value) -> Result<Vec<Value>, String> {
        let values = match &self.from {
            From::Path(path) => {
                let nodes = path.query(raw).all();
                let found: Vec<&Value> = nodes.into_iter().flat_map(flat).collect();
                if self.sum { sum(&found)? } else { found.into_iter().cloned().collect() }
            }
            From::Constant(values) => values.clone(),
            From::First(rules) => first(rules, raw)?,
            From::Join(rules, separator) => join(rules, separator, raw)?,
        };
        let mut made = Vec::with_capacity(values.len());
        for value in values.into_iter().filter(|value| !self.is_nothing(value)) {
            made.extend(self.finished(value)?);
        }
        Ok(if made.is_empty() { self.default.clone() } else { made })
    }

    fn is_nothing(&self, value: &Value) -> bool {
        let is_word_for_it = || word(value).is_some_and(|word| self.nothing.contains(&folded(&word)));
        is_blank(value) || !self.nothing.is_empty() && is_word_for_it()
    }

    fn finished(&self, value: Value) -> Result<Option<Value>, String> {
        let value = match &self.codes {
            None => value,
            Some(codes) => {
                let word = word(&value).ok_or("holds what is no code")?;
                match (codes.get(&folded(&word)), self.unknown) {
                    (Some(meant), _) => json!(meant),
                    (None, Unknown::LeaveOut) => return Ok(None),
                    (None, Unknown::Refuse) => {
                        let shown: String = word.chars().filter(|char| !char.is_control()).take(40).collect();
                        return Err(format!("the code table has no `{shown}`"));
                    }
                }
            }
        };
        let value = self.written.read(value)?;
        if self.before.is_empty() && self.after.is_empty() {
            return Ok(Some(value));
        }
        let text = word_or_text(&value).ok_or("is no text")?;
        Ok(Some(json!(format!("{}{text}{}", self.before, self.after))))
    }
}

impl Written {
    /// A value in the hub's own way of writing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(&self, value: Value) -> Result<Value, &'static str> {
        Ok(match self {
            Self::Plainly => value,
            Self::Date(form) => json!(form.date(&value).ok_or("is no date in the form that `format` says")?),
            Self::Instant(form) => {
                json!(form.instant(&value).ok_or("is no instant in the form that `format` says")?.to_rfc3339())
            }
            Self::Money(unit) => json!(money(&value, *unit).ok_or("is no amount of money of at least 0")?),
        })
    }
}

/// The items of a list, or the value itself; `null` is nothing.
fn flat(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(items) => items,
        value => std::slice::from_ref(value),
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn word_or_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        value => word(value),
    }
}

fn sum(found: &[&Value]) -> Result<Vec<Value>, String> {
    let mut sum = None;
    for value in found.iter().filter(|value| !is_blank(value)) {
        let number = number(value).ok_or("holds what is no number, and is to be added up")?;
        sum = Some(sum.unwrap_or(0.0) + number);
    }
    // Sums of what has two decimals have two decimals, whatever binary fractions make of them.
    Ok(sum.map(|sum: f64| json!((sum * 1e6).round() / 1e6)).into_iter().collect())
}

fn first(rules: &[Rule], raw: &Value) -> Result<Vec<Value>, String> {
    for rule in rules {
        let values = rule.apply(raw)?;
        if !values.is_empty() {
            return Ok(values);
        }
    }
    Ok(Vec::new())
}

fn join(rules: &[Rule], separator: &str, raw: &Value) -> Result<Vec<Value>, String> {
    let mut parts = Vec::new();
    for rule in rules {
        if let Some(value) = rule.apply(raw)?.first() {
            parts.push(word_or_text(value).ok_or("joins what is no text")?);
        }
    }
    if parts.iter().map(String::len).sum::<usize>() > LONGEST {
        return Err("joins more text than there may be".to_owned());
    }
    Ok(if parts.is_empty() { Vec::new() } else { vec![json!(parts.join(separator))] })
}

/// An amount in cents.
fn money(value: &Value, unit: Money) -> Option<i64> {
    let amount = number(value).filter(|amount| *amount >= 0.0)?;
    match unit {
        Money::Euros => cents(amount),
        Money::Cents if amount.fract() == 0.0 => cents(amount / 100.0),
        Money::Cents => None,
    }
}

impl Form {
    /// The form that `text` names. `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "unix" => Some(Self::Unix),
            "unix_ms" => Some(Self::UnixMs),
            text => {
                let mut items = chrono::format::StrftimeItems::new(text);
                let known = items.all(|item| !matches!(item, chrono::format::Item::Error));
                (known && text.contains('%')).then(|| Self::Pattern(text.to_owned()))
            }
        }
    }

    fn date(&self, value: &Value) -> Option<NaiveDate> {
        match self {
            Self::Pattern(pattern) => {
                let text = word(value)?;
                NaiveDate::parse_from_str(&text, pattern)
                    .or_else(|_| NaiveDateTime::parse_from_str(&text, pattern).map(|instant| instant.date()))
                    .ok()
            }
            _ => self.instant(value).map(|instant| instant.date_naive()),
        }
    }

    fn instant(&self, value: &Value) -> Option<DateTime<Utc>> {
        let whole = || word(value)?.parse::<i64>().ok();
        match self {
            Self::Unix => DateTime::from_timestamp(whole()?, 0),
            Self::UnixMs => DateTime::from_timestamp_millis(whole()?),
            Self::Pattern(pattern) => {
                let text = word(value)?;
                DateTime::parse_from_str(&text, pattern)
                    .map(|instant| instant.to_utc())
                    .or_else(|_| NaiveDateTime::parse_from_str(&text, pattern).map(|instant| instant.and_utc()))
                    .or_else(|_| {
                        NaiveDate::parse_from_str(&text, pattern)
                            .map(|date| date.and_time(chrono::NaiveTime::MIN).and_utc())
                    })
                    .ok()
            }
        }
    }

    /// An instant in this form.
    pub(super) fn write(&self, instant: DateTime<Utc>) -> String {
        match self {
            Self::Unix => instant.timestamp().to_string(),
            Self::UnixMs => instant.timestamp_millis().to_string(),
            Self::Pattern(pattern) => instant.format(pattern).to_string(),
        }
    }
}

/// Whether a value that a description holds is one that the field takes.
pub(super) fn fits(value: &Value, takes: Takes) -> bool {
    match takes {
        Takes::Text | Takes::Texts => word(value).is_some(),
        Takes::Number | Takes::Money => number(value).is_some_and(|number| number.is_finite()),
        Takes::Boolean => {
            value.is_boolean() || word(value).is_some_and(|word| matches!(folded(&word).as_str(), "true" | "false"))
        }
        Takes::Date => word(value).is_some_and(|word| word.parse::<NaiveDate>().is_ok()),
        Takes::Instant => word(value).is_some_and(|word| crate::systems::fields::parse_instant(&word).is_some()),
        Takes::Code(vocabulary) | Takes::Codes(vocabulary) => {
            word(value).is_some_and(|word| vocabulary.codes().contains(&word.trim().to_ascii_uppercase().as_str()))
        }
    }
}
