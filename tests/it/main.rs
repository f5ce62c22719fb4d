//! Everything that is tested from outside a file: on SQLite and on PostgreSQL, over real HTTP, against the simulated
//! partner systems.

mod audits;
mod bounds;
mod conformance;
mod console;
mod declarative;
mod documents;
mod failure;
mod faults;
mod federation;
mod freshness;
mod grants;
mod graph;
mod hostile;
mod http;
mod k8s;
mod kill;
mod matching;
mod owasp;
mod policy;
mod register;
mod replicas;
mod restore;
mod search;
mod simulation;
mod store;
mod subscriptions;
mod sync;
mod telemetry;
mod token;
mod transport;
mod volatile;
mod webhooks;
mod write;
