//! Everything that faces consumers.
pub mod audit;
pub mod auth;
pub mod cache;
pub mod commands;
pub mod config;
pub mod console;
pub mod database;
pub mod error;
pub mod federation;
pub mod feed;
pub mod graphql;
pub mod http;
mod matching;
pub mod shared;
pub mod telemetry;
pub mod webhooks;
