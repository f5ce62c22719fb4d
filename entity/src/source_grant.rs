//! Grants: how a source whose system lets the hub in for somebody is got into. One for each such source, for as long as
//! it is connected.
//!
//! Tokens are sealed here; the key's id is in what is sealed. Whoever changes a row says which version it has seen.

use sea_orm::entity::prelude::*;

use crate::code::vocabulary;

vocabulary! {
    /// Whether a grant still lets the hub in.
    pub enum GrantState {
        /// It does, as far as is known.
        Connected = "CONNECTED", "Verbonden", "Connected";
        /// The system takes it no more: somebody must connect the source again.
        Reauthorise = "REAUTHORISE", "Opnieuw verbinden", "To be connected again";
    }
}

/// A row of `source_grant`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "source_grant")]
pub struct Model {
    /// The source that it lets the hub into.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: String,
    /// Whether it still does.
    pub state: GrantState,
    /// The refresh token that was given last, sealed.
    pub refresh_token: Vec<u8>,
    /// The one before it, sealed. `None`: there was none, or systems keep giving the same one.
    pub previous_refresh_token: Option<Vec<u8>>,
    /// The access token that was given last, sealed. `None`: none was.
    pub access_token: Option<Vec<u8>>,
    /// When a new access token is due, some time before the last one expires.
    pub renew_at: Option<DateTimeUtc>,
    /// Counts what was written of it, from 1.
    pub version: i64,
    /// Who is refreshing it now: a number drawn for the occasion.
    pub lease_holder: Option<Uuid>,
    /// Until when nobody else does.
    pub lease_until: Option<DateTimeUtc>,
    /// What the system granted, as it says, parted by spaces. `None`: it does not say; what was asked for.
    pub scopes: Option<String>,
    /// Who connected the source: as that machine knows them.
    pub connected_by: String,
    /// When that was.
    pub connected_at: DateTimeUtc,
    /// When a token was last given.
    pub refreshed_at: DateTimeUtc,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
