//! Anything with a global id.

use std::collections::HashMap;

use async_graphql::{ID, Interface};
use entity::global_id::{GlobalId, Kind};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter};

use super::commitment::Commitment;
use super::housing_option::HousingOption;
use super::housing_scheme::HousingScheme;
use super::initiative::Initiative;
use super::municipality::Municipality;
use super::need::Need;
use super::offer::Offer;
use super::partner::Partner;
use super::provenance::Provenance;
use super::school::School;
use super::school_board::SchoolBoard;
use super::source::SyncRun;
use crate::auth::scope;
use crate::error::{Failure, Result};
use crate::graphql::connection::these;
use crate::graphql::items::Items;
use crate::graphql::level::{Level, Member};
use crate::graphql::list::{is_among, qualified};
use crate::graphql::reader::Reader;
use crate::graphql::rows::Row;

/// Anything that can be fetched again by its global id.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id: opaque, and the same as long as the record lives."))]
pub(crate) enum Node {
    /// A school location.
    School(School),
    /// A school board.
    SchoolBoard(SchoolBoard),
    /// A municipality.
    Municipality(Municipality),
    /// A partner.
    Partner(Partner),
    /// A need.
    Need(Need),
    /// An offer.
    Offer(Offer),
    /// A commitment.
    Commitment(Commitment),
    /// A home for teachers.
    HousingOption(HousingOption),
    /// A priority scheme.
    HousingScheme(HousingScheme),
    /// An initiative.
    Initiative(Initiative),
    /// A sync run.
    SyncRun(SyncRun),
}

/// A record that came from, or is kept by, a known system.
#[derive(Clone, Interface)]
#[graphql(field(
    name = "provenance",
    ty = "Result<Provenance>",
    desc = "Where the record comes from, and how fresh it is."
))]
pub(crate) enum Sourced {
    /// A school location.
    School(School),
    /// A school board.
    SchoolBoard(SchoolBoard),
    /// A partner.
    Partner(Partner),
    /// A need.
    Need(Need),
    /// An offer.
    Offer(Offer),
    /// A commitment.
    Commitment(Commitment),
    /// A home for teachers.
    HousingOption(HousingOption),
    /// A priority scheme.
    HousingScheme(HousingScheme),
}

/// A global id that a client gave.
///
/// # Errors
/// Where it is none.
pub(crate) fn parse(id: &ID) -> Result<GlobalId> {
    GlobalId::parse(id).map_err(|error| Failure::bad_user_input(format!("`{}`: {error}.", id.as_str())))
}

/// The records of one kind that the viewer may see, among these identities, in one statement.
pub(in crate::graphql) async fn visible(reader: &Reader, kind: Kind, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Node>> {
    let all = Condition::all;
    let viewer = &reader.viewer;
    match kind {
        Kind::School => found(reader, ids, all(), |row| Node::School(School(row))).await,
        Kind::SchoolBoard => found(reader, ids, all(), |row| Node::SchoolBoard(SchoolBoard(row))).await,
        Kind::Partner => found(reader, ids, all(), |row| Node::Partner(Partner(row))).await,
        Kind::Need => found(reader, ids, viewer.needs(), |row| Node::Need(Need(row))).await,
        Kind::Offer => found(reader, ids, viewer.offers(), |row| Node::Offer(Offer(row))).await,
        Kind::Commitment => found(reader, ids, viewer.commitments(), |row| Node::Commitment(Commitment(row))).await,
        Kind::HousingOption => found(reader, ids, viewer.homes(), |row| Node::HousingOption(HousingOption(row))).await,
        Kind::HousingScheme => found(reader, ids, all(), |row| Node::HousingScheme(HousingScheme(row))).await,
        Kind::Initiative => found(reader, ids, all(), |row| Node::Initiative(Initiative(row))).await,
        Kind::SyncRun if viewer.may(scope::SYNC_READ) => {
            found(reader, ids, all(), |row| Node::SyncRun(SyncRun(row))).await
        }
        Kind::SyncRun | Kind::Municipality | Kind::WebhookEndpoint | Kind::WebhookDelivery => Ok(HashMap::new()),
    }
}

async fn found<R: Row>(
    reader: &Reader,
    ids: Vec<R::Id>,
    condition: Condition,
    node: fn(Member<R>) -> Node,
) -> Result<HashMap<R::Id, Node>> {
    reader.touch(R::RECORD_TYPE);
    let db = reader.within(|| these::<R>(&ids));
    let mut select =
        R::Entity::find().filter(is_among(qualified(R::ID), ids, db.get_database_backend())).filter(condition);
    if let Some(deleted_at) = R::DELETED_AT {
        select = select.filter(qualified(deleted_at).is_null());
    }
    let members = Level::members(select.all(&db).await?).into_iter();
    Ok(members.map(|member| (member.id(), node(member))).collect())
}

/// The records of these ids that the viewer may see, in their order: a statement for each kind among them.
pub(crate) async fn nodes(reader: &Reader, ids: &[GlobalId]) -> Result<Items<Option<Node>>> {
    let mut by_kind: HashMap<Kind, Vec<&GlobalId>> = HashMap::new();
    for id in ids {
        by_kind.entry(id.kind).or_default().push(id);
    }
    let mut nodes: HashMap<GlobalId, Node> = HashMap::new();
    for (kind, ids) in by_kind {
        if kind == Kind::Municipality {
            let codes = ids.iter().map(|id| id.key.clone()).collect();
            let found = found(reader, codes, Condition::all(), |row| Node::Municipality(Municipality(row))).await?;
            nodes.extend(found.into_iter().map(|(code, node)| (GlobalId::new(kind, code), node)));
        } else {
            let found = visible(reader, kind, ids.iter().filter_map(|id| id.uuid()).collect()).await?;
            nodes.extend(found.into_iter().map(|(id, node)| (GlobalId::new(kind, id), node)));
        }
    }
    let canonical = |id: &GlobalId| match id.uuid() {
        Some(uuid) => GlobalId::new(id.kind, uuid),
        None => id.clone(),
    };
    Ok(ids.iter().map(|id| nodes.get(&canonical(id)).cloned()).collect())
}
