//! Webhooks' endpoints: addresses of partners' own systems that hear of what concerns them.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::code::{Texts, vocabulary};

vocabulary! {
    /// What an endpoint can hear of.
    pub enum WebhookEvent {
        /// A need fits offers of its partner.
        NeedFits = "NEED_FITS", "Passende hulpvraag", "Need that fits";
        /// A commitment of its partner was made, changed or taken away.
        CommitmentChanged = "COMMITMENT_CHANGED", "Toezegging gewijzigd", "Commitment changed";
    }
}

vocabulary! {
    /// Whether an endpoint hears.
    pub enum WebhookEndpointStatus {
        /// It hears.
        Active = "ACTIVE", "Actief", "Active";
        /// Somebody switched it off for a while.
        Paused = "PAUSED", "Gepauzeerd", "Paused";
        /// It answered that it is gone (410).
        Gone = "GONE", "Vervallen", "Gone";
        /// It failed for days.
        Failed = "FAILED", "Uitgevallen", "Failed";
        /// One of its selections does not fit the schema any more.
        Invalid = "INVALID", "Ongeldig", "Invalid";
    }
}

impl WebhookEvent {
    /// What it is called on the wire: `type` in the message (Standard Webhooks).
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::NeedFits => "need.fits",
            Self::CommitmentChanged => "commitment.changed",
        }
    }
}

/// What an endpoint wants to hear of one event: a GraphQL document with the variable `$id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Of what.
    pub event: WebhookEvent,
    /// The document.
    pub query: String,
}

/// What an endpoint wants to hear; each event once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Selections(pub Vec<Selection>);

impl Selections {
    /// What it wants to hear of this event. `None`: nothing.
    #[must_use]
    pub fn of(&self, event: WebhookEvent) -> Option<&str> {
        self.0.iter().find(|selection| selection.event == event).map(|selection| selection.query.as_str())
    }
}

/// A row of `webhook_endpoint`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    /// Identity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The partner that it speaks for.
    pub partner_id: Uuid,
    /// Where messages go.
    pub url: String,
    /// What its owner calls it.
    pub description: Option<String>,
    /// What it wants to hear.
    pub selections: Selections,
    /// The scopes it is answered with: those of the token that last wrote it.
    pub scopes: Texts,
    /// Whether it hears.
    pub status: WebhookEndpointStatus,
    /// Why it does not, in a sentence.
    pub status_reason: Option<String>,
    /// Since when its status stands.
    pub status_at: DateTimeUtc,
    /// Since when no attempt succeeded. `None`: the last one did.
    pub failing_since: Option<DateTimeUtc>,
    /// Nothing is sent before: it asked for rest. `None`: at once.
    pub not_before: Option<DateTimeUtc>,
    /// Its place in the journal: of everything up to here, deliveries have been made.
    pub position: i64,
    /// Counts what its owner wrote of it, from 1.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When its owner last changed it.
    pub updated_at: DateTimeUtc,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
