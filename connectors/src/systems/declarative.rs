//! Any system that speaks JSON over HTTP, described in configuration: requests, paging, where the records are and what
//! their fields are made of. The description is checked as a whole at start, and everything that is wrong with it is
//! told with its place.
//!
//! JSONPath: <https://www.rfc-editor.org/rfc/rfc9535>. HAL: <https://stateless.group/hal_specification.html>.

mod assemble;
mod compile;
mod interface;
mod mistakes;
mod reach;
mod rule;
mod rules;
mod streams;
mod target;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::vocabulary::SourceKind;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use self::interface::{Interface, Stream};
pub use self::mistakes::Mistake;
use super::Entry;
use super::fields::Fields;
use crate::api::{Api, is_loopback};
use crate::connector::{Connector, Manifest, Mapped, Page, ReadRequest, Refused, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{HeaderText, InterfaceSettings, SourceSettings};

/// All that can be described. What a source itself has is for its description to say.
static MANIFEST: Manifest = Manifest {
    id: super::DECLARATIVE,
    standard: "any JSON over HTTP, described in the configuration",
    kind: SourceKind::Partner,
    mapping_version: 1,
    streams: Cow::Borrowed(&[
        // What others refer to comes first.
        streams::SCHOOL_BOARDS,
        streams::SCHOOLS,
        streams::PARTNERS,
        streams::NEEDS,
        streams::OFFERS,
        streams::COMMITMENTS,
        streams::HOUSING_SCHEMES,
        streams::HOUSING_OPTIONS,
    ]),
};

/// The registry's entry.
pub(super) const ENTRY: Entry = Entry { manifest: &MANIFEST, build };

/// Everything that is wrong with how a source is described; nothing where it is not.
#[must_use]
pub fn mistakes(settings: &SourceSettings) -> Vec<Mistake> {
    let mut found = Vec::new();
    if let Some(interface) = &settings.interface {
        compile::compile(interface, &mut found);
    }
    found
}

fn build(settings: &SourceSettings) -> Result<Arc<dyn Connector>> {
    let wrong = |what: String| Error::new(ErrorKind::Configuration, format!("source `{}`: {what}", settings.id));
    let base_url = settings.base_url.as_ref().ok_or_else(|| wrong("base_url is missing".to_owned()))?;
    let Some(described) = settings.interface.as_deref() else {
        return Err(wrong("[source.interface] is missing, which describes it".to_owned()));
    };
    let mut found = Vec::new();
    let interface = compile::compile(described, &mut found);
    if let Some(mistake) = found.first() {
        return Err(wrong(format!("{}: {}", mistake.path.join("."), mistake.what)));
    }
    if has_secrets(described) && base_url.scheme() != "https" && !is_loopback(base_url) {
        return Err(wrong("base_url must be https: the secrets of its headers would travel in the clear".to_owned()));
    }
    let streams: Vec<StreamSpec> = interface.streams.iter().map(|stream| stream.spec).collect();
    let manifest = Manifest {
        kind: described.kind,
        mapping_version: version(described),
        streams: Cow::Owned(streams),
        ..MANIFEST.clone()
    };
    Ok(Arc::new(Declarative { manifest, interface }))
}

fn has_secrets(described: &InterfaceSettings) -> bool {
    let own = described.streams().flat_map(|(_, stream)| stream.headers.values());
    described.headers.values().chain(own).any(|text| matches!(text, HeaderText::Secret(_)))
}

/// Another number for another description: all records are then taken in anew.
fn version(described: &InterfaceSettings) -> u32 {
    let digest = Sha256::digest(format!("{:?}", described.streams().collect::<Vec<_>>()));
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// Speaks to what is described.
struct Declarative {
    manifest: Manifest,
    interface: Interface,
}

#[async_trait]
impl Connector for Declarative {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn read(&self, api: &Api, request: ReadRequest<'_>) -> Result<Page> {
        let Some(stream) = self.interface.stream(request.stream) else {
            let message = format!("interface.{} is not described", request.stream);
            return Err(Error::new(ErrorKind::Configuration, message));
        };
        self.interface.read(api, stream, request).await
    }

    fn map(&self, stream: &str, raw: &Value) -> std::result::Result<Mapped, Refused> {
        match self.interface.stream(stream) {
            Some(stream) => stream.map(raw),
            None => Ok(Mapped::Ignored("a stream that is not described")),
        }
    }
}

impl Stream {
    fn map(&self, raw: &Value) -> std::result::Result<Mapped, Refused> {
        let mut made = Map::new();
        let mut faults = Vec::new();
        for (name, takes, rule) in [("id", target::Takes::Text, &self.id)]
            .into_iter()
            .chain(self.modified_at.iter().map(|rule| ("modified_at", target::Takes::Instant, rule)))
        {
            take(&mut made, &mut faults, (name, takes, rule), raw);
        }
        if self.only.as_ref().is_some_and(|only| !only.holds(raw)) {
            return Ok(Mapped::Ignored("not among those that the description means"));
        }
        let about = Value::Object(std::mem::take(&mut made));
        let mut fields = Fields::new(&about);
        let external_id = fields.id("id");
        let modified_at: Option<DateTime<Utc>> = fields.instant(&["modified_at"]);
        if self.deleted.as_ref().is_some_and(|deleted| deleted.holds(raw))
            && let (Some(external_id), Some(record_type)) = (external_id.clone(), self.spec.records.first().copied())
        {
            return Ok(Mapped::Deleted { external_id, record_type, modified_at });
        }
        for (name, takes, rule) in &self.fields {
            take(&mut made, &mut faults, (name, *takes, rule), raw);
        }
        let content = Value::Object(made);
        let record = fields.same_record(&content, |fields| assemble::record(self.target, fields));
        faults.into_iter().for_each(|fault| fields.fault(fault));
        let mapped = external_id.clone().zip(record).map(|(external_id, record)| Mapped::Record {
            external_id,
            modified_at,
            record: Box::new(record),
        });
        fields.finish(external_id, mapped)
    }
}

/// Makes the values of a field.
fn take(
    made: &mut Map<String, Value>,
    faults: &mut Vec<String>,
    (name, takes, rule): (&str, target::Takes, &rule::Rule),
    raw: &Value,
) {
    match rule.apply(raw) {
        Ok(values) if values.is_empty() => {
            if rule.required {
                faults.push(format!("`{name}` is missing"));
            }
        }
        Ok(values) if takes.is_list() => {
            made.insert(name.to_owned(), Value::Array(values));
        }
        Ok(values) => made.extend(values.into_iter().next().map(|value| (name.to_owned(), value))),
        Err(what) => faults.push(format!("`{name}`: {what}")),
    }
}
