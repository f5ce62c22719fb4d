//! `[limits]`: what one request may ask for.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// `[limits]`: what one request may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// How deep fields may be nested.
    pub depth: usize,
    /// What a query may cost: its fields, times the length of the lists above them.
    pub cost: usize,
    /// The longest page of a list.
    pub page_size: usize,
    /// Fields that are given another name, in all.
    pub aliases: usize,
    /// Fields of the query itself.
    pub root_fields: usize,
    /// Directives on one field or fragment.
    pub directives: usize,
    /// Words and signs of a document.
    pub tokens: usize,
    /// The longest body of a request, in bytes.
    pub body_bytes: usize,
    /// The longest variables of a request, in bytes of JSON.
    pub variables_bytes: usize,
    /// Requests in one body, as a list. 1: lists are not taken.
    pub batch_size: usize,
    /// A query may take this long, in milliseconds; then it is ended, in the database too.
    pub execution_ms: u64,
    /// Requests a minute from one client. 0: as many as it likes.
    pub rate_per_minute: u32,
    /// Whether clients may ask for the schema.
    pub introspection: bool,
    /// Whether clients are told what they might have meant.
    pub suggestions: bool,
    /// Which documents are executed.
    pub documents: Documents,
    /// Where the trusted documents are: a file, or a folder of files.
    pub trusted_documents: Option<PathBuf>,
}

impl LimitSettings {
    /// Nothing may be nested deeper, whatever is set: parser, validation and execution go down a thread's stack.
    pub const DEEPEST: usize = 100;

    /// A query may take this long.
    #[must_use]
    pub fn execution(&self) -> Duration {
        Duration::from_millis(self.execution_ms)
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            depth: 16,
            cost: 100_000,
            page_size: 100,
            aliases: 30,
            root_fields: 20,
            directives: 4,
            tokens: 4_000,
            body_bytes: 1024 * 1024,
            variables_bytes: 512 * 1024,
            batch_size: 1,
            execution_ms: 10_000,
            rate_per_minute: 0,
            introspection: true,
            suggestions: true,
            documents: Documents::Any,
            trusted_documents: None,
        }
    }
}

/// Which documents are executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Documents {
    /// Any that keeps to the limits.
    #[default]
    Any,
    /// Those that the operator has named.
    Trusted,
}
