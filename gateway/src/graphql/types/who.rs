//! Who is asking, as the schema shows it.

use async_graphql::{Enum, SimpleObject};
use chrono::{DateTime, Utc};

use crate::auth::{Identity, Organisation};
use crate::graphql::items::Items;
use crate::graphql::reader::Reader;

/// Who is asking, and what they may do.
#[derive(SimpleObject)]
#[graphql(name = "Viewer")]
pub(crate) struct ViewerInfo {
    /// Whether the request came with a valid token.
    pub is_authenticated: bool,
    /// The token's subject.
    pub subject: Option<String>,
    /// The client that asks.
    pub client: Option<String>,
    /// The organisation it asks for: `board:41775`, `municipality:GM0363`, `partner:` with its KvK number or id, or
    /// `operator`; null for an app.
    pub organisation: Option<String>,
    /// What kind of organisation that is; null without a token.
    pub organisation_kind: Option<OrganisationKind>,
    /// The scopes it holds.
    pub scopes: Items<String>,
    /// What it may ask yet.
    pub rate_limit: RateLimit,
}

impl ViewerInfo {
    /// Who this is; `None`: somebody without a token.
    pub(crate) fn new(identity: Option<&Identity>, rate_limit: RateLimit) -> Self {
        let organisation = identity.and_then(|identity| identity.organisation.as_ref());
        let kind = |_: &Identity| match organisation {
            Some(Organisation::Board(_)) => OrganisationKind::SchoolBoard,
            Some(Organisation::Municipality(_)) => OrganisationKind::Municipality,
            Some(Organisation::Partner(_)) => OrganisationKind::Partner,
            Some(Organisation::Operator) => OrganisationKind::Operator,
            None => OrganisationKind::App,
        };
        Self {
            is_authenticated: identity.is_some(),
            subject: identity.and_then(|identity| identity.subject.clone()),
            client: identity.and_then(|identity| identity.client.clone()),
            organisation: organisation.map(ToString::to_string),
            organisation_kind: identity.map(kind),
            scopes: identity.map(|identity| identity.scopes.clone().into()).unwrap_or_default(),
            rate_limit,
        }
    }
}

/// What a client may ask yet.
#[derive(SimpleObject)]
pub(crate) struct RateLimit {
    /// Requests a minute; 0: no limit is set.
    pub limit: i32,
    /// Requests left of them.
    pub remaining: i32,
    /// When all are there again.
    pub reset_at: DateTime<Utc>,
    /// What this query may cost: its fields times the length of the lists above them. What it did cost stands in the
    /// answer's `extensions.cost`.
    pub cost: i32,
}

impl RateLimit {
    /// How the request's client stands.
    pub(crate) fn of(reader: &Reader) -> Self {
        let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let standing = reader.standing;
        Self {
            limit: standing.map_or(0, |standing| whole(standing.limit)),
            remaining: standing.map_or(0, |standing| whole(standing.remaining)),
            reset_at: standing.map_or(reader.now(), |standing| reader.now() + standing.whole_in),
            cost: i32::try_from(reader.estimate).unwrap_or(i32::MAX),
        }
    }
}

/// What kind of organisation a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum OrganisationKind {
    /// A municipality (gemeente).
    Municipality,
    /// A school board (bevoegd gezag).
    SchoolBoard,
    /// A partner.
    Partner,
    /// A third party's app.
    App,
    /// The alliance's operators.
    Operator,
}
