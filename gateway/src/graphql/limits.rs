//! What a document may ask for, looked at before the library validates or executes it: its parser, its validation and
//! its execution follow every nesting down the stack and every fragment to its end, once for each time it is spread.
//!
//! Three steps, each cheap whatever comes: [`tokens`] counts what is written, [`structure`] makes sure that following
//! the fragments ends and how much it comes to, [`cost`] walks the operation against the schema.

pub(crate) mod cost;
pub(crate) mod structure;
pub(crate) mod tokens;

use crate::config::LimitSettings;

/// How deep brackets, selections and fragments may lie in each other: fields need two brackets where they have
/// arguments, and some fragments between them.
pub(crate) fn nesting(limits: &LimitSettings) -> usize {
    2 * limits.depth + 32
}
