//! Everything that faces partner systems.
