//! Documents: from what a request says to one that has been parsed. By its text, by the hash of a text that came before
//! (Apollo's automatic persisted queries), or by the name of one that the operator trusts. What has been parsed and
//! found valid is kept, so that the same text is read once.

mod persisted;
mod trusted;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};
use async_graphql::{Name, Positioned, Request};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

pub(crate) use self::persisted::DOCUMENT_ID;
use self::persisted::{Asked, Persisted};
pub use self::trusted::{NotTrusted, TrustedDocuments};
use super::limits::{structure, tokens};
use super::policy;
use crate::config::{self, LimitSettings};
use crate::error::{Code, Refused};
use crate::shared::Shared;

/// Parsed documents are kept up to this many tokens together: some 30 MB.
const KEPT_TOKENS: u64 = 200_000;

/// The SHA-256 of a document's text.
pub(crate) type Hash = [u8; 32];

/// A document that has been parsed and may be followed.
pub(crate) struct Document {
    hash: Hash,
    tokens: u32,
    /// Its text. Empty where the hub itself has made it.
    pub(crate) text: Box<str>,
    pub(crate) parsed: ExecutableDocument,
    /// Whether it may read a field that not everybody may.
    pub(crate) is_guarded: bool,
    is_valid: AtomicBool,
}

impl Document {
    fn new(hash: Hash, tokens: u32, text: &str, parsed: ExecutableDocument) -> Self {
        let is_guarded = policy::is_guarded(&parsed);
        Self { hash, tokens, text: text.into(), parsed, is_guarded, is_valid: AtomicBool::new(false) }
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self::new(hash(text), 0, text, parse_query(text).expect("a document"))
    }

    /// What the hub itself has made of a document. It is never kept.
    pub(crate) fn rewritten(parsed: ExecutableDocument) -> Self {
        Self::new(Hash::default(), 0, "", parsed)
    }

    /// The hash of its text.
    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }

    /// Whether it is known to fit the schema.
    pub(crate) fn is_valid(&self) -> bool {
        self.is_valid.load(Ordering::Relaxed)
    }

    /// Notes that it fits the schema.
    pub(crate) fn is_found_valid(&self) {
        self.is_valid.store(true, Ordering::Relaxed);
    }

    /// The name of the operation that is asked for: the only one has one that need not be said.
    pub(crate) fn operation_name<'a>(&'a self, asked: Option<&'a str>) -> Option<&'a str> {
        let mut names = self.parsed.operations.iter().map(|(name, _)| name);
        asked.or_else(|| names.next().flatten().map(Name::as_str))
    }

    /// The operation of this name, or the only one.
    pub(crate) fn operation(&self, name: Option<&str>) -> Result<&Positioned<OperationDefinition>, Refused> {
        let mut operations = self.parsed.operations.iter();
        match (name, operations.next(), operations.next()) {
            (None, Some((_, only)), None) => Ok(only),
            (None, ..) => {
                let message = "The document has several operations: name one in `operationName`.";
                Err(Refused::new(Code::OperationNotFound, message))
            }
            (Some(name), ..) => {
                let mut operations = self.parsed.operations.iter();
                let found = operations.find(|(known, _)| known.is_some_and(|known| known == name));
                let message = "The document has no operation of the name in `operationName`.";
                found.map(|(_, operation)| operation).ok_or_else(|| Refused::new(Code::OperationNotFound, message))
            }
        }
    }
}

/// Finds documents.
#[derive(Clone)]
pub(crate) struct Documents {
    limits: Arc<LimitSettings>,
    parsed: Cache<Hash, Arc<Document>>,
    persisted: Persisted,
    trusted: Arc<TrustedDocuments>,
}

impl Documents {
    pub(crate) fn new(limits: Arc<LimitSettings>) -> Self {
        let parsed =
            Cache::builder().weigher(|_, document: &Arc<Document>| document.tokens).max_capacity(KEPT_TOKENS).build();
        Self { limits, parsed, persisted: Persisted::new(), trusted: Arc::default() }
    }

    /// The same documents for another schema, which they may not fit.
    pub(crate) fn apart(&self) -> Self {
        let documents = Self::new(Arc::clone(&self.limits));
        Self { persisted: self.persisted.clone(), trusted: Arc::clone(&self.trusted), ..documents }
    }

