//! Everything that faces consumers.
pub mod config;
