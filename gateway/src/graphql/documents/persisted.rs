//! Documents that are asked for by their hash, after their text has come once: Apollo's automatic persisted queries, and
//! the `documentId` of GraphQL over HTTP. The texts stand in the process and, where there is one, in Redis, whose word
//! is taken only for a text that has the hash.

use std::sync::Arc;

use async_graphql::{Request, Value};
use moka::sync::Cache;
use redis::AsyncCommands;

use super::{Hash, hash};
use crate::error::{Code, Refused};
use crate::shared::{PREFIX, Shared};

/// Under which name among a request's extensions `documentId` goes, which stands beside them in GraphQL over HTTP.
pub(crate) const DOCUMENT_ID: &str = "documentId";
/// Texts are kept in the process up to this many bytes together.
const KEPT_BYTES: u64 = 8 * 1024 * 1024;
/// How long Redis keeps a text that nobody asks for, in seconds.
const KEPT_SECS: i64 = 24 * 60 * 60;

/// A document that is asked for by its name.
pub(super) struct Asked {
    pub(super) id: String,
}

impl Asked {
    /// What the request asks for by its name. `None`: it only brings a text.
    pub(super) fn of(request: &Request) -> Result<Option<Self>, Refused> {
        if let Some(Value::String(id)) = request.extensions.get(DOCUMENT_ID) {
            return Ok(Some(Self { id: id.strip_prefix("sha256:").unwrap_or(id).to_owned() }));
        }
        let Some(Value::Object(persisted)) = request.extensions.get("persistedQuery") else { return Ok(None) };
        let version = persisted.get("version");
        match (version, persisted.get("sha256Hash")) {
            (Some(Value::Number(version)), Some(Value::String(id))) if version.as_i64() == Some(1) => {
                Ok(Some(Self { id: id.clone() }))
            }
            _ => {
                let message = "`extensions.persistedQuery` must have `version` 1 and `sha256Hash`.";
                Err(Refused::new(Code::BadRequest, message))
            }
        }
    }

    /// The hash that the name is. A name that is none can only be a trusted document's.
    pub(super) fn hash(&self) -> Result<Hash, Refused> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let bytes = self.id.as_bytes().chunks(2).map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        });
        let bytes: Option<Vec<u8>> = bytes.collect();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| Refused::new(Code::PersistedQueryNotFound, "There is no document of this name."))
    }
}

/// The texts that have come.
#[derive(Clone)]
pub(super) struct Persisted {
    own: Cache<Hash, Arc<str>>,
    shared: Option<Shared>,
}

impl Persisted {
    pub(super) fn new() -> Self {
        let weight = |_: &Hash, text: &Arc<str>| u32::try_from(text.len()).unwrap_or(u32::MAX);
        Self { own: Cache::builder().weigher(weight).max_capacity(KEPT_BYTES).build(), shared: None }
    }

    pub(super) fn sharing(self, shared: Option<Shared>) -> Self {
        Self { shared, ..self }
    }

    /// Whether the text of this hash has come to this process.
    pub(super) fn has(&self, wanted: &Hash) -> bool {
        self.own.contains_key(wanted)
    }

    /// The text of this hash.
    pub(super) async fn get(&self, wanted: &Hash) -> Option<Arc<str>> {
        if let Some(text) = self.own.get(wanted) {
            return Some(text);
        }
        let shared = self.shared.as_ref()?;
        let text: Option<String> = shared
            .ask(async |mut connection| {
                connection.get_ex(key(wanted), redis::Expiry::EX(KEPT_SECS.unsigned_abs())).await
            })
            .await?;
        let text: Arc<str> = text.filter(|text| hash(text) == *wanted)?.into();
        self.own.insert(*wanted, Arc::clone(&text));
        Some(text)
    }

    /// Keeps a text of this hash.
    pub(super) async fn keep(&self, of: Hash, text: &str) {
        if self.own.contains_key(&of) {
            return;
        }
        self.own.insert(of, text.into());
        if let Some(shared) = &self.shared {
            let seconds = KEPT_SECS.unsigned_abs();
            shared.ask(async |mut connection| connection.set_ex::<_, _, ()>(key(&of), text, seconds).await).await;
        }
    }
}

fn key(hash: &Hash) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}document:{hex}")
}
