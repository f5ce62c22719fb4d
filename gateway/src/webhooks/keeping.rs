//! What webhooks keep, and for how long; and secrets encrypted anew where the operator has changed the key.

use chrono::{DateTime, TimeDelta, Utc};
use connectors::vault::Vault;
use entity::webhook_delivery::{self, WebhookDeliveryStatus};
use entity::webhook_endpoint::{self, WebhookEndpointStatus};
use entity::webhook_secret;
use sea_orm::sea_query::{Condition, Expr, Query};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter};

/// Lets go of messages that ended, or that nobody will take, and have been kept for long enough; and of secrets that do
/// not sign any more.
pub(super) async fn let_go(db: &DatabaseConnection, now: DateTime<Utc>, kept_for: TimeDelta) -> Result<(), DbErr> {
    use webhook_delivery::Column;
    webhook_secret::Entity::delete_many().filter(webhook_secret::Column::EndsAt.lt(now)).exec(db).await?;
    let Some(before) = now.checked_sub_signed(kept_for) else { return Ok(()) };
    let mut hearing = Query::select();
    hearing
        .column(webhook_endpoint::Column::Id)
        .from(webhook_endpoint::Entity)
        .and_where(webhook_endpoint::Column::Status.eq(WebhookEndpointStatus::Active));
    let is_over = Condition::any()
        .add(Column::Status.ne(WebhookDeliveryStatus::Pending))
        .add(Column::EndpointId.not_in_subquery(hearing));
    let gone =
        webhook_delivery::Entity::delete_many().filter(Column::CreatedAt.lt(before)).filter(is_over).exec(db).await?;
    if gone.rows_affected > 0 {
        tracing::info!(deliveries = gone.rows_affected, "{} webhook messages are past their time", gone.rows_affected);
    }
    Ok(())
}

/// What came of sealing anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resealed {
    /// How many are sealed under the current key by now.
    pub(crate) current: usize,
    /// How many can be opened under neither.
    pub(crate) lost: usize,
}

/// Seals under the current key what is sealed under the previous one. What can be opened under neither is told of and left.
pub(crate) async fn reseal(db: &DatabaseConnection, vault: &Vault) -> Result<Resealed, DbErr> {
    let mut resealed = Resealed::default();
    for secret in webhook_secret::Entity::find().all(db).await? {
        if vault.is_current(&secret.sealed) {
            resealed.current += 1;
            continue;
        }
        let purpose = secret.endpoint_id.as_bytes();
        match vault.open(purpose, &secret.sealed).and_then(|opened| vault.seal(purpose, &opened)) {
            Ok(sealed) => {
                webhook_secret::Entity::update_many()
                    .col_expr(webhook_secret::Column::Sealed, Expr::value(sealed))
                    .filter(webhook_secret::Column::Id.eq(secret.id))
                    .exec(db)
                    .await?;
                resealed.current += 1;
            }
            Err(error) => {
                resealed.lost += 1;
                tracing::error!(
                    webhook.endpoint = %secret.endpoint_id,
                    error = &error as &dyn std::error::Error,
                    "messages to a webhook's endpoint cannot be signed: set webhooks.previous_encryption_key, or let its \
                     owner rotate its secret"
                );
            }
        }
    }
    Ok(resealed)
}
