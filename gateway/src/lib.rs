//! Everything that faces consumers.
