//! The registry of systems. Adding one is its file, its `mod` line and its entry.

use std::sync::Arc;

use entity::vocabulary::SourceKind;

pub mod declarative;
mod fields;
mod municipal;
mod paging;
mod partner;
mod school_board;
mod school_register;
mod single;

use crate::connector::{Connector, Manifest};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::SourceSettings;

/// The name of the connector whose sources are described in configuration.
pub const DECLARATIVE: &str = "declarative";

/// A system that configuration can name.
pub struct Entry {
    /// Who it is.
    pub manifest: &'static Manifest,
    /// Makes a connector of a source's settings.
    pub build: fn(&SourceSettings) -> Result<Arc<dyn Connector>>,
}

/// Every system, in the order of the documentation.
pub const SYSTEMS: &[Entry] =
    &[school_register::ENTRY, school_board::ENTRY, municipal::ENTRY, partner::ENTRY, declarative::ENTRY];

/// The connector that `settings` names.
///
/// # Errors
/// [`ErrorKind::Configuration`] where there is none of that name, or where it misses a setting.
pub fn connector(settings: &SourceSettings) -> Result<Arc<dyn Connector>> {
    (entry(&settings.connector)?.build)(settings)
}

/// What kind of system a source is: as its connector says, or its description.
///
/// # Errors
/// [`ErrorKind::Configuration`] where there is no connector of that name.
pub fn kind(settings: &SourceSettings) -> Result<SourceKind> {
    let manifest = manifest(&settings.connector)?;
    Ok(settings.interface.as_ref().map_or(manifest.kind, |interface| interface.kind))
}

/// Who the connector of this name is.
///
/// # Errors
/// [`ErrorKind::Configuration`] where there is none of that name.
pub fn manifest(name: &str) -> Result<&'static Manifest> {
    Ok(entry(name)?.manifest)
}

impl Entry {
    /// The streams that a source of it has, by name.
    #[must_use]
    pub fn streams(&self, settings: &SourceSettings) -> Vec<&'static str> {
        match &settings.interface {
            Some(interface) => interface.streams().map(|(name, _)| name).collect(),
            None => self.manifest.streams.iter().map(|stream| stream.name).collect(),
        }
    }
}

fn entry(name: &str) -> Result<&'static Entry> {
    SYSTEMS.iter().find(|entry| entry.manifest.id == name).ok_or_else(|| {
        let known: Vec<_> = SYSTEMS.iter().map(|entry| entry.manifest.id).collect();
        let message = format!("there is no connector `{name}`; known are {}", known.join(", "));
        Error::new(ErrorKind::Configuration, message)
    })
}
