//! Relay connections: how lists reach the schema, at the root, below a row of a level, and from a row to the row it
//! names.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Context;
use futures::future::BoxFuture;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{EntityTrait, QueryFilter, Value};

use super::beside::Ahead;
use super::level::{Level, Member};
use super::list::{List, Listed, Page, Pages, is_among, qualified};
use super::page::PageInfo;
use super::reader::Reader;
use super::rows::{Key, Row};
use crate::cache::{Owner, Scope};
use crate::error::Result;

type Count = Arc<dyn Fn(Arc<Reader>) -> BoxFuture<'static, Result<i64>> + Send + Sync>;

/// A page of a list, and how to count the whole, should anybody ask.
pub(crate) struct Connection<R> {
    pub(crate) page: Page<R>,
    count: Count,
}

impl<R: Row> Connection<R> {
    pub(crate) fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: self.page.rows.first().map(|listed| listed.cursor.clone()),
            end_cursor: self.page.rows.last().map(|listed| listed.cursor.clone()),
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = Member<R>> {
        self.page.rows.iter().map(|listed| listed.member.clone())
    }

    pub(crate) fn edges(&self) -> impl Iterator<Item = Listed<R>> {
        self.page.rows.iter().cloned()
    }

    pub(crate) async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        (self.count)(Arc::clone(Reader::of(ctx)?)).await
    }
}

/// A list at the root.
pub(crate) async fn root<R: Row>(ctx: &Context<'_>, list: List<R>) -> Result<Connection<R>> {
    let reader = Reader::of(ctx)?;
    reader.touch(R::RECORD_TYPE);
    let list = list.beside(Ahead::connection(ctx).named());
    let page = list.page(reader).await?;
    let count: Count = Arc::new(move |reader| {
        let list = list.clone();
        Box::pin(async move { list.count(&reader.db).await })
    });
    Ok(Connection { page, count })
}

/// What tells which parent a row of a list belongs to.
pub(crate) struct Below<P, K> {
    /// The field: with the list's own key, it names the list within the level.
    pub(crate) field: &'static str,
    /// What the statement tells the parent by.
    pub(crate) parent: Expr,
    /// What a parent is told by. `None`: it has no such list.
    pub(crate) key: fn(&P) -> Option<K>,
    /// To whom the rows belong, where their changes tell: the statement finds nobody else's. `None`: they do not.
    pub(crate) owner: Option<fn(K) -> Owner>,
}

/// The list below one row, loaded for its whole level.
pub(crate) async fn below<P: Send + Sync + 'static, K: Key, R: Row>(
    ctx: &Context<'_>,
    member: &Member<P>,
    below: Below<P, K>,
    list: List<R>,
) -> Result<Connection<R>> {
    let reader = Reader::of(ctx)?;
    reader.touch(R::RECORD_TYPE);
    let Below { field, parent, key, owner } = below;
    let count_key = format!("{field} count({})", list.key());
    let pages = member
        .once(format!("{field}({})", list.key()), async {
            let list = list.clone().beside(Ahead::connection(ctx).named());
            let list = list.counted(ctx.look_ahead().field("totalCount").exists());
            let keys = keys(member.siblings(), key);
            let db = reader.within(|| below_these(&keys, owner));
            let Pages { pages, counts } = list.pages(reader, &db, parent.clone(), keys).await?;
            if let Some(counts) = counts {
                member.leave(count_key.clone(), counts);
            }
            Ok(pages)
        })
        .await?;
    let own_key = key(member);
    let page = own_key.as_ref().and_then(|key| pages.get(key)).cloned();
    let page = page.unwrap_or(Page { rows: Vec::new(), has_next: false, has_previous: false });
    let member = member.clone();
    let count: Count = Arc::new(move |reader| {
        let (member, list, parent, own_key) = (member.clone(), list.clone(), parent.clone(), own_key.clone());
        let count_key = count_key.clone();
        Box::pin(async move {
            let counts = member
                .once(count_key, async {
                    let keys = keys(member.siblings(), key);
                    list.counts(&reader.within(|| below_these(&keys, owner)), parent, keys).await
                })
                .await?;
            Ok(own_key.and_then(|key| counts.get(&key).copied()).unwrap_or(0))
        })
    });
    Ok(Connection { page, count })
}

