//! What is wrong with a description, each with the key that it stands under.

use serde_json_path::JsonPath;

use crate::settings::Source;

/// One thing that is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The keys that lead to it, below the source's.
    pub path: Vec<String>,
    /// What is wrong, and what to do.
    pub what: String,
}

/// Collects what is wrong below a key.
pub(super) struct Mistakes<'a> {
    path: Vec<String>,
    found: &'a mut Vec<Mistake>,
}

impl<'a> Mistakes<'a> {
    /// Collects into `found` what is wrong with the source's key.
    pub(super) fn of(key: &str, found: &'a mut Vec<Mistake>) -> Self {
        Self { path: vec![key.to_owned()], found }
    }

    /// The same, below a key in it.
    pub(super) fn below(&mut self, key: impl Into<String>) -> Mistakes<'_> {
        let mut path = self.path.clone();
        path.push(key.into());
        Mistakes { path, found: self.found }
    }

    /// Notes what is wrong.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.found.push(Mistake { path: self.path.clone(), what: what.into() });
    }

    /// The keys that lead here, with dots.
    pub(super) fn key(&self) -> String {
        self.path.join(".")
    }

    /// The JSONPath of this text. What is wrong with it is told with its place in the text.
    pub(super) fn json_path(&mut self, text: &str) -> Option<JsonPath> {
        match JsonPath::parse(text) {
            Ok(path) => Some(path),
            Err(error) => {
                let at = text.get(..error.position()).map_or(error.position(), |before| before.chars().count()) + 1;
                self.note(format!(
                    "is no JSONPath (RFC 9535), at character {at}: {}; expected something as $.name",
                    error.message()
                ));
                None
            }
        }
    }

    /// A place in an answer, checked.
    pub(super) fn source(&mut self, source: &Source) -> Option<super::reach::Reach> {
        match source {
            Source::Body(text) => self.json_path(text).map(super::reach::Reach::Body),
            Source::Header(name) => Some(super::reach::Reach::Header(name.clone())),
        }
    }
}
