//! The store's tables and the domain's values.
