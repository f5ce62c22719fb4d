//! From the journal to deliveries: each endpoint has a place in the journal, and everything behind it is looked at once.
//! Deliveries and the place move in one transaction, so that a kill at any instant loses nothing and doubles nothing.
//! An endpoint that is switched off keeps its place, and hears of what it missed when it is switched on.

use chrono::{DateTime, Utc};
use entity::vocabulary::RecordType;
use entity::webhook_delivery::{self, WebhookDeliveryStatus};
use entity::webhook_endpoint::{self, WebhookEndpointStatus};
use entity::{Code, change, partner};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    TransactionTrait,
};
use uuid::Uuid;

use super::{Courier, CourierError};
use crate::feed;
use crate::graphql::webhooks::Heard;

/// Changes looked at together.
const PAGE: u64 = 500;
/// Rows in one statement: SQLite binds 32,766 values at most.
const AT_ONCE: usize = 1_000;
/// What endpoints may hear of comes from changes of these.
const TYPES: [RecordType; 3] = [RecordType::Need, RecordType::Offer, RecordType::Commitment];

impl Courier {
    /// Makes deliveries of everything in the journal that endpoints have not been told of. Returns how many.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn plan(&self) -> Result<usize, CourierError> {
        let end = feed::end(&self.db).await?;
        let mut made = 0;
        loop {
            let behind = behind(&self.db, end).await?;
            let Some(position) = behind.first().map(|endpoint| endpoint.position) else { return Ok(made) };
            let changes = changes(&self.db, position, end).await?;
            let is_last = (changes.len() as u64) < PAGE;
            let reached = changes.last().filter(|_| !is_last).map_or(end, |change| change.sequence);
            let mut quiet = Vec::new();
            for endpoint in behind.into_iter().filter(|endpoint| endpoint.position == position) {
                let heard = if changes.is_empty() { Vec::new() } else { self.graph.heard(&endpoint, &changes).await? };
                if heard.is_empty() {
                    quiet.push(endpoint.id);
                } else {
                    made += enter(&self.db, &endpoint, heard, reached, self.clock.now()).await?;
                }
            }
            if !quiet.is_empty() {
                advance(&quiet, position, reached).exec(&self.db).await?;
            }
        }
    }
}

/// The endpoints that hear, of partners that are there, and that have not been told of everything up to `end`.
async fn behind(db: &DatabaseConnection, end: i64) -> Result<Vec<webhook_endpoint::Model>, DbErr> {
    use webhook_endpoint::Column;
    let mut partners = Query::select();
    partners.column(partner::Column::Id).from(partner::Entity).and_where(partner::Column::DeletedAt.is_null());
    webhook_endpoint::Entity::find()
        .filter(Column::Status.eq(WebhookEndpointStatus::Active))
        .filter(Column::Position.lt(end))
        .filter(Column::PartnerId.in_subquery(partners))
        .order_by_asc(Column::Position)
        .all(db)
        .await
}

async fn changes(db: &DatabaseConnection, position: i64, end: i64) -> Result<Vec<change::Model>, DbErr> {
    use change::Column;
    change::Entity::find()
        .filter(Column::Sequence.gt(position))
        .filter(Column::Sequence.lte(end))
        .filter(Column::RecordType.is_in(TYPES.map(Code::code)))
        .order_by_asc(Column::Sequence)
        .limit(PAGE)
        .all(db)
        .await
}

/// Moves endpoints on that still stand at `position`.
fn advance(endpoints: &[Uuid], position: i64, reached: i64) -> sea_orm::UpdateMany<webhook_endpoint::Entity> {
    use webhook_endpoint::Column;
    webhook_endpoint::Entity::update_many()
        .col_expr(Column::Position, Expr::value(reached))
        .filter(Column::Id.is_in(endpoints.iter().copied()))
        .filter(Column::Position.eq(position))
        .filter(Column::Status.eq(WebhookEndpointStatus::Active))
}

/// Enters deliveries and moves their endpoint on; neither where another worker was faster.
async fn enter(
    db: &DatabaseConnection,
    endpoint: &webhook_endpoint::Model,
    heard: Vec<Heard>,
    reached: i64,
    now: DateTime<Utc>,
) -> Result<usize, DbErr> {
    let transaction = db.begin().await?;
    let moved = advance(&[endpoint.id], endpoint.position, reached).exec(&transaction).await?;
    if moved.rows_affected == 0 {
        transaction.rollback().await?;
        return Ok(0);
    }
    let mut made = 0;
    for heard in heard.chunks(AT_ONCE) {
        let rows = heard.iter().map(|heard| row(endpoint.id, heard, now).into_active_model());
        made += webhook_delivery::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([
                    webhook_delivery::Column::EndpointId,
                    webhook_delivery::Column::Event,
                    webhook_delivery::Column::RecordId,
                    webhook_delivery::Column::Sequence,
                ])
                .do_nothing()
                .to_owned(),
            )
            .exec_without_returning(&transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(usize::try_from(made).unwrap_or(usize::MAX))
}

fn row(endpoint_id: Uuid, heard: &Heard, now: DateTime<Utc>) -> webhook_delivery::Model {
    webhook_delivery::Model {
        id: Uuid::now_v7(),
        endpoint_id,
        event: heard.event,
        sequence: heard.sequence,
        action: heard.action,
        record_type: heard.record_type,
        record_id: heard.record_id,
        offers: webhook_delivery::RecordIds(heard.offers.clone()),
        happened_at: heard.happened_at,
        status: WebhookDeliveryStatus::Pending,
        status_reason: None,
        attempts: 0,
        next_at: now,
        claim: None,
        claimed_until: None,
        ended_at: None,
        created_at: now,
    }
}
