//! Changes of a text.

use cynic_parser::Span;

/// What becomes of a subgraph's schema.
#[derive(Default)]
pub(super) struct Edits {
    /// What stands where, instead of what stood there. No two of them overlap.
    replaced: Vec<(Span, String)>,
    added: String,
}

impl Edits {
    pub(super) fn replace(&mut self, span: Span, by: impl Into<String>) {
        self.replaced.push((span, by.into()));
    }

    /// Puts something behind what ends at a place.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(Span::new(at, at), text);
    }

    /// Adds a definition.
    pub(super) fn add(&mut self, definition: &str) {
        self.added.push('\n');
        self.added.push_str(definition);
    }

    pub(super) fn applied(mut self, text: &str) -> String {
        let mut text = text.to_owned();
        self.replaced.sort_by_key(|(span, _)| span.start);
        for (span, by) in self.replaced.iter().rev() {
            text.replace_range(span.start..span.end, by);
        }
        text + &self.added
    }
}
