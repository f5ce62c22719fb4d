//! Webhooks: partners' own systems that hear of what concerns them, and what became of each message.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{ChangeAction, RecordType};
use entity::webhook_delivery::{self, WebhookDeliveryStatus};
use entity::webhook_endpoint::{self, WebhookEndpointStatus, WebhookEvent};
use entity::{webhook_attempt, webhook_secret};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder};

use super::change::kind;
use super::partner::Partner;
use crate::auth::Organisation;
use crate::error::{Failure, Result};
use crate::graphql::conditions::is_one_of;
use crate::graphql::connection::{Below, below, connection, keys, named, root};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::mutation::find_partner;
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;
use crate::graphql::vocabulary::Term;
use crate::webhooks::message_id;

/// An address of a partner's own system that hears of what concerns it (Standard Webhooks).
#[derive(Clone)]
pub(crate) struct WebhookEndpoint(pub(crate) Member<webhook_endpoint::Model>);

/// An address of a partner's own system that hears of what concerns it (Standard Webhooks).
#[Object]
impl WebhookEndpoint {
    /// Global id.
    async fn id(&self) -> ID {
        GlobalId::new(Kind::WebhookEndpoint, self.0.id).to_string().into()
    }

    /// The partner that it hears for.
    async fn partner(&self, ctx: &Context<'_>) -> Result<Partner> {
        let partner = named(ctx, &self.0, "partner", |endpoint| Some(endpoint.partner_id)).await?;
        partner.map(Partner).ok_or(Failure::Internal("a webhook's endpoint is without its partner"))
    }

    /// Where messages go.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// What its owner calls it.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// What it hears, each event once.
    async fn selections(&self) -> Items<WebhookSelection> {
        let selections = self.0.selections.0.iter();
        selections.map(|each| WebhookSelection { event: Term(each.event), query: each.query.clone() }).collect()
    }

    /// The scopes that it is answered with: those of the hub's own of the token that last wrote it.
    async fn scopes(&self) -> &[String] {
        &self.0.scopes.0
    }

    /// Whether it hears.
    async fn status(&self) -> Term<WebhookEndpointStatus> {
        Term(self.0.status)
    }

    /// Why it does not hear, in a sentence; null where it does.
    async fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// Since when its status stands.
    async fn status_at(&self) -> DateTime<Utc> {
        self.0.status_at
    }

    /// Since when no message was taken; null: the last one was, or there was none.
    async fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.0.failing_since
    }

    /// The secrets that messages are signed with, the newest first. The secrets themselves are shown once, to whoever
    /// makes them.
    async fn secrets(&self, ctx: &Context<'_>) -> Result<Items<WebhookSecret>> {
        let reader = Reader::of(ctx)?;
        let load = async {
            let ids = keys(self.0.siblings(), |endpoint| Some(endpoint.id));
            let rows = webhook_secret::Entity::find()
                .filter(qualified(webhook_secret::Column::EndpointId).is_in(ids))
                .order_by_desc(webhook_secret::Column::CreatedAt)
                .order_by_desc(webhook_secret::Column::Id)
                .all(&reader.db)
                .await?;
            let mut secrets: HashMap<Uuid, Vec<WebhookSecret>> = HashMap::new();
            for row in rows.into_iter().filter(|row| row.ends_at.is_none_or(|ends_at| ends_at > reader.now())) {
                let secret = WebhookSecret { created_at: row.created_at, ends_at: row.ends_at };
                secrets.entry(row.endpoint_id).or_default().push(secret);
            }
            Ok(secrets)
        };
        let secrets = self.0.once("secrets".to_owned(), load).await?;
        Ok(secrets.get(&self.0.id).cloned().unwrap_or_default().into())
    }

    /// Its messages, the latest first; with `statuses` only those in any of them: `DEAD` for the dead letters.
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What became of them.")] statuses: Option<Vec<Term<WebhookDeliveryStatus>>>,
        #[graphql(desc = "How many.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> Result<WebhookDeliveryConnection> {
        use webhook_delivery::Column;
        let reader = Reader::of(ctx)?;
        let sort = Sort::by("CREATED_AT", Column::CreatedAt, SortKind::Instant, true);
        let page = PageArguments::forward(first, after);
        let window = page.window(&sort.label(), reader.longest_page)?;
        let wanted = statuses.as_ref().map(|statuses| is_one_of(Column::Status, statuses));
        let list = List::new(format!("{statuses:?} {page:?}"), Condition::all().add_option(wanted), sort, window);
        let endpoint = Below {
            field: "deliveries",
            parent: qualified(Column::EndpointId),
            key: |endpoint: &webhook_endpoint::Model| Some(endpoint.id),
            owner: None,
        };
        below(ctx, &self.0, endpoint, list).await.map(WebhookDeliveryConnection)
    }

    /// When it was registered.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its owner last changed it.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Counts what its owner wrote of it, from 1: give it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

connection! {
    /// A page of webhooks' endpoints.
    WebhookEndpointConnection, WebhookEndpointEdge, WebhookEndpoint, webhook_endpoint::Model
}

/// What an endpoint hears of one event.
#[derive(Clone, SimpleObject)]
pub(crate) struct WebhookSelection {
    /// Of what.
    pub event: Term<WebhookEvent>,
    /// The GraphQL query whose answer is a message's `data`.
    pub query: String,
}

