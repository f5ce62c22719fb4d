//! What partners do on their bad days, one after the other: while a fault lasts nothing is lost, and once it is over the
//! next run leaves the store as the source is, without a change too many.

mod bench;
mod certificates;
mod connections;
mod ends;
mod limits;
mod refusals;
mod workers;
