//! Small parts that keep records small: texts made when they are served, and sets of codes in one number.
//!
//! The national sample holds some ninety thousand records. Nearly all of their text follows from a seed, so that
//! is what is kept; only what somebody set by hand is kept as text.

use serde_json::{Map, Value};

/// A text: made from a seed when it is served, or said by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Made from this seed, in the way of the field.
    Made(u32),
    /// Exactly this.
    Said(Box<str>),
}

impl Text {
    /// The text itself; `make` says it for a seed.
    pub(crate) fn or_else(&self, make: impl FnOnce(u32) -> String) -> String {
        match self {
            Self::Made(seed) => make(*seed),
            Self::Said(text) => text.to_string(),
        }
    }

    /// The seed it is made from; `None` where it was said by hand.
    pub(crate) const fn seed(&self) -> Option<u32> {
        match self {
            Self::Made(seed) => Some(*seed),
            Self::Said(_) => None,
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Said(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Said(text.into_boxed_str())
    }
}

/// A set of codes out of one of the vocabularies in this module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codes(u16);

impl Codes {
    /// The codes of `vocabulary` that `chosen` names; what the vocabulary does not have is left out (to serve such a
    /// code, use the record's [`Overlay`]).
    #[must_use]
    pub fn of(vocabulary: &[&str], chosen: &[&str]) -> Self {
        let mut bits = 0;
        for (place, code) in vocabulary.iter().enumerate() {
            if chosen.contains(code) {
                bits |= 1 << place;
            }
        }
        Self(bits)
    }

    /// The set with the code at this place of its vocabulary added.
    pub(crate) const fn with(self, place: usize) -> Self {
        Self(self.0 | 1 << place)
    }

    /// Whether two sets of one vocabulary share a code.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The places of its codes in their vocabulary, in order.
    pub(crate) fn places(self) -> impl Iterator<Item = usize> {
        (0..16).filter(move |place| self.0 & (1 << place) != 0)
    }

    /// The codes, in the vocabulary's order.
    pub(crate) fn list(self, vocabulary: &'static [&'static str]) -> Vec<&'static str> {
        self.places().filter_map(|place| vocabulary.get(place).copied()).collect()
    }
}

/// Keys that a record serves instead of its own: how a test sends what no honest partner would.
///
/// A key set here replaces the key of that name at the top of the record's JSON object (of its row, in a CSV file);
/// a JSON null is served as null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay(Option<Box<Map<String, Value>>>);

impl Overlay {
    /// Serves `value` under `key`, whatever the record says.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.get_or_insert_default().insert(key.to_owned(), value.into());
    }

    /// Serves the record as it is again.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// The value set for a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.get(key)
    }

    /// The record's object as it is served: without keys that have no value, then with what was set here.
    pub(crate) fn apply(&self, record: Value) -> Value {
        let mut record = without_nulls(record);
        if let (Some(set), Value::Object(object)) = (&self.0, &mut record) {
            object.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        record
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// A small deterministic source of chance (SplitMix64): the same seed gives the same sample on every machine and with
/// every version of every crate, which the generators of `rand` do not promise.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice of their own for one part of the sample, so that a change in one part leaves the others as they were.
    pub(crate) fn new(seed: u64, part: u64) -> Self {
        Self(seed ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 where the limit is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let high = (u128::from(self.next()) * limit as u128) >> 64;
        usize::try_from(high).unwrap_or(0)
    }

    /// A number from `low` up to and including `high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = usize::try_from(high.saturating_sub(low)).unwrap_or(0);
        low.saturating_add(i64::try_from(self.below(width.saturating_add(1))).unwrap_or(0))
    }

    /// True in so many cases of a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A number from 0 up to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.below(1 << 24) as f64 / f64::from(1 << 24)
    }

    /// A seed for a text.
    pub(crate) fn text(&mut self) -> Text {
        Text::Made(u32::try_from(self.below(1 << 31)).unwrap_or(0))
    }

    /// One of several, by their weights.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(usize, T)], otherwise: T) -> T {
        let total: usize = choices.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.below(total);
        for (weight, choice) in choices {
            if drawn < *weight {
                return *choice;
            }
            drawn -= weight;
        }
        otherwise
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_keep_the_order_of_their_vocabulary() {
        const VOCABULARY: [&str; 3] = ["A", "B", "C"];
        let codes = Codes::of(&VOCABULARY, &["C", "A", "unknown"]);
        assert_eq!(codes.list(&VOCABULARY), ["A", "C"]);
    }

    #[test]
    fn an_overlay_replaces_keys_and_keeps_its_nulls() {
        let mut overlay = Overlay::default();
        overlay.set("title", Value::Null);
        let served = overlay.apply(json!({"id": 1, "gone": null, "title": "a"}));
        assert_eq!(served, json!({"id": 1, "title": null}));
    }

    #[test]
    fn dice_repeat_themselves() {
        let draw = |seed| {
            let mut dice = Dice::new(seed, 3);
            (0..20).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
