//! Whether a source could be read: the same calls as reading makes, and nothing is written.

use std::sync::Arc;

use entity::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::engine::streams;
use super::personal;
use crate::api::{self, Api};
use crate::connector::{Connector, Mapped, ReadRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::oauth::{Grants, Tokens};
use crate::record::Record;
use crate::settings::SourceSettings;
use crate::systems;

/// So many mapped records of each stream are shown.
const SHOWN: usize = 5;
/// So many refused ones.
const REFUSED_SHOWN: usize = 20;

/// What was found at a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What it has, in a sentence.
    pub found: String,
    /// What its records become, and what would be refused: a line each, without contact details.
    pub sample: Vec<String>,
}

/// Asks a source for a token and for the first page of every stream. Says what it found. `grants` is where tokens in
/// somebody's name are kept.
///
/// # Errors
/// What a run would fail with.
pub fn check<'a>(
    source: &'a SourceSettings,
    grants: Option<&'a Grants>,
    clock: &'a Clock,
) -> BoxFuture<'a, Result<Checked>> {
    first_pages(source, grants, clock).boxed()
}

async fn first_pages(source: &SourceSettings, grants: Option<&Grants>, clock: &Clock) -> Result<Checked> {
    let connector = systems::connector(source)?;
    let client = api::client()?;
    let tokens = match &source.oauth {
        Some(oauth) => Some(Arc::new(Tokens::new(&client, &source.id, oauth, grants, clock.clone())?)),
        None => None,
    };
    let api = Api::new(&client, source, tokens)?;
    let mut found = Vec::new();
    let mut sample = Vec::new();
    for spec in streams(source, connector.as_ref()) {
        let request = ReadRequest { stream: spec.name, since: None, token: None };
        match connector.read(&api, request).await {
            Ok(page) => {
                let (lines, refused) = sample_of(connector.as_ref(), spec.name, &page.records)?;
                sample.extend(lines);
                let read = format!("{}: {} on the first page", spec.name, page.records.len());
                found.push(if refused == 0 { read } else { format!("{read}, {refused} refused") });
            }
            Err(error) if spec.optional && error.kind() == ErrorKind::NotFound => {
                found.push(format!("{}: not offered", spec.name));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Checked { found: found.join("; "), sample })
}

/// What the first records of a page become and why others would be refused; and how many would be.
fn sample_of(connector: &dyn Connector, stream: &str, page: &[Value]) -> Result<(Vec<String>, usize)> {
    let (mut lines, mut refusals) = (Vec::new(), Vec::new());
    for raw in page {
        let (line, taken) = match connector.map(stream, raw) {
            Ok(Mapped::Ignored(_)) => continue,
            Ok(Mapped::Deleted { external_id, .. }) => (format!("{stream} {external_id}: deleted"), true),
            Ok(Mapped::Record { external_id, record, .. }) => {
                let content = without_contact(&record)?;
                match personal::reason(&content, raw) {
                    None => (format!("{stream} {external_id}: {content}"), true),
                    Some(reason) => (format!("{stream} {external_id}: refused: {reason}"), false),
                }
            }
            Err(refused) => {
                let id = refused.external_id.as_deref().unwrap_or("without an identifier");
                (format!("{stream} {id}: refused: {}", refused.reasons.join("; ")), false)
            }
        };
        if taken { &mut lines } else { &mut refusals }.push(line);
    }
    let refused = refusals.len();
    lines.truncate(SHOWN);
    lines.extend(refusals.into_iter().take(REFUSED_SHOWN));
    Ok((lines, refused))
}

/// The record's content. That it has a contact is told, and not who.
fn without_contact(record: &Record) -> Result<Value> {
    let content = serde_json::to_value(record)
        .map_err(|error| Error::new(ErrorKind::Malformed, "a record cannot be written as JSON").because(error))?;
    let mut content = match content {
        Value::Object(mut kinds) if kinds.len() == 1 => {
            let only = kinds.keys().next().cloned().unwrap_or_default();
            kinds.remove(&only).unwrap_or_default()
        }
        content => content,
    };
    if let Some(contact) = content.get_mut("contact") {
        *contact = json!("(not shown)");
    }
    Ok(content)
}
