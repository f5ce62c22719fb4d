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
        self.replaced.sort_by_key(|(span, _)| span.start);
        let (mut edited, mut end) = (String::with_capacity(text.len()), 0);
        for (span, by) in &self.replaced {
            edited.push_str(&text[end..span.start]);
            edited.push_str(by);
            end = span.end;
        }
        edited.push_str(&text[end..]);
        edited + &self.added
    }
}
