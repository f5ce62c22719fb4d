//! The hub in a federated graph: as a subgraph of others', and as the gateway to partners'.

mod faults;
mod generated;
mod guarded;
mod joined;
mod kept;
mod operators;
mod partner;
mod schemas;
mod subgraph;
mod subscribed;
mod suites;
mod world;
