//! What webhooks' endpoints hear: which changes concern them, and what a message says. An endpoint is somebody who asks:
//! it has its partner's stake, and the scopes of the token that last wrote it. What it may not see it does not hear of.
//!
//! A selection is a query with the variable `$id`, the record's global id; for needs also with `$offers`, the ids of the
//! offers that fit. It is executed like any other request, for each message anew.

mod hearing;
mod selection;

use std::sync::Arc;

use async_graphql::Response;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{ChangeAction, RecordType};
use entity::webhook_delivery;
use entity::webhook_endpoint::{self, WebhookEvent};
use entity::{Code, change, need};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use self::hearing::{commitments, needs};
pub(super) use self::selection::Trials;
use self::selection::{Fault, Subject, ask};
use super::Graph;
use super::language::Language;
use super::list::qualified;
use super::reader::Reader;
use super::types::change::{cursor_of, kind};
use super::types::node::visible;
use crate::auth::{Identity, Organisation};
use crate::error::Result;

/// What a request of an endpoint's is good for: it is executed at once.
const GOOD_FOR: TimeDelta = TimeDelta::hours(1);

/// A change that an endpoint is to hear of.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) event: WebhookEvent,
    pub(crate) sequence: i64,
    pub(crate) action: ChangeAction,
    pub(crate) record_type: RecordType,
    pub(crate) record_id: Uuid,
    /// The offers that the need fits, best first.
    pub(crate) offers: Vec<Uuid>,
    pub(crate) happened_at: DateTime<Utc>,
}

impl Heard {
    fn of(event: WebhookEvent, change: &change::Model) -> Self {
        Self {
            event,
            sequence: change.sequence,
            action: change.action,
            record_type: change.record_type,
            record_id: change.record_id,
            offers: Vec::new(),
            happened_at: change.at,
        }
    }
}

/// What an endpoint is told.
pub(crate) enum Told {
    /// This, in JSON.
    Message(Vec<u8>),
    /// Nothing: why, in a sentence.
    Nothing(String),
    /// Nothing for now: the hub itself failed to answer.
    Unanswered,
    /// Nothing: its selection cannot be answered. Why, in a sentence.
    Invalid(String),
}

impl Graph {
    /// What an endpoint is to hear of these changes, which are in the order of the journal.
    pub(crate) async fn heard(
        &self,
        endpoint: &webhook_endpoint::Model,
        changes: &[change::Model],
    ) -> Result<Vec<Heard>> {
        let reader = self.reader_of(endpoint).await?;
        let mut heard = Vec::new();
        if endpoint.selections.of(WebhookEvent::NeedFits).is_some() {
            heard.extend(needs(&reader, endpoint, changes).await?);
        }
        if endpoint.selections.of(WebhookEvent::CommitmentChanged).is_some() {
            heard.extend(commitments(&reader, endpoint, changes).await?);
        }
        heard.sort_by_key(|heard| (heard.sequence, heard.record_id));
        Ok(heard)
    }

    /// What an endpoint is told, as things stand now.
    pub(crate) fn told<'a>(
        &'a self,
        endpoint: &'a webhook_endpoint::Model,
        delivery: &'a webhook_delivery::Model,
    ) -> BoxFuture<'a, Result<Told>> {
        self.tell(endpoint, delivery).boxed()
    }

    async fn tell(&self, endpoint: &webhook_endpoint::Model, delivery: &webhook_delivery::Model) -> Result<Told> {
        let Some(query) = endpoint.selections.of(delivery.event) else {
            return Ok(Told::Nothing("The endpoint does not hear of this any more.".to_owned()));
        };
        let reader = self.reader_of(endpoint).await?;
        let is_there = match delivery.event {
            WebhookEvent::NeedFits => is_open(&reader, delivery.record_id).await?,
            WebhookEvent::CommitmentChanged => {
                let seen = visible(&reader, kind(delivery.record_type), vec![delivery.record_id]).await?;
                !seen.is_empty()
            }
        };
        if !is_there && delivery.event == WebhookEvent::NeedFits {
            return Ok(Told::Nothing("The need is not open any more.".to_owned()));
        }
        let subject = Subject {
            id: GlobalId::new(kind(delivery.record_type), delivery.record_id).to_string(),
            offers: delivery.offers.0.iter().map(|id| GlobalId::new(Kind::Offer, id).to_string()).collect(),
        };
        let identity = identity_of(endpoint, self.clock.now());
        let response = ask(self, identity, query, &subject).await;
        Ok(match Fault::of(&response) {
            Some(Fault::Ours) => Told::Unanswered,
            Some(Fault::Theirs(why)) => Told::Invalid(why),
            None => Told::Message(message(delivery, &subject, is_there, &response)),
        })
    }

    /// What an endpoint sees, as somebody who asks.
    async fn reader_of(&self, endpoint: &webhook_endpoint::Model) -> Result<Reader> {
        let viewer = self.stakes.viewer(Some(Arc::new(identity_of(endpoint, self.clock.now())))).await?;
        let (db, clock) = (self.db.clone(), self.clock.clone());
        let reader = Reader::new(db, viewer, clock, self.limits.page_size, Language::default());
        Ok(reader.matching(Arc::clone(&self.matching)))
    }
}

/// An endpoint as somebody who asks. It is no client: its requests are the hub's own, and are not counted.
fn identity_of(endpoint: &webhook_endpoint::Model, now: DateTime<Utc>) -> Identity {
    let partner = GlobalId::new(Kind::Partner, endpoint.partner_id).to_string();
    Identity {
        issuer: "hub".to_owned(),
        subject: Some(format!("webhook {}", GlobalId::new(Kind::WebhookEndpoint, endpoint.id))),
        client: None,
        organisation: Some(Organisation::Partner(partner)),
        scopes: endpoint.scopes.0.clone(),
        expires_at: now + GOOD_FOR,
        ends: tokio::time::Instant::now() + GOOD_FOR.to_std().unwrap_or_default(),
    }
}

async fn is_open(reader: &Reader, need: Uuid) -> Result<bool> {
    let found = need::Entity::find()
        .filter(Condition::all().add(qualified(need::Column::Id).eq(need)))
        .filter(reader.viewer.needs())
        .filter(qualified(need::Column::DeletedAt).is_null())
        .one(&reader.db)
        .await?;
    Ok(found.is_some_and(|need| need.status.is_open()))
}

/// The message: the three fields of Standard Webhooks, what it is about, and what went wrong in the selection, if
/// anything did.
fn message(delivery: &webhook_delivery::Model, subject: &Subject, is_there: bool, response: &Response) -> Vec<u8> {
    let action = if is_there { delivery.action } else { ChangeAction::Deleted };
    let mut about = json!({
        "recordType": delivery.record_type.code(),
        "recordId": subject.id,
        "action": action.code(),
        "cursor": cursor_of(delivery.sequence),
    });
    if delivery.event == WebhookEvent::NeedFits {
        about["offers"] = json!(subject.offers);
    }
    let mut message = json!({
        "type": delivery.event.wire(),
        "timestamp": delivery.happened_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        "data": response.data,
        "about": about,
    });
    if !response.errors.is_empty() {
        message["errors"] = serde_json::to_value(&response.errors).unwrap_or(Value::Null);
    }
    message.to_string().into_bytes()
}
