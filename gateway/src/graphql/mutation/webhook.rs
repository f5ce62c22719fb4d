//! Webhooks' endpoints: registered, changed, given new secrets, taken away; and messages sent again.

mod wire;

use std::sync::Arc;

use async_graphql::{Context, ID};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::audit_entry::{AuditAction, AuditStatus};
use entity::code::Texts;
use entity::global_id::{GlobalId, Kind};
use entity::webhook_endpoint::{self, Selection, Selections, WebhookEndpointStatus, WebhookEvent};
use entity::{Code, journal_head, webhook_secret};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde_json::{Value, json};
use url::Url;

pub(crate) use self::wire::{
    CreateWebhookEndpointInput, DeleteWebhookEndpointInput, DeleteWebhookEndpointPayload, ReplayWebhookDeliveriesInput,
    ReplayWebhookDeliveriesPayload, RotateWebhookSecretInput, UpdateWebhookEndpointInput, WebhookEndpointPayload,
    WebhookSecretPayload, WebhookSelectionInput,
};
use super::answer::{Answer, UserError, UserErrorCode};
use super::author::Author;
use super::checks::Checks;
use super::writing::{self, Work, Writes, Writing};
use crate::audit::Deed;
use crate::auth::scope;
use crate::error::{Failure, Result};
use crate::graphql::caller::Caller;
use crate::graphql::level::Member;
use crate::graphql::reader::Reader;
use crate::graphql::types::webhook::WebhookEndpoint;
use crate::graphql::webhooks::Trials;
use crate::webhooks::{self, Hooks, Replay, SigningSecret};

/// No secret signs longer than this beside its successor, in hours.
const LONGEST_OVERLAP: i32 = 30 * 24;
/// The most messages named in one call.
const MOST_NAMED: usize = 500;

/// Registers an endpoint.
pub(super) async fn create(ctx: &Context<'_>, input: CreateWebhookEndpointInput) -> Result<WebhookSecretPayload> {
    let errors = try_out(ctx, &input.selections).await?;
    let answer = if errors.is_empty() { writing::once(ctx, &input).await? } else { Answer::refused(errors) };
    with_secret(ctx, answer).await
}

/// Changes an endpoint.
pub(super) async fn update(ctx: &Context<'_>, input: UpdateWebhookEndpointInput) -> Result<WebhookEndpointPayload> {
    let errors = try_out(ctx, input.selections.as_deref().unwrap_or_default()).await?;
    let answer = if errors.is_empty() { writing::once(ctx, &input).await? } else { Answer::refused(errors) };
    Ok(WebhookEndpointPayload { endpoint: endpoint(ctx, &answer).await?, user_errors: answer.errors.into() })
}

/// Replaces an endpoint's secret.
pub(super) async fn rotate(ctx: &Context<'_>, input: RotateWebhookSecretInput) -> Result<WebhookSecretPayload> {
    let answer = writing::once(ctx, &input).await?;
    with_secret(ctx, answer).await
}

/// Takes an endpoint away.
pub(super) async fn delete(
    ctx: &Context<'_>,
    input: DeleteWebhookEndpointInput,
) -> Result<DeleteWebhookEndpointPayload> {
    let answer = writing::once(ctx, &input).await?;
    let deleted_id = answer.records.first().map(|id| global_id(*id).into());
    Ok(DeleteWebhookEndpointPayload { deleted_id, user_errors: answer.errors.into() })
}

/// Sends messages again.
pub(super) async fn replay(
    ctx: &Context<'_>,
    input: ReplayWebhookDeliveriesInput,
) -> Result<ReplayWebhookDeliveriesPayload> {
    let answer = writing::once(ctx, &input).await?;
    Ok(ReplayWebhookDeliveriesPayload { endpoint: endpoint(ctx, &answer).await?, user_errors: answer.errors.into() })
}

fn global_id(endpoint: Uuid) -> String {
    GlobalId::new(Kind::WebhookEndpoint, endpoint).to_string()
}

