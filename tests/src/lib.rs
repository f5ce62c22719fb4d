//! The testkit: stores on both databases, and whatever else a test needs to have a whole hub on loopback. Nothing here
//! is a stand-in for a part that can run for real.

pub mod gateway;
pub mod hub;
pub mod invented;
pub mod issuer;
pub mod partner;
pub mod records;
pub mod socket;
pub mod store;
