//! Where a record comes from, and how fresh it is. Costs no statement beside the one that reads the sources.

use async_graphql::{Context, SimpleObject};
use chrono::{DateTime, Utc};
use entity::vocabulary::RecordType;
use entity::{commitment, housing_option, housing_scheme, need, offer, partner, school, school_board};

use super::source::Source;
use crate::error::Result;
use crate::graphql::reader::Reader;

/// Where a record comes from, and how fresh it is.
#[derive(SimpleObject)]
pub(crate) struct Provenance {
    /// The system whose word counts for the record.
    pub source: Source,
    /// The record's identifier in that system.
    pub external_id: Option<String>,
    /// When the hub first saw the record.
    pub first_seen_at: DateTime<Utc>,
    /// When the system last confirmed the record, or said that nothing had changed.
    pub last_seen_at: DateTime<Utc>,
    /// When the hub last saw the record changed.
    pub last_changed_at: DateTime<Utc>,
    /// Whether the system is past its freshness limit, or failing.
    pub is_stale: bool,
}

/// What a row says of its own origin.
pub(crate) struct Origin<'a> {
    source_id: &'a str,
    external_id: Option<&'a str>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

macro_rules! origin {
    ($($module:ident),+) => {$(
        impl<'a> From<&'a $module::Model> for Origin<'a> {
            fn from(row: &'a $module::Model) -> Self {
                Self {
                    source_id: &row.source_id,
                    external_id: row.external_id.as_deref(),
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                }
            }
        }
    )+};
}
origin!(school, school_board, partner, need, offer, commitment, housing_option, housing_scheme);

impl Provenance {
    pub(crate) async fn of(ctx: &Context<'_>, record_type: RecordType, origin: impl Into<Origin<'_>>) -> Result<Self> {
        let origin = origin.into();
        let freshness = Reader::of(ctx)?.source(origin.source_id).await?;
        let confirmed_at = freshness.confirmed_at(record_type);
        Ok(Self {
            external_id: origin.external_id.map(str::to_owned),
            first_seen_at: origin.created_at,
            last_seen_at: confirmed_at.map_or(origin.updated_at, |at| at.max(origin.updated_at)),
            last_changed_at: origin.updated_at,
            is_stale: freshness.is_stale,
            source: Source(freshness),
        })
    }
}