/// Asks each selection, with the rights of whoever registers it.
async fn try_out(ctx: &Context<'_>, selections: &[WebhookSelectionInput]) -> Result<Vec<UserError>> {
    let trials = ctx.data::<Trials>().map_err(|_| Failure::Internal("a request came without its trials"))?;
    let unknown = Caller::default();
    let caller = ctx.data_opt::<Caller>().unwrap_or(&unknown);
    let mut errors = Vec::new();
    // Each event once is looked at later; more than there are events need not be tried.
    for (place, selection) in selections.iter().enumerate().take(WebhookEvent::ALL.len()) {
        if let Some(fault) = trials.fault(caller, selection.event.0, &selection.query).await? {
            errors.push(UserError::at(&["selections", &place.to_string(), "query"], UserErrorCode::Invalid, fault));
        }
    }
    Ok(errors)
}

/// The endpoint that an answer is about, as it stands.
async fn endpoint(ctx: &Context<'_>, answer: &Answer) -> Result<Option<WebhookEndpoint>> {
    let Some(id) = answer.records.first() else { return Ok(None) };
    let row = webhook_endpoint::Entity::find_by_id(*id).one(&Reader::of(ctx)?.db).await?;
    Ok(row.map(|row| WebhookEndpoint(Member::alone(row))))
}

/// The answer with its secret. What is kept of it is which secret that is: whoever sends the same again with its key
/// gets the same answer, as long as the secret signs.
async fn with_secret(ctx: &Context<'_>, answer: Answer) -> Result<WebhookSecretPayload> {
    let writes = ctx.data::<Arc<Writes>>().map_err(|_| Failure::Internal("a request came without its way to write"))?;
    let endpoint = endpoint(ctx, &answer).await?;
    let mut secret = None;
    if let (Some(id), Some(hooks)) = (answer.records.get(1), &writes.hooks)
        && let Some(row) = webhook_secret::Entity::find_by_id(*id).one(&Reader::of(ctx)?.db).await?
    {
        let opened = hooks.vault.open(row.endpoint_id.as_bytes(), &row.sealed);
        let opened = opened.map_err(|_| Failure::Internal("a webhook's secret cannot be opened"))?;
        secret = Some(SigningSecret::from_bytes(opened).reveal());
    }
    Ok(WebhookSecretPayload { endpoint, secret, user_errors: answer.errors.into() })
}

#[async_trait]
impl Work for CreateWebhookEndpointInput {
    fn name(&self) -> &'static str {
        "createWebhookEndpoint"
    }

    fn scope(&self) -> &'static str {
        scope::WEBHOOKS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (hooks, partner) = match standing(writing).await? {
            Ok(standing) => standing,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        let mut checks = Checks::default();
        let url = url(&mut checks, &hooks, &self.url);
        let description = checks.line("description", self.description.as_deref());
        let selections = selections(&mut checks, &self.selections);
        let (Some(url), true) = (url, checks.is_clean()) else { return Ok(Answer::refused(checks.finish())) };
        // Nobody else registers for this partner meanwhile.
        lock_partner(writing.db(), partner).await?;
        let owned = webhook_endpoint::Entity::find()
            .filter(webhook_endpoint::Column::PartnerId.eq(partner))
            .count(writing.db())
            .await?;
        let most = hooks.settings.endpoints_per_partner;
        if owned >= u64::from(most) {
            let message = format!("A partner may have {most} endpoints.");
            return Ok(Answer::refused(vec![UserError::whole(UserErrorCode::TooMany, message)]));
        }
        let now = writing.journal.at();
        let head = journal_head::Entity::find_by_id(1).one(writing.db()).await?;
        let row = webhook_endpoint::Model {
            id: Uuid::now_v7(),
            partner_id: partner,
            url: url.into(),
            description,
            selections,
            scopes: rights(writing),
            status: WebhookEndpointStatus::Active,
            status_reason: None,
            status_at: now,
            failing_since: None,
            not_before: None,
            // It hears of what comes from now on.
            position: head.map_or(0, |head| head.sequence),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let (id, told) = (row.id, account(&row));
        webhook_endpoint::Entity::insert(row.into_active_model()).exec_without_returning(writing.db()).await?;
        let secret = draw(writing.db(), &hooks, id, now).await?;
        note(writing, id, AuditAction::Created, json!({ "after": told }));
        Ok(Answer { records: vec![id, secret], ..Answer::default() })
    }
}

