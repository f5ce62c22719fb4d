//! What becomes of a hub whose Redis or PostgreSQL stops, freezes, starts anew, moves, or runs out of something, while
//! clients read and write: each is answered or told to come again, within the hub's time limit; the hub comes back by
//! itself; and what clients were told to be written stands in the store and in the change feed, once.
//!
//! Readers hold what they are told against what was written: each answer is a state that was committed, none is older than what
//! a client was told before it asked, but for so long as it says itself.
//!
//! The servers are each test's own. How long it took to come back is printed and held to five seconds, and beside those to
//! as many times what the same requests take when nothing is wrong: the machine may have much else to do.

#![expect(clippy::print_stdout, reason = "what was measured is for whoever reads what the tests print")]

mod load;
mod postgres;
mod redis;
mod replica;
mod stage;
mod tally;
