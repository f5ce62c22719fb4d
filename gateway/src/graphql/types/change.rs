//! The change feed: what was created, changed or deleted, in an order that never gains an earlier entry later.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{ChangeAction, RecordType};
use entity::{MunicipalityCode, change};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::node::{Node, visible};
use super::source::Source;
use crate::error::{Failure, Result};
use crate::graphql::conditions::is_one_of;
use crate::graphql::items::Items;
use crate::graphql::level::{Level, Member};
use crate::graphql::list::qualified;
use crate::graphql::page::PageInfo;
use crate::graphql::reader::Reader;
use crate::graphql::vocabulary::Term;

/// Changes on a page where the client does not say.
pub(crate) const DEFAULT_LENGTH: u64 = 100;
/// The most changes on a page.
pub(crate) const LONGEST: u64 = 500;

/// Something that happened to a record.
#[derive(Clone)]
pub(crate) struct Change(Member<change::Model>);

type Records = HashMap<(RecordType, Uuid), Node>;

impl Change {
    /// A change that is told by itself.
    pub(crate) fn alone(change: change::Model) -> Self {
        Self(Member::alone(change))
    }

    /// The records of the whole level that the viewer may see: a statement for each type among them.
    async fn records(&self, ctx: &Context<'_>) -> Result<Arc<Records>> {
        let reader = Reader::of(ctx)?;
        let load = async {
            let mut wanted: HashMap<RecordType, HashSet<Uuid>> = HashMap::new();
            for change in self.0.siblings() {
                wanted.entry(change.record_type).or_default().insert(change.record_id);
            }
            let mut records = Records::new();
            for (record_type, ids) in wanted {
                let found = visible(reader, kind(record_type), ids.into_iter().collect()).await?;
                records.extend(found.into_iter().map(|(id, node)| ((record_type, id), node)));
            }
            Ok(records)
        };
        self.0.once("records".to_owned(), load).await
    }
}

/// Something that happened to a record.
#[Object]
impl Change {
    /// Where the feed goes on behind this change: give it as `after`.
    async fn cursor(&self) -> String {
        cursor_of(self.0.sequence)
    }

    /// Its number in the feed; grows, with gaps where the viewer may not see what changed.
    async fn sequence(&self) -> String {
        self.0.sequence.to_string()
    }

    /// When it was committed.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// What happened. A record that the viewer may no longer see counts as deleted, and of one that they never could see
    /// nothing is told: so the first they hear of a record can be that it was updated.
    async fn action(&self, ctx: &Context<'_>) -> Result<Term<ChangeAction>> {
        let is_there = self.records(ctx).await?.contains_key(&(self.0.record_type, self.0.record_id));
        Ok(Term(if is_there { self.0.action } else { ChangeAction::Deleted }))
    }

    /// What kind of record it is.
    async fn record_type(&self) -> Term<RecordType> {
        Term(self.0.record_type)
    }

    /// The record's global id.
    async fn record_id(&self) -> ID {
        GlobalId::new(kind(self.0.record_type), self.0.record_id).to_string().into()
    }

    /// The record as it is now; null once deleted.
    async fn record(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        Ok(self.records(ctx).await?.get(&(self.0.record_type, self.0.record_id)).cloned())
    }

    /// The source that told of the change; null where it came otherwise.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        let Some(id) = &self.0.source_id else { return Ok(None) };
        Ok(Reader::of(ctx)?.sources().await?.get(id).cloned().map(Source))
    }
}

/// The kind of ids that records of this type have.
pub(in crate::graphql) fn kind(record_type: RecordType) -> Kind {
    match record_type {
        RecordType::School => Kind::School,
        RecordType::SchoolBoard => Kind::SchoolBoard,
        RecordType::Partner => Kind::Partner,
        RecordType::Need => Kind::Need,
        RecordType::Offer => Kind::Offer,
        RecordType::Commitment => Kind::Commitment,
        RecordType::HousingOption => Kind::HousingOption,
        RecordType::HousingScheme => Kind::HousingScheme,
    }
}

