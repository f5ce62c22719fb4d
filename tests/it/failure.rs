//! What becomes of a hub whose Redis or PostgreSQL stops, freezes, starts anew, moves, or runs out of something, while
//! clients read and write: each is answered or told to come again, within the hub's time limit; the hub comes back by
//! itself; and what clients were told to be written stands in the store and in the change feed, once.
//!
//! The servers are each test's own. How long it took to come back is printed, and bounded only loosely: the machine may
//! have much else to do.

#![expect(clippy::print_stdout, reason = "what was measured is for whoever reads what the tests print")]

mod load;
mod postgres;
mod redis;
mod replica;
mod stage;
