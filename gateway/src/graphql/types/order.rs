//! The direction of orders.

use async_graphql::Enum;

/// The direction of an order. What has no value comes last either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum OrderDirection {
    /// The least first.
    Asc,
    /// The greatest first.
    Desc,
}

pub(super) fn is_descending(direction: OrderDirection) -> bool {
    direction == OrderDirection::Desc
}
