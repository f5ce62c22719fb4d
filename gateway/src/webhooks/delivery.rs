//! One attempt: a delivery is claimed, what it tells is read, signed and sent, and what came of it is noted, if the claim
//! still holds then.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use connectors::api::Posted;
use connectors::vault::VaultError;
use entity::webhook_delivery::{self, WebhookDeliveryStatus};
use entity::webhook_endpoint::{self, WebhookEndpointStatus};
use entity::{Code, webhook_attempt, webhook_secret};
use futures::future::join_all;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{
    ActiveValue, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, TransactionTrait,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use super::courier::is_due;
use super::{Courier, CourierError, SigningSecret, message_id, schedule, signature};
use crate::graphql::webhooks::Told;

/// A failing endpoint is left alone for this share of the time that it has failed for.
const REST_SHARE: i32 = 10;
/// But for at least, and at most, so long.
const REST: (TimeDelta, TimeDelta) = (TimeDelta::seconds(5), TimeDelta::minutes(10));

/// How an attempt ended.
enum Outcome {
    /// The endpoint answered.
    Answered(Posted),
    /// It did not.
    Failed(String),
    /// The hub itself could not tell what is to be told.
    Unanswered(String),
    /// There is nothing to tell any more.
    Nothing(String),
    /// The selection does not fit the schema.
    Invalid(String),
}

impl Outcome {
    /// As metrics have it.
    fn word(&self) -> &'static str {
        match self {
            Self::Answered(posted) if is_success(posted.status) => "delivered",
            Self::Answered(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Unanswered(_) => "not_read",
            Self::Nothing(_) => "skipped",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// What an attempt changes.
struct Verdict {
    status: WebhookDeliveryStatus,
    reason: Option<String>,
    next_at: Option<DateTime<Utc>>,
}

impl Courier {
    /// Sends what is due for one endpoint, until nothing is or it is `going`'s end. Returns how many attempts were made.
    pub(super) async fn serve(&self, id: Uuid, going: &CancellationToken) -> Result<usize, CourierError> {
        let mut attempts = 0;
        while !going.is_cancelled() {
            let Some(endpoint) = webhook_endpoint::Entity::find_by_id(id).one(&self.db).await? else { break };
            let now = self.clock.now();
            let rests = endpoint.not_before.is_some_and(|not_before| not_before > now);
            if endpoint.status != WebhookEndpointStatus::Active || rests {
                break;
            }
            // One that fails is asked with one message, not with all of them.
            let most = if endpoint.failing_since.is_some() { 1 } else { self.hooks.settings.messages_at_once };
            let claimed = self.claim(id, most).await?;
            if claimed.is_empty() {
                break;
            }
            attempts += claimed.len();
            for attempted in join_all(claimed.iter().map(|delivery| self.attempt(&endpoint, delivery))).await {
                attempted?;
            }
        }
        Ok(attempts)
    }

    /// Claims deliveries that are due, those of the earliest changes first.
    async fn claim(&self, endpoint: Uuid, most: usize) -> Result<Vec<webhook_delivery::Model>, DbErr> {
        use webhook_delivery::Column;
        let (now, claim) = (self.clock.now(), Uuid::now_v7());
        let mut due = Query::select();
        due.column(Column::Id)
            .from(webhook_delivery::Entity)
            .and_where(Column::EndpointId.eq(endpoint))
            .cond_where(is_due(now))
            .order_by(Column::Sequence, sea_orm::Order::Asc)
            .order_by(Column::Id, sea_orm::Order::Asc)
            .limit(u64::try_from(most).unwrap_or(u64::MAX));
        let claimed = webhook_delivery::Entity::update_many()
            .col_expr(Column::Claim, Expr::value(claim))
            .col_expr(Column::ClaimedUntil, Expr::value(now + self.lease()))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .filter(Column::Id.in_subquery(due))
            // Once more outside: of two workers that chose the same, the second finds it claimed.
            .filter(Condition::all().add(is_due(now)))
            .exec(&self.db)
            .await?;
        if claimed.rows_affected == 0 {
            return Ok(Vec::new());
        }
        webhook_delivery::Entity::find()
            .filter(Column::Claim.eq(claim))
            .order_by_asc(Column::Sequence)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await
    }

    async fn attempt(
        &self,
        endpoint: &webhook_endpoint::Model,
        delivery: &webhook_delivery::Model,
    ) -> Result<(), CourierError> {
        let (at, began) = (self.clock.now(), Instant::now());
        let outcome = match self.graph.told(endpoint, delivery).await {
            Ok(Told::Message(body)) => self.send(endpoint, delivery, body.into(), at).await,
            Ok(Told::Nothing(why)) => Outcome::Nothing(why),
            Ok(Told::Invalid(why)) => Outcome::Invalid(why),
            Ok(Told::Unanswered) => Outcome::Unanswered("The hub could not read what is to be told.".to_owned()),
            Err(failure) => {
                tracing::error!(webhook.delivery = %delivery.id, error = ?failure, "a webhook message could not be read");
                Outcome::Unanswered("The hub could not read what is to be told.".to_owned())
            }
        };
        self.metrics.webhooks().attempted(outcome.word(), began.elapsed());
        self.note(endpoint, delivery, outcome, (at, began.elapsed())).await?;
        Ok(())
    }

    async fn send(
        &self,
        endpoint: &webhook_endpoint::Model,
        delivery: &webhook_delivery::Model,
        body: Bytes,
        at: DateTime<Utc>,
    ) -> Outcome {
        let secrets = match self.secrets(endpoint.id, at).await {
            Ok(secrets) if !secrets.is_empty() => secrets,
            Ok(_) => return Outcome::Unanswered("The endpoint has no secret to sign with.".to_owned()),
            Err(CourierError::Store(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a webhook's secrets could not be read");
                return Outcome::Unanswered("The hub could not read the endpoint's secret.".to_owned());
            }
            Err(error) => {
                tracing::error!(webhook.endpoint = %endpoint.id, "a webhook message cannot be signed: {error}");
                return Outcome::Unanswered("The hub cannot open the endpoint's secret: rotate it.".to_owned());
            }
        };
        let Ok(url) = Url::parse(&endpoint.url) else { return Outcome::Failed("This is no address.".to_owned()) };
        let headers = signature::headers(&message_id(delivery.id), at.timestamp(), &body, &secrets);
        match self.poster.post(&url, &headers, body, at).await {
            Ok(posted) => Outcome::Answered(posted),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    /// The secrets that sign at this instant, the newest first.
    async fn secrets(&self, endpoint: Uuid, at: DateTime<Utc>) -> Result<Vec<SigningSecret>, CourierError> {
        use webhook_secret::Column;
        let stored = webhook_secret::Entity::find()
            .filter(Column::EndpointId.eq(endpoint))
            .filter(Column::EndsAt.is_null().or(Column::EndsAt.gt(at)))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .all(&self.db)
            .await?;
        let open = |secret: webhook_secret::Model| self.hooks.vault.open(endpoint.as_bytes(), &secret.sealed);
        let opened: Result<Vec<Vec<u8>>, VaultError> = stored.into_iter().map(open).collect();
        Ok(opened?.into_iter().map(SigningSecret::from_bytes).collect())
    }

    /// Notes how an attempt ended. Nothing is noted by one whose claim is another's by then.
    async fn note(
        &self,
        endpoint: &webhook_endpoint::Model,
        delivery: &webhook_delivery::Model,
        outcome: Outcome,
        (at, took): (DateTime<Utc>, Duration),
    ) -> Result<(), DbErr> {
        use webhook_delivery::Column;
        let now = self.clock.now();
        let verdict = self.verdict(delivery, &outcome, now);
        let status = verdict.status;
        let ended = (status != WebhookDeliveryStatus::Pending).then_some(now);
        let transaction = self.db.begin().await?;
        let mut update = webhook_delivery::Entity::update_many()
            .col_expr(Column::Status, Expr::value(verdict.status))
            .col_expr(Column::StatusReason, Expr::value(verdict.reason))
            .col_expr(Column::EndedAt, Expr::value(ended))
            .col_expr(Column::Claim, Expr::value(None::<Uuid>))
            .col_expr(Column::ClaimedUntil, Expr::value(None::<DateTime<Utc>>));
        if let Some(next_at) = verdict.next_at {
            update = update.col_expr(Column::NextAt, Expr::value(next_at));
        }
        let noted = update
            .filter(Column::Id.eq(delivery.id))
            .filter(Column::Claim.eq(delivery.claim))
            .exec(&transaction)
            .await?;
        if noted.rows_affected == 0 {
            return transaction.rollback().await;
        }
        if let Some(attempt) = attempt_row(delivery.id, &outcome, at, took) {
            webhook_attempt::Entity::insert(attempt).exec_without_returning(&transaction).await?;
        }
        if let Some(update) = self.consequence(endpoint, &outcome, now) {
            update.exec(&transaction).await?;
        }
        transaction.commit().await?;
        if ended.is_some() {
            self.metrics.webhooks().ended(status.code());
        }
        Ok(())
    }

    /// What becomes of the delivery.
    fn verdict(&self, delivery: &webhook_delivery::Model, outcome: &Outcome, now: DateTime<Utc>) -> Verdict {
        let ended = |status, reason| Verdict { status, reason, next_at: None };
        let (why, retry_after) = match outcome {
            Outcome::Answered(posted) if is_success(posted.status) => {
                return ended(WebhookDeliveryStatus::Delivered, None);
            }
            Outcome::Answered(posted) if posted.status == GONE => {
                return ended(WebhookDeliveryStatus::Dead, Some(answered(GONE)));
            }
            Outcome::Nothing(why) => return ended(WebhookDeliveryStatus::Skipped, Some(why.clone())),
            // It waits for a selection that can be answered.
            Outcome::Invalid(_) => {
                return Verdict { status: WebhookDeliveryStatus::Pending, reason: None, next_at: Some(now) };
            }
            Outcome::Answered(posted) => (answered(posted.status), posted.retry_after),
            Outcome::Failed(why) | Outcome::Unanswered(why) => (why.clone(), None),
        };
        let attempts = u32::try_from(delivery.attempts).unwrap_or(0);
        match schedule::wait_after(attempts, retry_after, self.pace.draw())
            .and_then(|wait| i64::try_from(wait.as_millis()).ok())
        {
            // In whole milliseconds: both databases keep those.
            Some(wait) => {
                let next_at = Some(now + TimeDelta::milliseconds(wait));
                Verdict { status: WebhookDeliveryStatus::Pending, reason: None, next_at }
            }
            None => ended(WebhookDeliveryStatus::Dead, Some(format!("All attempts failed. The last one: {why}"))),
        }
    }

    /// What becomes of the endpoint. `None`: nothing.
    fn consequence(
        &self,
        endpoint: &webhook_endpoint::Model,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Option<sea_orm::UpdateMany<webhook_endpoint::Entity>> {
        use webhook_endpoint::Column;
        let update = || {
            webhook_endpoint::Entity::update_many()
                .filter(Column::Id.eq(endpoint.id))
                // What its owner has changed meanwhile is another endpoint, as it were.
                .filter(Column::Version.eq(endpoint.version))
                .filter(Column::Status.eq(WebhookEndpointStatus::Active))
        };
        let switched_off = |status, why: String| {
            update()
                .col_expr(Column::Status, Expr::value(status))
                .col_expr(Column::StatusReason, Expr::value(Some(why)))
                .col_expr(Column::StatusAt, Expr::value(now))
        };
        let (why, retry_after) = match outcome {
            Outcome::Nothing(_) | Outcome::Unanswered(_) => return None,
            Outcome::Invalid(why) => {
                let why = format!("A selection cannot be answered any more: {why}");
                return Some(switched_off(WebhookEndpointStatus::Invalid, why));
            }
            Outcome::Answered(posted) if is_success(posted.status) => {
                // A row that stands so already is not written.
                let was_failing = endpoint.failing_since.is_some() || endpoint.not_before.is_some();
                return was_failing.then(|| {
                    update()
                        .col_expr(Column::FailingSince, Expr::value(None::<DateTime<Utc>>))
                        .col_expr(Column::NotBefore, Expr::value(None::<DateTime<Utc>>))
                });
            }
            Outcome::Answered(posted) if posted.status == GONE => {
                return Some(switched_off(WebhookEndpointStatus::Gone, answered(GONE)));
            }
            Outcome::Answered(posted) => (answered(posted.status), posted.retry_after),
            Outcome::Failed(why) => (why.clone(), None),
        };
        let since = endpoint.failing_since.unwrap_or(now);
        if now - since >= self.hooks.settings.give_up_after() {
            let why =
                format!("No message was taken since {}. The last answer: {why}", since.format("%Y-%m-%d %H:%M UTC"));
            return Some(switched_off(WebhookEndpointStatus::Failed, why));
        }
        let rest = ((now - since) / REST_SHARE).clamp(REST.0, REST.1);
        let asked = retry_after.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default();
        let update = update()
            .col_expr(Column::FailingSince, Expr::value(since))
            .col_expr(Column::NotBefore, Expr::value(now + rest.max(asked)));
        Some(update)
    }
}

impl From<VaultError> for CourierError {
    fn from(error: VaultError) -> Self {
        Self::Secret(error)
    }
}

/// The endpoint says that it hears no more.
const GONE: u16 = 410;

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

fn answered(status: u16) -> String {
    match status {
        300..400 => format!("The endpoint answered with status {status}; redirects are not followed."),
        GONE => "The endpoint answered that it is gone (410).".to_owned(),
        _ => format!("The endpoint answered with status {status}."),
    }
}

/// The attempt as it is kept. `None`: none was made.
fn attempt_row(
    delivery_id: Uuid,
    outcome: &Outcome,
    at: DateTime<Utc>,
    took: Duration,
) -> Option<webhook_attempt::ActiveModel> {
    let (status_code, error) = match outcome {
        Outcome::Answered(posted) => {
            let error = (!is_success(posted.status)).then(|| answered(posted.status));
            (Some(i32::from(posted.status)), error)
        }
        Outcome::Failed(why) | Outcome::Unanswered(why) => (None, Some(why.clone())),
        Outcome::Nothing(_) | Outcome::Invalid(_) => return None,
    };
    let duration_ms = i32::try_from(took.as_millis()).unwrap_or(i32::MAX);
    let row = webhook_attempt::Model { id: 0, delivery_id, at, status_code, error, duration_ms };
    Some(webhook_attempt::ActiveModel { id: ActiveValue::NotSet, ..row.into_active_model() })
}