/// What rows a list below these parents concerns.
fn below_these<K: Key>(keys: &[K], owner: Option<fn(K) -> Owner>) -> Scope {
    owner.map_or(Scope::All, |owner| Scope::Below(keys.iter().cloned().map(owner).collect()))
}

/// The keys of a level's rows, each once.
pub(crate) fn keys<P, K: Key>(rows: &[P], key: impl Fn(&P) -> Option<K>) -> Vec<K> {
    let mut seen = std::collections::HashSet::new();
    rows.iter().filter_map(key).filter(|key| seen.insert(key.clone())).collect()
}

/// The row that one row names, loaded for its whole level. `None` where it names none.
pub(crate) async fn named<P: Send + Sync + 'static, R: Row>(
    ctx: &Context<'_>,
    member: &Member<P>,
    field: &'static str,
    key: fn(&P) -> Option<R::Id>,
) -> Result<Option<Member<R>>> {
    named_where(ctx, member, field, key, Condition::all()).await
}

/// As [`named`], of a row that not everybody may see: `None` too where the condition does not hold.
pub(crate) async fn named_where<P: Send + Sync + 'static, R: Row>(
    ctx: &Context<'_>,
    member: &Member<P>,
    field: &'static str,
    key: fn(&P) -> Option<R::Id>,
    condition: Condition,
) -> Result<Option<Member<R>>> {
    let Some(own_key) = key(member) else { return Ok(None) };
    let reader = Reader::of(ctx)?;
    reader.touch(R::RECORD_TYPE);
    let rows = member.once(field.to_owned(), by_id::<R>(reader, keys(member.siblings(), key), condition)).await?;
    Ok(rows.get(&own_key).cloned())
}

/// The rows of these identities for which the condition holds, as one level.
async fn by_id<R: Row>(reader: &Reader, ids: Vec<R::Id>, condition: Condition) -> Result<HashMap<R::Id, Member<R>>> {
    let db = reader.within(|| these::<R>(&ids));
    let is_wanted = is_among(qualified(R::ID), ids, db.get_database_backend());
    let rows = R::Entity::find().filter(is_wanted).filter(condition).all(&db).await?;
    let members = Level::members(rows).into_iter();
    Ok(members.map(|member| (member.id(), member)).collect())
}

/// What rows a load by identity concerns.
pub(super) fn these<R: Row>(ids: &[R::Id]) -> Scope {
    let uuid = |id: &R::Id| match id.clone().into() {
        Value::Uuid(id) => id,
        _ => None,
    };
    match R::RECORD_TYPE {
        Some(record_type) => Scope::Records(record_type, ids.iter().filter_map(uuid).collect()),
        None => Scope::All,
    }
}

/// Declares the connection of a type: its page, its edge.
macro_rules! connection {
    ($(#[doc = $doc:literal])* $connection:ident, $edge:ident, $node:ident, $row:ty) => {
        $(#[doc = $doc])*
        pub(crate) struct $connection(pub(crate) crate::graphql::connection::Connection<$row>);

        $(#[doc = $doc])*
        #[async_graphql::Object]
        impl $connection {
            /// The records with their cursors.
            async fn edges(&self) -> crate::graphql::items::Items<$edge> {
                self.0.edges().map($edge).collect()
            }

            /// The records.
            async fn nodes(&self) -> crate::graphql::items::Items<$node> {
                self.0.members().map($node).collect()
            }

            /// Where in the list this page lies.
            async fn page_info(&self) -> crate::graphql::page::PageInfo {
                self.0.page_info()
            }

            /// How many records the whole list has.
            async fn total_count(&self, ctx: &async_graphql::Context<'_>) -> crate::error::Result<i64> {
                self.0.total_count(ctx).await
            }
        }

        /// A record of a page.
        pub(crate) struct $edge(pub(crate) crate::graphql::list::Listed<$row>);

        /// A record of a page.
        #[async_graphql::Object]
        impl $edge {
            /// Where the record lies in the list: give it as `after` or `before`.
            async fn cursor(&self) -> &str {
                &self.0.cursor
            }

            /// The record.
            async fn node(&self) -> $node {
                $node(self.0.member.clone())
            }
        }
    };
}
pub(crate) use connection;
