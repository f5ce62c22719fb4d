//! The pages. Each file has the shape of the answer that feeds its page, and what is made of it.

pub(super) mod answer;
pub(super) mod area;
pub(super) mod board;
pub(super) mod country;
pub(super) mod front;
pub(super) mod knowledge;
pub(super) mod municipality;
pub(super) mod origin;
mod runs;
pub(super) mod scheme;
pub(super) mod school;
pub(super) mod schools;
pub(super) mod source;
pub(super) mod sources;
pub(super) mod subgraphs;
pub(super) mod systems;
