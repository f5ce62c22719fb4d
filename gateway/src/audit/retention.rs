//! How long things are kept that are not records: entries of the audit trail, and answers to mutations that may be sent
//! again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{Clock, audit_entry, audit_retention, idempotency_key};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, TransactionTrait};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Time between looks.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Entries of the audit trail. `None`: for ever.
    pub entries: Option<TimeDelta>,
    /// Answers to mutations.
    pub answers: TimeDelta,
}

/// Lets go, now and every hour until `stop`, of what has been kept for long enough.
pub fn keep(db: DatabaseConnection, clock: Clock, retention: Retention, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            if let Err(error) = let_go(&db, clock.now(), retention).await {
                error!(error = &error as &dyn std::error::Error, "what was kept for long enough could not be let go");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    })
}

/// Lets go of what has been kept for long enough at this instant.
///
/// # Errors
/// Where the store fails.
pub async fn let_go(db: &DatabaseConnection, now: DateTime<Utc>, retention: Retention) -> Result<(), DbErr> {
    idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::CreatedAt.lt(now - retention.answers))
        .exec(db)
        .await?;
    let Some(ends_before) = retention.entries.and_then(|kept| now.checked_sub_signed(kept)) else { return Ok(()) };
    // The database lets entries go only from before the instant that stands here, and only while it stands.
    let transaction = db.begin().await?;
    let door = |ends_before: Option<DateTime<Utc>>| {
        audit_retention::Entity::update_many().col_expr(audit_retention::Column::EndsBefore, Expr::value(ends_before))
    };
    door(Some(ends_before)).exec(&transaction).await?;
    let gone = audit_entry::Entity::delete_many()
        .filter(audit_entry::Column::At.lt(ends_before))
        .exec(&transaction)
        .await?
        .rows_affected;
    door(None).exec(&transaction).await?;
    transaction.commit().await?;
    if gone > 0 {
        info!(entries = gone, "{gone} entries of the audit trail are past their time and are gone");
    }
    Ok(())
}
