//! Everything that faces partner systems: what a connector is, the systems themselves, the one outgoing HTTP client
//! with its OAuth tokens, the sync engine, and simulated partner systems. Does not know that a cache or a gateway
//! exists.
//!
//! # To add a system
//! 1. `connectors/src/systems/<system>.rs`: its manifest, `read`, `map`, private `Wire…` structs, unit tests.
//! 2. `connectors/src/systems.rs`: its `mod` line and its entry in the registry.
//! 3. Pages in the shape that its standard gives, in its tests.

pub mod api;
pub mod connector;
pub mod error;
pub mod oauth;
pub mod record;
pub mod sandbox;
pub mod settings;
pub mod sync;
pub mod systems;

pub use connector::{Connector, Manifest, Mapped, Page, ReadRequest, Refused, Replication, StreamSpec};
pub use error::{Error, ErrorKind};
pub use record::Record;
pub use settings::SourceSettings;
