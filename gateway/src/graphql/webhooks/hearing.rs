//! Which changes concern an endpoint.

use std::collections::{HashMap, HashSet};

use entity::vocabulary::{ChangeAction, OfferStatus, RecordType};
use entity::webhook_delivery;
use entity::webhook_endpoint::{self, WebhookEvent};
use entity::{change, offer};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::Heard;
use crate::error::Result;
use crate::graphql::list::qualified;
use crate::graphql::reader::Reader;
use crate::graphql::suggest;

/// Needs that changed and fit offers of the partner, each once; and needs that offers which changed fit, of which the
/// endpoint has not been told before.
pub(super) async fn needs(
    reader: &Reader,
    endpoint: &webhook_endpoint::Model,
    changes: &[change::Model],
) -> Result<Vec<Heard>> {
    let is_there = |change: &&change::Model| change.action != ChangeAction::Deleted;
    let mut latest: HashMap<Uuid, &change::Model> = HashMap::new();
    for change in changes.iter().filter(|change| change.record_type == RecordType::Need).filter(is_there) {
        latest.insert(change.record_id, change);
    }
    let fitting = suggest::fitting(reader, endpoint.partner_id, latest.keys().copied().collect()).await?;
    let mut heard: Vec<Heard> = Vec::new();
    for (need, offers) in fitting {
        if let Some(change) = latest.get(&need) {
            heard.push(Heard { offers, ..Heard::of(WebhookEvent::NeedFits, change) });
        }
    }
    let mut offers: HashMap<Uuid, &change::Model> = HashMap::new();
    let own = |change: &&change::Model| {
        change.record_type == RecordType::Offer && change.partner_id == Some(endpoint.partner_id)
    };
    for change in changes.iter().filter(own).filter(is_there) {
        offers.insert(change.record_id, change);
    }
    let rows = offer::Entity::find()
        .filter(qualified(offer::Column::Id).is_in(offers.keys().copied()))
        .filter(offer::Column::Status.eq(OfferStatus::Published))
        .filter(qualified(offer::Column::DeletedAt).is_null());
    let rows = if offers.is_empty() { Vec::new() } else { rows.all(&reader.db).await? };
    let mut fitting = suggest::fitted(reader, rows).await?;
    let told = told_before(reader, endpoint.id, fitting.keys().copied().collect()).await?;
    let now: HashSet<Uuid> = heard.iter().map(|heard| heard.record_id).collect();
    fitting.retain(|need, _| !told.contains(need) && !now.contains(need));
    for (record_id, fits) in fitting {
        let change = fits.iter().filter_map(|offer| offers.get(offer)).max_by_key(|change| change.sequence);
        if let Some(change) = change {
            let heard_of = Heard::of(WebhookEvent::NeedFits, change);
            heard.push(Heard { record_type: RecordType::Need, record_id, offers: fits, ..heard_of });
        }
    }
    Ok(heard)
}

/// The needs among these that the endpoint has been told of, or is to be.
async fn told_before(reader: &Reader, endpoint: Uuid, needs: Vec<Uuid>) -> Result<HashSet<Uuid>> {
    use webhook_delivery::Column;
    if needs.is_empty() {
        return Ok(HashSet::new());
    }
    let told: Vec<Uuid> = webhook_delivery::Entity::find()
        .select_only()
        .column(Column::RecordId)
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::Event.eq(WebhookEvent::NeedFits))
        .filter(Column::RecordId.is_in(needs))
        .into_tuple()
        .all(&reader.db)
        .await?;
    Ok(told.into_iter().collect())
}

/// Changes of the partner's own commitments, as the change feed tells of them.
pub(super) async fn commitments(
    reader: &Reader,
    endpoint: &webhook_endpoint::Model,
    changes: &[change::Model],
) -> Result<Vec<Heard>> {
    use change::Column;
    let own: Vec<&change::Model> = changes
        .iter()
        .filter(|change| change.record_type == RecordType::Commitment)
        .filter(|change| change.partner_id == Some(endpoint.partner_id))
        .collect();
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let told: Vec<i64> = change::Entity::find()
        .select_only()
        .column(Column::Sequence)
        .filter(qualified(Column::Sequence).is_in(own.iter().map(|change| change.sequence)))
        .filter(reader.viewer.changes())
        .into_tuple()
        .all(&reader.db)
        .await?;
    let told: HashSet<i64> = told.into_iter().collect();
    let is_told = |change: &&&change::Model| told.contains(&change.sequence);
    Ok(own.iter().filter(is_told).map(|change| Heard::of(WebhookEvent::CommitmentChanged, change)).collect())
}
