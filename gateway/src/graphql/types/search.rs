//! What a search finds.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, Object, Union};
use entity::vocabulary::RecordType;
use entity::{initiative, need, offer, partner, school};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter};

use super::initiative::Initiative;
use super::need::Need;
use super::offer::Offer;
use super::partner::Partner;
use super::school::School;
use crate::error::Result;
use crate::graphql::items::Items;
use crate::graphql::level::{Level, Member};
use crate::graphql::list::{is_among, qualified};
use crate::graphql::page::{PageArguments, PageInfo};
use crate::graphql::reader::Reader;
use crate::graphql::rows::Row;
use crate::graphql::search::{Hits, Search};

/// What a search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum SearchType {
    /// School locations (vestigingen), by name, BRIN code and place.
    School,
    /// Partners, by name, KvK number and description.
    Partner,
    /// Needs (hulpvragen), by title, description, school and place.
    Need,
    /// Offers (aanbod), by title, description, partner and where they reach.
    Offer,
    /// Initiatives (initiatieven), by name, summary and place.
    Initiative,
}

impl SearchType {
    const ALL: [Self; 5] = [Self::School, Self::Partner, Self::Need, Self::Offer, Self::Initiative];

    /// As documents name it.
    fn code(self) -> &'static str {
        match self {
            Self::School => "SCHOOL",
            Self::Partner => "PARTNER",
            Self::Need => "NEED",
            Self::Offer => "OFFER",
            Self::Initiative => "INITIATIVE",
        }
    }

    fn record_type(self) -> Option<RecordType> {
        match self {
            Self::School => Some(RecordType::School),
            Self::Partner => Some(RecordType::Partner),
            Self::Need => Some(RecordType::Need),
            Self::Offer => Some(RecordType::Offer),
            Self::Initiative => None,
        }
    }
}

/// A record that a search found.
#[derive(Clone, Union)]
pub(crate) enum SearchResult {
    /// A school location.
    School(School),
    /// A partner.
    Partner(Partner),
    /// A need.
    Need(Need),
    /// An offer.
    Offer(Offer),
    /// An initiative.
    Initiative(Initiative),
}

/// A page of what a search found, best first.
pub(crate) struct SearchConnection {
    search: Arc<Search>,
    edges: Vec<SearchEdge>,
    page_info: PageInfo,
}

/// A page of what a search found, best first.
#[Object]
impl SearchConnection {
    /// The records with their cursors and scores.
    async fn edges(&self) -> &[SearchEdge] {
        &self.edges
    }

    /// The records.
    async fn nodes(&self) -> Items<SearchResult> {
        self.edges.iter().map(|edge| edge.node.clone()).collect()
    }

    /// Where in the list this page lies.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many records were found in all.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        self.search.count(Reader::of(ctx)?).await
    }
}

/// A record that a search found.
pub(crate) struct SearchEdge {
    cursor: String,
    score: f64,
    node: SearchResult,
}

/// A record that a search found.
#[Object]
impl SearchEdge {
    /// Where the record lies in the list: give it as `after`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The record.
    async fn node(&self) -> &SearchResult {
        &self.node
    }

    /// How well it fits, 0 to 1: where the words stand in it, and among equals how short its title is. The same for the
    /// same record and text, whatever else there is.
    async fn score(&self) -> f64 {
        self.score
    }
}

/// Looks for `text`. Where no types are given, among all.
pub(crate) async fn search(
    reader: &Reader,
    text: &str,
    types: Option<Vec<SearchType>>,
    page: &PageArguments,
) -> Result<SearchConnection> {
    let types = types.unwrap_or_else(|| SearchType::ALL.to_vec());
    for searched in &types {
        reader.touch(searched.record_type());
    }
    let codes = SearchType::ALL.iter().filter(|searched| types.contains(searched)).map(|searched| searched.code());
    let search = Search::new(reader, text, codes.collect(), page).await?;
    let Hits { hits, has_next, has_previous } = search.page(reader).await?;
    let ids = |searched: SearchType| -> Vec<Uuid> {
        hits.iter().filter(|hit| hit.record_type == searched.code()).map(|hit| hit.record_id).collect()
    };
    let schools = rows::<school::Model>(reader, ids(SearchType::School), Condition::all()).await?;
    let partners = rows::<partner::Model>(reader, ids(SearchType::Partner), Condition::all()).await?;
    let needs = rows::<need::Model>(reader, ids(SearchType::Need), reader.viewer.needs()).await?;
    let offers = rows::<offer::Model>(reader, ids(SearchType::Offer), reader.viewer.offers()).await?;
    let initiatives = rows::<initiative::Model>(reader, ids(SearchType::Initiative), Condition::all()).await?;
    let page_info = PageInfo {
        has_next_page: has_next,
        has_previous_page: has_previous,
        start_cursor: hits.first().map(|hit| hit.cursor.clone()),
        end_cursor: hits.last().map(|hit| hit.cursor.clone()),
    };
    let node = |record_type: &str, id: Uuid| match record_type {
        "SCHOOL" => schools.get(&id).cloned().map(|row| SearchResult::School(School(row))),
        "PARTNER" => partners.get(&id).cloned().map(|row| SearchResult::Partner(Partner(row))),
        "NEED" => needs.get(&id).cloned().map(|row| SearchResult::Need(Need(row))),
        "OFFER" => offers.get(&id).cloned().map(|row| SearchResult::Offer(Offer(row))),
        _ => initiatives.get(&id).cloned().map(|row| SearchResult::Initiative(Initiative(row))),
    };
    // What went between the two statements is left out.
    let edges = hits.into_iter().filter_map(|hit| {
        let node = node(&hit.record_type, hit.record_id)?;
        Some(SearchEdge { cursor: hit.cursor, score: hit.score, node })
    });
    Ok(SearchConnection { edges: edges.collect(), page_info, search: Arc::new(search) })
}

/// The rows of these identities that stand and that the viewer may see, as one level. No statement where there are none.
async fn rows<R: Row<Id = Uuid>>(
    reader: &Reader,
    ids: Vec<Uuid>,
    visible: Condition,
) -> Result<HashMap<Uuid, Member<R>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut select =
        R::Entity::find().filter(visible).filter(is_among(qualified(R::ID), ids, reader.db.get_database_backend()));
    if let Some(deleted_at) = R::DELETED_AT {
        select = select.filter(qualified(deleted_at).is_null());
    }
    let members = Level::members(select.all(&reader.db).await?).into_iter();
    Ok(members.map(|member| (member.id(), member)).collect())
}
