//! What webhooks' endpoints hear: one row for each message, made from the journal, kept until it was delivered and some
//! time longer. It holds no content: what is told is read anew at every attempt.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::code::vocabulary;
use crate::vocabulary::{ChangeAction, RecordType};
use crate::webhook_endpoint::WebhookEvent;

vocabulary! {
    /// What became of a message.
    pub enum WebhookDeliveryStatus {
        /// It is to be delivered.
        Pending = "PENDING", "Wacht", "Waiting";
        /// The endpoint took it.
        Delivered = "DELIVERED", "Bezorgd", "Delivered";
        /// It was given up: a dead letter.
        Dead = "DEAD", "Onbestelbaar", "Dead letter";
        /// There was nothing to tell any more when its turn came.
        Skipped = "SKIPPED", "Vervallen", "Skipped";
    }
}

/// Identities of records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct RecordIds(pub Vec<Uuid>);

/// A row of `webhook_delivery`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    /// Identity: the message's `webhook-id`, however often it is sent.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// To which endpoint.
    pub endpoint_id: Uuid,
    /// What it tells of.
    pub event: WebhookEvent,
    /// The change that it comes from.
    pub sequence: i64,
    /// What happened to the record.
    pub action: ChangeAction,
    /// The type of the record.
    pub record_type: RecordType,
    /// The record.
    pub record_id: Uuid,
    /// The offers that the need fits, best first.
    pub offers: RecordIds,
    /// When the change was committed.
    pub happened_at: DateTimeUtc,
    /// What became of it.
    pub status: WebhookDeliveryStatus,
    /// Why it was given up or skipped, in a sentence.
    pub status_reason: Option<String>,
    /// Attempts begun since it was made or replayed.
    pub attempts: i32,
    /// When it is due.
    pub next_at: DateTimeUtc,
    /// Which attempt has it; nobody else may write of it until `claimed_until`.
    pub claim: Option<Uuid>,
    /// Until when.
    pub claimed_until: Option<DateTimeUtc>,
    /// When it was delivered, given up or skipped.
    pub ended_at: Option<DateTimeUtc>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
