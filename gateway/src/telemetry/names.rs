//! Names that clients give, as labels. A label's every value costs memory for as long as the process lives, here and with
//! whoever collects them, and a client may make up as many names as it likes.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::measure::Value;

/// Longer names are not told apart.
const LONGEST: usize = 64;
const OTHER: &str = "other";
const ANONYMOUS: &str = "anonymous";

/// The names that are told apart: those that are expected, and the first others.
pub(super) struct Names {
    most: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    names: HashSet<String>,
    /// How many of them nobody expected.
    unexpected: usize,
}

impl Names {
    /// Tells at most so many unexpected ones apart.
    pub(super) fn new(most: usize) -> Self {
        Self { most, known: Mutex::default() }
    }

    /// Tells these apart, however many others there are.
    pub(super) fn expect(&self, names: impl IntoIterator<Item = String>) {
        let names = names.into_iter().filter(|name| name.len() <= LONGEST);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).names.extend(names);
    }

    /// The label of a name. One that is new is told apart from now on only where it `may_stay`: what was refused has not
    /// shown that it is more than a word.
    pub(super) fn label(&self, name: Option<&str>, may_stay: bool) -> Value {
        let Some(name) = name else { return ANONYMOUS.into() };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.names.contains(name) {
            if !may_stay || name.len() > LONGEST || known.unexpected >= self.most {
                return OTHER.into();
            }
            known.unexpected += 1;
            known.names.insert(name.to_owned());
        }
        name.to_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_names_are_told_apart_as_may_be_and_no_more() {
        let names = Names::new(2);
        names.expect(["Expected".to_owned()]);
        assert_eq!(names.label(Some("Refused"), false), OTHER);
        for _ in 0..2 {
            assert_eq!(names.label(Some("First"), true), "First");
            assert_eq!(names.label(Some("Second"), true), "Second");
            assert_eq!(names.label(Some("Third"), true), OTHER);
        }
        assert_eq!(names.label(Some("Expected"), true), "Expected");
        assert_eq!(names.label(Some("First"), false), "First");
        assert_eq!(names.label(None, true), ANONYMOUS);
        assert_eq!(names.known.lock().unwrap().names.len(), 3);
    }

    #[test]
    fn a_name_without_end_is_not_kept() {
        let names = Names::new(2);
        assert_eq!(names.label(Some(&"a".repeat(LONGEST + 1)), true), OTHER);
        names.expect(["a".repeat(1_000_000)]);
        assert!(names.known.lock().unwrap().names.is_empty());
    }
}
