//! The schema's types, each built from a row of the store: the database and the public contract change for different
//! reasons.

pub(crate) mod change;
pub(crate) mod commitment;
mod committed_partner;
mod contact;
mod coverage;
pub(crate) mod housing_option;
pub(crate) mod housing_scheme;
pub(crate) mod initiative;
pub(crate) mod municipality;
pub(crate) mod need;
pub(crate) mod node;
pub(crate) mod offer;
mod order;
pub(crate) mod partner;
mod provenance;
pub(crate) mod reference;
mod region;
pub(crate) mod school;
pub(crate) mod school_board;
pub(crate) mod school_housing;
mod school_summary;
pub(crate) mod search;
pub(crate) mod source;
pub(crate) mod subgraph;
mod suggestion;
mod values;
pub(crate) mod webhook;
pub(crate) mod who;
