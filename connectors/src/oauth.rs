//! Tokens for partner systems.