#[async_trait]
impl Work for UpdateWebhookEndpointInput {
    fn name(&self) -> &'static str {
        "updateWebhookEndpoint"
    }

    fn scope(&self) -> &'static str {
        scope::WEBHOOKS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (hooks, before) = match owned(writing, "id", &self.id).await? {
            Ok(owned) => owned,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        if self.expected_version.is_some_and(|expected| expected != before.version) {
            let message = format!("Somebody has changed it: its version is {}.", before.version);
            return Ok(Answer::refused(vec![UserError::at(&["expectedVersion"], UserErrorCode::Conflict, message)]));
        }
        let mut checks = Checks::default();
        let mut row = before.clone();
        if let Some(given) = &self.url
            && let Some(url) = url(&mut checks, &hooks, given)
        {
            row.url = url.into();
        }
        if let Some(description) = &self.description {
            row.description = checks.line("description", Some(description));
        }
        if let Some(given) = &self.selections {
            row.selections = selections(&mut checks, given);
        }
        if !checks.is_clean() {
            return Ok(Answer::refused(checks.finish()));
        }
        let now = writing.journal.at();
        let status = match self.paused {
            Some(true) => WebhookEndpointStatus::Paused,
            Some(false) => WebhookEndpointStatus::Active,
            // One that was invalid is asked anew; one that is gone or failed stays so until its owner says otherwise.
            None if self.selections.is_some() && before.status == WebhookEndpointStatus::Invalid => {
                WebhookEndpointStatus::Active
            }
            None => before.status,
        };
        if status != before.status {
            row.status = status;
            row.status_at = now;
            row.status_reason = (status == WebhookEndpointStatus::Paused).then(|| "Its owner paused it.".to_owned());
        }
        if status == WebhookEndpointStatus::Active {
            // Whatever it failed of may be mended: it is asked at once, and given all its time.
            row.failing_since = None;
            row.not_before = None;
        }
        // Whoever writes it gives it their rights, and never more than they have.
        row.scopes = rights(writing);
        row.version += 1;
        row.updated_at = now;
        let told = json!({ "before": account(&before), "after": account(&row) });
        let id = row.id;
        let position = webhook_endpoint::ActiveModel {
            // The courier moves it meanwhile.
            position: sea_orm::ActiveValue::NotSet,
            ..row.into_active_model().reset_all()
        };
        webhook_endpoint::Entity::update(position).exec(writing.db()).await?;
        note(writing, id, AuditAction::Updated, told);
        Ok(Answer::record(id))
    }
}

#[async_trait]
impl Work for RotateWebhookSecretInput {
    fn name(&self) -> &'static str {
        "rotateWebhookSecret"
    }

    fn scope(&self) -> &'static str {
        scope::WEBHOOKS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        use webhook_secret::Column;
        let (hooks, endpoint) = match owned(writing, "id", &self.id).await? {
            Ok(owned) => owned,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        if self.overlap_hours.is_some_and(|hours| !(0..=LONGEST_OVERLAP).contains(&hours)) {
            let message = format!("This may be 0 to {LONGEST_OVERLAP}.");
            return Ok(Answer::refused(vec![UserError::at(&["overlapHours"], UserErrorCode::Invalid, message)]));
        }
        let hours = self.overlap_hours.map_or(i64::from(hooks.settings.rotation_hours), i64::from);
        let now = writing.journal.at();
        let of_endpoint = || Column::EndpointId.eq(endpoint.id);
        // Two sign at a time, so that a header has two signatures at most; one that was on its way out is out now.
        webhook_secret::Entity::delete_many()
            .filter(of_endpoint())
            .filter(Column::EndsAt.is_not_null())
            .exec(writing.db())
            .await?;
        if hours == 0 {
            webhook_secret::Entity::delete_many().filter(of_endpoint()).exec(writing.db()).await?;
        } else {
            webhook_secret::Entity::update_many()
                .col_expr(Column::EndsAt, Expr::value(now + TimeDelta::hours(hours)))
                .filter(of_endpoint())
                .exec(writing.db())
                .await?;
        }
        let secret = draw(writing.db(), &hooks, endpoint.id, now).await?;
        note(writing, endpoint.id, AuditAction::Updated, json!({ "secret": "rotated", "overlapHours": hours }));
        Ok(Answer { records: vec![endpoint.id, secret], ..Answer::default() })
    }
}

