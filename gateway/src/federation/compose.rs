//! From subgraphs' schemas to one supergraph. How they are merged is a library's business, behind [`Composing`].

mod grafbase;
mod guarded;
mod lenient;
mod read;
mod sharing;

pub(super) use self::grafbase::Grafbase;

/// One subgraph's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name.
    pub(super) name: String,
    /// Where it is asked. Empty: within the process.
    pub(super) url: String,
    /// Its schema with federation's directives.
    pub(super) sdl: String,
}

/// Composes subgraphs.
pub(super) trait Composing {
    /// The supergraph of these subgraphs.
    ///
    /// # Errors
    /// Why there is none: a sentence each, with the type and the field where there is one.
    fn compose(&self, parts: &[Part]) -> Result<String, Vec<String>>;
}