    /// A document that the hub itself has written: it is bounded by what it was made of.
    pub(crate) fn own(&self, text: &str) -> Result<Arc<Document>, Refused> {
        let hash = hash(text);
        if let Some(document) = self.parsed.get(&hash) {
            return Ok(document);
        }
        let tokens = u32::try_from(text.len() / 4).unwrap_or(u32::MAX);
        Ok(Arc::new(Document::new(hash, tokens, text, parse(text)?)))
    }

    /// Also finds what other replicas have been told.
    pub(crate) fn sharing(self, shared: Option<Shared>) -> Self {
        Self { persisted: self.persisted.sharing(shared), ..self }
    }

    /// Also finds these by their names.
    pub(crate) fn trusting(self, trusted: TrustedDocuments) -> Self {
        Self { trusted: Arc::new(trusted), ..self }
    }

    /// The document that the request asks for.
    pub(crate) async fn find(&self, request: &Request) -> Result<Arc<Document>, Refused> {
        let Some(asked) = Asked::of(request)? else {
            let hash = hash(&request.query);
            if !self.takes_any() && !self.trusted.has(&hash) {
                return Err(not_trusted());
            }
            return self.parsed(hash, &request.query);
        };
        if let Some(text) = self.trusted.get(&asked.id) {
            let hash = hash(text);
            if !request.query.is_empty() && self::hash(&request.query) != hash {
                return Err(mismatch());
            }
            return self.parsed(hash, text);
        }
        if !self.takes_any() {
            return Err(not_trusted());
        }
        let hash = asked.hash()?;
        if !request.query.is_empty() {
            if self::hash(&request.query) != hash {
                return Err(mismatch());
            }
            let document = self.parsed(hash, &request.query)?;
            self.persisted.keep(hash, &request.query).await;
            return Ok(document);
        }
        if let Some(document) = self.parsed.get(&hash) {
            return Ok(document);
        }
        match self.persisted.get(&hash).await {
            Some(text) => self.parsed(hash, &text),
            None => Err(Refused::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound")),
        }
    }

    /// The hash of the document that the request asks for, as [`Documents::find`] would find it. `None` where that has
    /// to be tried: it may be refused, or a text has to be remembered.
    pub(crate) fn known(&self, request: &Request) -> Option<Hash> {
        let Some(asked) = Asked::of(request).ok()? else {
            let hash = hash(&request.query);
            return (self.takes_any() || self.trusted.has(&hash)).then_some(hash);
        };
        let hash = match self.trusted.get(&asked.id) {
            Some(text) => hash(text),
            None if self.takes_any() => asked.hash().ok().filter(|hash| self.persisted.has(hash))?,
            None => return None,
        };
        (request.query.is_empty() || self::hash(&request.query) == hash).then_some(hash)
    }

    /// The document of this hash, where it is kept.
    pub(crate) fn kept(&self, hash: &Hash) -> Option<Arc<Document>> {
        self.parsed.get(hash)
    }

    /// Keeps a document that was found valid.
    pub(crate) fn keep(&self, document: &Arc<Document>) {
        if document.is_valid() && !self.parsed.contains_key(&document.hash) {
            self.parsed.insert(document.hash, Arc::clone(document));
        }
    }

    fn takes_any(&self) -> bool {
        self.limits.documents == config::Documents::Any
    }

    fn parsed(&self, hash: Hash, text: &str) -> Result<Arc<Document>, Refused> {
        if let Some(document) = self.parsed.get(&hash) {
            return Ok(document);
        }
        let tokens = tokens::check(text, &self.limits)?;
        let parsed = parse(text)?;
        structure::check(&parsed, &self.limits)?;
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        Ok(Arc::new(Document::new(hash, tokens, text, parsed)))
    }
}

/// Parses a document that may be parsed.
fn parse(text: &str) -> Result<ExecutableDocument, Refused> {
    parse_query(text).map_err(|error| {
        // The parser's words repeat the whole line, which may be the whole document; its last line says what it expected.
        let told = error.to_string();
        let told = told.lines().last().unwrap_or_default().trim().trim_start_matches("= ");
        let told: String = told.chars().take(200).collect();
        Refused::new(Code::ParseFailed, format!("Syntax error: {told}.")).at(error.positions())
    })
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

fn mismatch() -> Refused {
    Refused::new(Code::PersistedQueryMismatch, "The document is not the one that its hash was made of.")
}

fn not_trusted() -> Refused {
    Refused::new(Code::DocumentNotTrusted, "This hub only executes the documents that its operator has named.")
}

#[cfg(test)]
mod tests;