#[async_trait]
impl Work for DeleteWebhookEndpointInput {
    fn name(&self) -> &'static str {
        "deleteWebhookEndpoint"
    }

    fn scope(&self) -> &'static str {
        scope::WEBHOOKS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (_, endpoint) = match owned(writing, "id", &self.id).await? {
            Ok(owned) => owned,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        webhook_endpoint::Entity::delete_by_id(endpoint.id).exec(writing.db()).await?;
        note(writing, endpoint.id, AuditAction::Deleted, json!({ "before": account(&endpoint) }));
        Ok(Answer::record(endpoint.id))
    }
}

#[async_trait]
impl Work for ReplayWebhookDeliveriesInput {
    fn name(&self) -> &'static str {
        "replayWebhookDeliveries"
    }

    fn scope(&self) -> &'static str {
        scope::WEBHOOKS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (_, endpoint) = match owned(writing, "endpoint", &self.endpoint).await? {
            Ok(owned) => owned,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        let refused = |code, message: &str| Answer::refused(vec![UserError::at(&["deliveries"], code, message)]);
        let which = match &self.deliveries {
            None => Replay::Dead,
            Some(ids) if ids.len() > MOST_NAMED => {
                return Ok(refused(UserErrorCode::TooMany, &format!("At most {MOST_NAMED} may be named at once.")));
            }
            Some(ids) => {
                let parse = |id: &ID| GlobalId::parse(id).ok().and_then(|id| id.uuid_of(Kind::WebhookDelivery));
                let Some(ids) = ids.iter().map(parse).collect() else {
                    return Ok(refused(UserErrorCode::NotFound, "There is no message with one of these ids."));
                };
                Replay::These(ids)
            }
        };
        let now = writing.journal.at();
        let due = webhooks::replay(writing.db(), endpoint.id, &which, now).await?;
        note(writing, endpoint.id, AuditAction::Updated, json!({ "replayed": due }));
        Ok(Answer::record(endpoint.id))
    }
}

/// The partner that writes, and what its endpoints need; what is wrong where it is none.
async fn standing(writing: &Writing<'_>) -> Result<std::result::Result<(Hooks, Uuid), UserError>> {
    let Some(hooks) = writing.writes.hooks.clone() else {
        let message = "This hub sends no webhooks: its operator has set no key for their secrets.";
        return Ok(Err(UserError::whole(UserErrorCode::Forbidden, message)));
    };
    Ok(match writing.author().await? {
        Ok(Author::Partner(partner)) => Ok((hooks, partner.id)),
        Ok(_) => {
            let message = "Webhooks are for partners: this token speaks for none.";
            Err(UserError::whole(UserErrorCode::Forbidden, message))
        }
        Err(error) => Err(error),
    })
}

