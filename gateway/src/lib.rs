//! Everything that faces consumers.
pub mod config;
pub mod database;
pub mod http;
pub mod telemetry;