/// A secret that messages are signed with, without the secret itself.
#[derive(Clone, SimpleObject)]
pub(crate) struct WebhookSecret {
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it signs beside its successor; null: it has none.
    pub ends_at: Option<DateTime<Utc>>,
}

/// A message to an endpoint.
#[derive(Clone)]
pub(crate) struct WebhookDelivery(pub(crate) Member<webhook_delivery::Model>);

/// A message to an endpoint.
#[Object]
impl WebhookDelivery {
    /// Global id: give it to `replayWebhookDeliveries`.
    async fn id(&self) -> ID {
        GlobalId::new(Kind::WebhookDelivery, self.0.id).to_string().into()
    }

    /// Its `webhook-id`: the same however often it is sent.
    async fn message_id(&self) -> String {
        message_id(self.0.id)
    }

    /// What it tells of.
    async fn event(&self) -> Term<WebhookEvent> {
        Term(self.0.event)
    }

    /// What kind of record that is about.
    async fn record_type(&self) -> Term<RecordType> {
        Term(self.0.record_type)
    }

    /// The record's global id.
    async fn record_id(&self) -> ID {
        GlobalId::new(kind(self.0.record_type), self.0.record_id).to_string().into()
    }

    /// What happened to it.
    async fn action(&self) -> Term<ChangeAction> {
        Term(self.0.action)
    }

    /// When that was.
    async fn happened_at(&self) -> DateTime<Utc> {
        self.0.happened_at
    }

    /// What became of the message.
    async fn status(&self) -> Term<WebhookDeliveryStatus> {
        Term(self.0.status)
    }

    /// Why it was given up or skipped, in a sentence; null otherwise.
    async fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// When it is sent next, if its endpoint hears; null where it is not to be sent.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        (self.0.status == WebhookDeliveryStatus::Pending).then_some(self.0.next_at)
    }

    /// When it was delivered, given up or skipped; null: it waits.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }

    /// Every attempt to send it, oldest first.
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Items<WebhookAttempt>> {
        let reader = Reader::of(ctx)?;
        let load = async {
            let ids = keys(self.0.siblings(), |delivery| Some(delivery.id));
            let rows = webhook_attempt::Entity::find()
                .filter(qualified(webhook_attempt::Column::DeliveryId).is_in(ids))
                .order_by_asc(webhook_attempt::Column::Id)
                .all(&reader.db)
                .await?;
            let mut attempts: HashMap<Uuid, Vec<WebhookAttempt>> = HashMap::new();
            for row in rows {
                attempts.entry(row.delivery_id).or_default().push(WebhookAttempt {
                    at: row.at,
                    status_code: row.status_code,
                    error: row.error,
                    duration_ms: row.duration_ms,
                });
            }
            Ok(attempts)
        };
        let attempts = self.0.once("attempts".to_owned(), load).await?;
        Ok(attempts.get(&self.0.id).cloned().unwrap_or_default().into())
    }

    /// When the message was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

connection! {
    /// A page of messages to an endpoint.
    WebhookDeliveryConnection, WebhookDeliveryEdge, WebhookDelivery, webhook_delivery::Model
}

/// An attempt to send a message.
#[derive(Clone, SimpleObject)]
pub(crate) struct WebhookAttempt {
    /// When.
    pub at: DateTime<Utc>,
    /// The status that the endpoint answered with; null: it did not answer.
    pub status_code: Option<i32>,
    /// Why it failed, in a sentence; null: it did not.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
}

/// The endpoints that the viewer may see: a partner its own, an operator all, others none.
async fn own(reader: &Reader) -> Result<Condition> {
    let organisation = reader.viewer.identity().and_then(|identity| identity.organisation.as_ref());
    let partner = match organisation {
        Some(Organisation::Operator) => return Ok(Condition::all()),
        Some(Organisation::Partner(name)) => find_partner(&reader.db, name).await?,
        _ => None,
    };
    let nobody = Uuid::nil();
    let id = partner.map_or(nobody, |partner| partner.id);
    Ok(Condition::all().add(qualified(webhook_endpoint::Column::PartnerId).eq(id)))
}

/// The endpoints that the viewer may see, the latest first.
pub(crate) async fn endpoints(
    ctx: &Context<'_>,
    first: Option<i32>,
    after: Option<String>,
) -> Result<WebhookEndpointConnection> {
    let reader = Reader::of(ctx)?;
    let sort = Sort::by("CREATED_AT", webhook_endpoint::Column::CreatedAt, SortKind::Instant, true);
    let window = PageArguments::forward(first, after).window(&sort.label(), reader.longest_page)?;
    let list = List::new(String::new(), own(reader).await?, sort, window);
    root(ctx, list).await.map(WebhookEndpointConnection)
}

/// One endpoint, where the viewer may see it.
pub(crate) async fn endpoint(ctx: &Context<'_>, id: &ID) -> Result<Option<WebhookEndpoint>> {
    let reader = Reader::of(ctx)?;
    let Some(id) = GlobalId::parse(id).ok().and_then(|id| id.uuid_of(Kind::WebhookEndpoint)) else {
        return Err(Failure::bad_user_input("`id` is no id of a webhook's endpoint."));
    };
    let is_it = own(reader).await?.add(qualified(webhook_endpoint::Column::Id).eq(id));
    let found = webhook_endpoint::Entity::find().filter(is_it).one(&reader.db).await?;
    Ok(found.map(|row| WebhookEndpoint(Member::alone(row))))
}
