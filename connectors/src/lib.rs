//! Everything that faces partner systems: what a connector is, the systems themselves, the one outgoing HTTP client
//! with its OAuth tokens, the sync engine, and simulated partner systems. Does not know that a cache or a gateway
//! exists.
//!
//! What is asynchronous and awaited by other crates is boxed at its door: an `async fn` is compiled again in every crate
//! that awaits it, with all that it awaits.
//!
//! # To add a system
//! 1. `connectors/src/systems/<system>.rs`: its manifest, `read`, `map`, private `Wire…` structs, unit tests.
//! 2. `connectors/src/systems.rs`: its `mod` line and its entry in the registry.
//! 3. `tests/fixtures/<system>/<stream>/`: pages in the shape that its standard gives. The conformance suite in
//!    `tests/it/conformance.rs` picks them up.

pub mod api;
pub mod connector;
pub mod error;
pub mod oauth;
pub mod observer;
pub mod pace;
pub mod record;
pub mod sandbox;
pub mod settings;
pub mod sync;
pub mod systems;
pub mod vault;

pub use connector::{Connector, Manifest, Mapped, Page, ReadRequest, Refused, Replication, StreamSpec};
pub use error::{Error, ErrorKind};
pub use observer::{Observer, Observers, Progress};
pub use record::Record;
pub use settings::SourceSettings;
