//! Documents that the operator trusts, from a file or a folder of files, as the tools of clients write them: Relay's
//! persisted queries (`{"id": "text"}`), Apollo's manifest (`{"format": "apollo-persisted-query-manifest",
//! "operations": [{"id": …, "body": …}]}`), and single `.graphql` files, whose name is their id.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Hash, hash, parse};
use crate::config::LimitSettings;
use crate::graphql::limits::{structure, tokens};

/// Documents by their ids.
#[derive(Debug, Default)]
pub struct TrustedDocuments {
    texts: HashMap<String, String>,
    hashes: HashSet<Hash>,
    operations: HashSet<String>,
}

/// Why trusted documents cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTrusted {
    /// A file or folder cannot be read.
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// A file is neither Relay's nor Apollo's.
    #[error("{0} is neither Relay's persisted queries nor Apollo's manifest")]
    Unknown(PathBuf, #[source] serde_json::Error),
    /// A document is not GraphQL, or exceeds the limits.
    #[error("{file}: the document `{id}` is no GraphQL, or exceeds the limits: {reason}")]
    Refused {
        /// Where it stands.
        file: PathBuf,
        /// Its id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two documents have the same id.
    #[error("{file}: two documents have the id `{id}`")]
    Twice {
        /// Where the second stands.
        file: PathBuf,
        /// Their id.
        id: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo { format: ApolloFormat, operations: Vec<ApolloOperation> },
    Relay(HashMap<String, String>),
}

#[derive(Deserialize)]
enum ApolloFormat {
    #[serde(rename = "apollo-persisted-query-manifest")]
    Manifest,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

impl TrustedDocuments {
    /// Reads what is at a path. Nothing where there is none.
    ///
    /// # Errors
    /// Where anything there cannot be read, or is nothing that could be executed.
    pub fn read(limits: &LimitSettings) -> Result<Self, NotTrusted> {
        let mut read = Self::default();
        let Some(path) = &limits.trusted_documents else { return Ok(read) };
        let unreadable = |error| NotTrusted::Unreadable(path.clone(), error);
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(unreadable)?.collect();
            let mut files: Vec<_> = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
            files.sort();
            for file in files {
                read.add_file(&file, limits)?;
            }
        } else {
            read.add_file(path, limits)?;
        }
        Ok(read)
    }

    /// Also trusts these texts, which are the hub's own, under no name.
    #[must_use]
    pub fn with(mut self, texts: impl IntoIterator<Item = &'static str>) -> Self {
        for text in texts {
            self.hashes.insert(hash(text));
            if let Ok(parsed) = parse(text) {
                self.operations.extend(parsed.operations.iter().filter_map(|(name, _)| name.map(ToString::to_string)));
            }
        }
        self
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.texts.len()
    }

    /// What their operations are called.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.operations.iter().map(String::as_str)
    }

    pub(super) fn get(&self, id: &str) -> Option<&str> {
        self.texts.get(id).map(String::as_str)
    }

    /// Whether one of them has a text of this hash.
    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.hashes.contains(hash)
    }

    fn add_file(&mut self, file: &Path, limits: &LimitSettings) -> Result<(), NotTrusted> {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(extension, "json" | "graphql" | "gql") {
            return Ok(());
        }
        let text = fs::read_to_string(file).map_err(|error| NotTrusted::Unreadable(file.to_owned(), error))?;
        if extension != "json" {
            let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            return self.add(file, name, text, limits);
        }
        let manifest = serde_json::from_str(&text).map_err(|error| NotTrusted::Unknown(file.to_owned(), error))?;
        let documents: Vec<_> = match manifest {
            Manifest::Apollo { format: ApolloFormat::Manifest, operations } => {
                operations.into_iter().map(|operation| (operation.id, operation.body)).collect()
            }
            Manifest::Relay(documents) => documents.into_iter().collect(),
        };
        documents.into_iter().try_for_each(|(id, text)| self.add(file, id, text, limits))
    }

    fn add(&mut self, file: &Path, id: String, text: String, limits: &LimitSettings) -> Result<(), NotTrusted> {
        let checked = tokens::check(&text, limits).and_then(|_| {
            let parsed = parse(&text)?;
            structure::check(&parsed, limits)?;
            Ok(parsed)
        });
        match checked {
            Ok(parsed) => {
                self.operations.extend(parsed.operations.iter().filter_map(|(name, _)| name.map(ToString::to_string)));
            }
            Err(refused) => {
                return Err(NotTrusted::Refused { file: file.to_owned(), id, reason: refused.message().to_owned() });
            }
        }
        self.hashes.insert(hash(&text));
        if self.texts.insert(id.clone(), text).is_some() {
            return Err(NotTrusted::Twice { file: file.to_owned(), id });
        }
        Ok(())
    }
}
