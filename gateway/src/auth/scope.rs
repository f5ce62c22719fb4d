//! The scopes of the hub's own API: what a token may allow beside reading what is public.

/// Reading what is not public: drafts of one's own, contacts.
pub const ALLIANCE_READ: &str = "alliance:read";
/// Writing needs (hulpvragen).
pub const NEEDS_WRITE: &str = "needs:write";
/// Writing offers (aanbod).
pub const OFFERS_WRITE: &str = "offers:write";
/// Writing commitments (toezeggingen).
pub const COMMITMENTS_WRITE: &str = "commitments:write";
/// Writing homes and priority schemes.
pub const HOUSING_WRITE: &str = "housing:write";
/// Reading sync runs and refusals.
pub const SYNC_READ: &str = "sync:read";
/// Starting sync runs.
pub const SYNC_RUN: &str = "sync:run";

/// Reading webhooks' endpoints and what became of their messages.
pub const WEBHOOKS_READ: &str = "webhooks:read";
/// Writing webhooks' endpoints, and sending messages again.
pub const WEBHOOKS_WRITE: &str = "webhooks:write";

/// All of them.
pub const ALL: [&str; 9] = [
    ALLIANCE_READ,
    NEEDS_WRITE,
    OFFERS_WRITE,
    COMMITMENTS_WRITE,
    HOUSING_WRITE,
    SYNC_READ,
    SYNC_RUN,
    WEBHOOKS_READ,
    WEBHOOKS_WRITE,
];