/// An endpoint of the partner that writes, locked. One that is another's is as if it were not there.
async fn owned(
    writing: &Writing<'_>,
    field: &str,
    id: &ID,
) -> Result<std::result::Result<(Hooks, webhook_endpoint::Model), UserError>> {
    let (hooks, partner) = match standing(writing).await? {
        Ok(standing) => standing,
        Err(error) => return Ok(Err(error)),
    };
    let Some(id) = GlobalId::parse(id).ok().and_then(|id| id.uuid_of(Kind::WebhookEndpoint)) else {
        return Ok(Err(unknown(field)));
    };
    let found = webhook_endpoint::Entity::find_by_id(id)
        .filter(webhook_endpoint::Column::PartnerId.eq(partner))
        .lock(LockType::Update)
        .one(writing.db())
        .await?;
    Ok(found.map(|endpoint| (hooks, endpoint)).ok_or_else(|| unknown(field)))
}

fn unknown(field: &str) -> UserError {
    UserError::at(&[field], UserErrorCode::NotFound, "There is no endpoint with this id.")
}

async fn lock_partner(db: &DatabaseTransaction, partner: Uuid) -> Result<()> {
    entity::partner::Entity::find_by_id(partner)
        .select_only()
        .column(entity::partner::Column::Id)
        .order_by_asc(entity::partner::Column::Id)
        .lock(LockType::Update)
        .into_tuple::<Uuid>()
        .one(db)
        .await?;
    Ok(())
}

fn url(checks: &mut Checks, hooks: &Hooks, text: &str) -> Option<Url> {
    let Ok(url) = Url::parse(text.trim()) else {
        checks.fault("url", UserErrorCode::Invalid, "This is no address.");
        return None;
    };
    if let Some(fault) = hooks.reach.fault(&url) {
        checks.fault("url", UserErrorCode::Invalid, fault);
        return None;
    }
    Some(url)
}

fn selections(checks: &mut Checks, given: &[WebhookSelectionInput]) -> Selections {
    if given.is_empty() {
        checks.fault("selections", UserErrorCode::Invalid, "An endpoint that hears of nothing is none.");
    }
    let mut selections = Selections::default();
    for selection in given {
        if selections.of(selection.event.0).is_some() {
            let message = format!("`{}` is there twice.", selection.event.0.code());
            checks.fault("selections", UserErrorCode::Invalid, message);
        } else {
            selections.0.push(Selection { event: selection.event.0, query: selection.query.clone() });
        }
    }
    selections
}

/// The rights that the endpoint is answered with: the scopes of the hub's own that the token holds and that read.
fn rights(writing: &Writing<'_>) -> Texts {
    let held = |scope: &&str| writing.holds(scope);
    Texts([scope::ALLIANCE_READ, scope::SYNC_READ].iter().copied().filter(held).map(str::to_owned).collect())
}

/// Draws a new secret and seals it.
async fn draw(db: &DatabaseTransaction, hooks: &Hooks, endpoint_id: Uuid, now: DateTime<Utc>) -> Result<Uuid> {
    let secret = SigningSecret::draw().ok_or(Failure::Internal("there is no chance to draw a secret from"))?;
    let sealed = hooks.vault.seal(endpoint_id.as_bytes(), secret.bytes());
    let sealed = sealed.map_err(|_| Failure::Internal("a webhook's secret cannot be sealed"))?;
    let row = webhook_secret::Model { id: Uuid::now_v7(), endpoint_id, sealed, created_at: now, ends_at: None };
    let id = row.id;
    webhook_secret::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(id)
}

/// What the audit trail has of an endpoint. Of its address the host alone: what stands behind may be a secret.
fn account(endpoint: &webhook_endpoint::Model) -> Value {
    let host = Url::parse(&endpoint.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    json!({
        "host": host,
        "events": endpoint.selections.0.iter().map(|selection| selection.event.code()).collect::<Vec<_>>(),
        "scopes": endpoint.scopes.0,
        "status": endpoint.status.code(),
    })
}

fn note(writing: &mut Writing<'_>, endpoint: Uuid, action: AuditAction, mut details: Value) {
    details["webhook"] = json!(global_id(endpoint));
    writing.note(Deed {
        activity: scope::WEBHOOKS_WRITE,
        action,
        status: AuditStatus::Ok,
        record: None,
        details: Some(details),
    });
}