/// A page of the change feed, oldest first.
pub(crate) struct ChangeConnection {
    changes: Vec<Change>,
    has_next: bool,
    has_previous: bool,
    condition: Condition,
}

/// A page of the change feed, oldest first.
#[Object]
impl ChangeConnection {
    /// The changes with their cursors.
    async fn edges(&self) -> Items<ChangeEdge> {
        self.changes.iter().cloned().map(ChangeEdge).collect()
    }

    /// The changes.
    async fn nodes(&self) -> Items<Change> {
        self.changes.clone().into()
    }

    /// Where in the feed this page lies.
    async fn page_info(&self) -> PageInfo {
        let cursor = |change: Option<&Change>| change.map(|change| cursor_of(change.0.sequence));
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: cursor(self.changes.first()),
            end_cursor: cursor(self.changes.last()),
        }
    }

    /// How many changes the whole feed has, of what was asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let count = change::Entity::find().filter(self.condition.clone()).count(&Reader::of(ctx)?.db).await?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// A change of a page.
pub(crate) struct ChangeEdge(Change);

/// A change of a page.
#[Object]
impl ChangeEdge {
    /// Where the feed goes on behind this change: give it as `after`.
    async fn cursor(&self) -> String {
        cursor_of(self.0.0.sequence)
    }

    /// The change.
    async fn node(&self) -> Change {
        self.0.clone()
    }
}

/// The place in the feed behind a change, as clients see it.
pub(crate) fn cursor_of(sequence: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("change:{sequence}"))
}

fn read_cursor(text: &str) -> Option<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("change:")?.parse().ok()
}

/// The place in the feed that a client gave as `after`.
///
/// # Errors
/// Where it is none.
pub(crate) fn sequence_of(after: &str) -> Result<i64> {
    read_cursor(after).ok_or_else(|| Failure::bad_user_input("`after` is no cursor of the change feed."))
}

/// What a client asks of the feed.
///
/// # Errors
/// Where the municipality's code is none.
pub(crate) fn condition(
    reader: &Reader,
    types: Option<Vec<Term<RecordType>>>,
    municipality: Option<String>,
) -> Result<Condition> {
    use change::Column;
    let mut condition = reader.viewer.changes();
    if let Some(types) = &types {
        condition = condition.add(is_one_of(Column::RecordType, types));
    }
    if let Some(code) = municipality {
        let code: MunicipalityCode =
            code.parse().map_err(|error| Failure::bad_user_input(format!("`municipality`: {error}.")))?;
        condition = condition.add(qualified(Column::MunicipalityCode).eq(code.as_str()));
    }
    Ok(condition)
}

pub(crate) async fn page(
    reader: &Reader,
    after: Option<String>,
    first: Option<i32>,
    types: Option<Vec<Term<RecordType>>>,
    municipality: Option<String>,
) -> Result<ChangeConnection> {
    use change::Column;
    let length = match first {
        None => DEFAULT_LENGTH,
        Some(first) => u64::try_from(first).ok().filter(|first| *first <= LONGEST).ok_or_else(|| {
            Failure::bad_user_input(format!(
                "`first` is {first}; it may be 0 to {LONGEST}. Follow `pageInfo` for more."
            ))
        })?,
    };
    let after = after.as_deref().map(sequence_of).transpose()?;
    let condition = condition(reader, types, municipality)?;
    let mut rows = change::Entity::find()
        .filter(condition.clone())
        .filter(qualified(Column::Sequence).gt(after.unwrap_or(0)))
        .order_by_asc(Column::Sequence)
        .limit(length + 1)
        .all(&reader.db)
        .await?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let has_next = rows.len() > length;
    rows.truncate(length);
    let changes = Level::members(rows).into_iter().map(Change).collect();
    Ok(ChangeConnection { changes, has_next, has_previous: after.is_some(), condition })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_name_a_place_in_the_feed() {
        assert_eq!(read_cursor(&cursor_of(7)), Some(7));
        assert_eq!(read_cursor("x"), None);
    }
}
