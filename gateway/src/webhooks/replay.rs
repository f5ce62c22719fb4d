//! Sending messages again by hand: dead letters, or any others. Under the same `webhook-id`, so that a receiver that has
//! had one knows it again.

use chrono::{DateTime, Utc};
use entity::webhook_delivery::{self, Column, WebhookDeliveryStatus};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use uuid::Uuid;

/// Which messages of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Its dead letters.
    Dead,
    /// These, whatever became of them.
    These(Vec<Uuid>),
}

/// Makes messages due at once, with all their attempts before them. Returns how many. One that is being sent at this
/// moment is left alone.
///
/// # Errors
/// Where the store fails.
pub async fn replay(
    db: &impl ConnectionTrait,
    endpoint: Uuid,
    which: &Replay,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let mut update = webhook_delivery::Entity::update_many()
        .col_expr(Column::Status, Expr::value(WebhookDeliveryStatus::Pending))
        .col_expr(Column::StatusReason, Expr::value(None::<String>))
        .col_expr(Column::Attempts, Expr::value(0))
        .col_expr(Column::NextAt, Expr::value(now))
        .col_expr(Column::EndedAt, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::ClaimedUntil.is_null().or(Column::ClaimedUntil.lt(now)));
    update = match which {
        Replay::Dead => update.filter(Column::Status.eq(WebhookDeliveryStatus::Dead)),
        Replay::These(ids) => update.filter(Column::Id.is_in(ids.iter().copied())),
    };
    Ok(update.exec(db).await?.rows_affected)
}
