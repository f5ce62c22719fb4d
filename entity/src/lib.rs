//! The store's tables as types, the domain's values and life cycles, and the journal through which every write of a
//! record also writes its change. Knows nothing of GraphQL, HTTP or partner systems.
//!
//! # To add a field to a record
//! 1. A new migration adds the column on both databases.
//! 2. The record's file here gets the field.
//! 3. `connectors::record` gets it (what a source may say), and `connectors::sync::merge` carries it over.
//! 4. `gateway::graphql::types` shows it; `hub schema > gateway/schema.graphql`.

pub mod audit_entry;
pub mod audit_retention;
pub mod change;
pub mod checkpoint;
pub mod citizen_number;
pub mod claim;
pub mod clock;
pub mod code;
pub mod commitment;
pub mod commitment_step;
pub mod education_element;
pub mod education_system;
pub mod geo;
pub mod global_id;
pub mod housing_option;
pub mod housing_scheme;
pub mod idempotency_key;
pub mod identifier;
pub mod initiative;
pub mod initiative_partner;
pub mod initiative_school;
pub mod journal;
pub mod journal_head;
pub mod life_cycle;
pub mod municipality;
pub mod need;
pub mod offer;
pub mod offer_municipality;
pub mod offer_region;
pub mod partner;
pub mod refusal;
pub mod region;
pub mod region_shortage;
pub mod school;
pub mod school_board;
pub mod search_document;
pub mod source;
pub mod source_grant;
pub mod store_state;
pub mod stream_shape;
pub mod subgraph;
pub mod support_kind;
pub mod sync_run;
pub mod theme;
pub mod vocabulary;
pub mod webhook_attempt;
pub mod webhook_delivery;
pub mod webhook_endpoint;
pub mod webhook_secret;

pub use clock::Clock;
pub use code::{Code, CodeSet, Language};
pub use geo::GeoPoint;
pub use identifier::{Brin, InvalidIdentifier, Kvk, MunicipalityCode, SchoolBoardNumber};
