//! Full-text search: which documents have all words of a text, best first.
//!
//! How well a document fits depends on it and on the text alone, not on what else there is: for each word where it stands
//! (title, names, text), and among equals the shorter title. So both databases order alike, and a cursor, which says
//! behind which score and record a page begins, stays good while records come and go.

mod index;
mod words;

use entity::{need, offer, search_document};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde_json::json;

use self::index::{Index, Place};
use super::list::qualified;
use super::page::{Cursor, PageArguments, Window};
use super::reader::Reader;
use crate::error::{Failure, Result};

const RECORD_TYPE: &str = "record_type";
const RECORD_ID: &str = "record_id";
const SCORE: &str = "score";
const FOUND: &str = "found";
const COUNT: &str = "count";
/// What a word gives that stands in the title, among the names, in the text.
const POINTS: [i32; 3] = [100, 60, 30];
/// The best score: every word stands in the title, which has no letter beside.
const BEST: i32 = 10_000;
/// A title counts against its record up to this length: always less than a word that stands in a better place gives.
const LONGEST_TITLE: i32 = 99;

/// Somebody looks for a text.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// `None`: nothing has all words.
    index: Option<Index>,
    types: Vec<&'static str>,
    window: Window,
    order: String,
}

/// A record that was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) record_type: String,
    pub(crate) record_id: Uuid,
    /// How well it fits, 0 to 1.
    pub(crate) score: f64,
    pub(crate) cursor: String,
}

/// A page of what was found.
pub(crate) struct Hits {
    pub(crate) hits: Vec<Hit>,
    pub(crate) has_next: bool,
    pub(crate) has_previous: bool,
}

impl Search {
    /// The search for `text` among records of these types.
    ///
    /// # Errors
    /// Where the text has no word, or the page is none of this search.
    pub(crate) async fn new(
        reader: &Reader,
        text: &str,
        types: Vec<&'static str>,
        page: &PageArguments,
    ) -> Result<Self> {
        let words = words::words(text)?;
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let order = format!("SEARCH {}", texts.join(" "));
        let window = page.window(&order, reader.longest_page)?;
        let index = if types.is_empty() { None } else { Index::of(&reader.db, words).await? };
        Ok(Self { index, types, window, order })
    }

    /// The page.
    pub(crate) async fn page(&self, reader: &Reader) -> Result<Hits> {
        let has_previous = self.window.after.is_some();
        let Some(index) = &self.index else { return Ok(Hits { hits: Vec::new(), has_next: false, has_previous }) };
        let length = usize::try_from(self.window.length).unwrap_or(usize::MAX);
        // Whatever has every word in its title comes before all else, so a page that is full of it is the page. A common
        // word would take reading thousands of documents.
        let mut hits = Vec::new();
        if self.may_have_best()? {
            hits = self.found(reader, index, Some(Place::Title)).await?;
        }
        if hits.len() <= length {
            hits = self.found(reader, index, None).await?;
        }
        let has_next = hits.len() > length;
        hits.truncate(length);
        Ok(Hits { hits, has_next, has_previous })
    }

    /// Whether there may be records behind the window's beginning that have every word in their title.
    fn may_have_best(&self) -> Result<bool> {
        let Some(cursor) = &self.window.after else { return Ok(true) };
        let score = cursor.value.get(0).and_then(serde_json::Value::as_i64).ok_or_else(no_cursor)?;
        Ok(score >= i64::from(BEST - LONGEST_TITLE))
    }

    /// A page of documents that have every word, best first, and one beyond it.
    async fn found(&self, reader: &Reader, index: &Index, place: Option<Place>) -> Result<Vec<Hit>> {
        let columns = [SCORE, RECORD_TYPE, RECORD_ID].map(|name| Expr::col(Alias::new(name)));
        let mut ordered = index.documents(place);
        ordered
            .exprs([qualified(search_document::Column::RecordType), qualified(search_document::Column::RecordId)])
            .expr_as(score(index, place), Alias::new(SCORE))
            .and_where(qualified(search_document::Column::RecordType).is_in(self.types.iter().copied()));
        let mut select = Query::select();
        select.exprs(columns.clone()).limit(self.window.length + 1);
        if let Some(cursor) = &self.window.after {
            select.and_where(Expr::tuple(columns.clone()).lt(behind(cursor)?));
        }
        for column in columns {
            ordered.order_by_expr(column.clone(), Order::Desc);
            select.order_by_expr(column, Order::Desc);
        }
        // Best first, and only then who may see it: a common word is in thousands of records, of which a page is shown.
        select.from_subquery(ordered, Alias::new(FOUND));
        let found = |name: &'static str| Expr::col((Alias::new(FOUND), Alias::new(name)));
        select.cond_where(self.visible(reader, &found(RECORD_TYPE), |mut records, id| {
            // The limit keeps PostgreSQL from reading all records that may be seen.
            records.and_where(id.eq(found(RECORD_ID))).limit(1);
            Expr::SubQuery(None, Box::new(records.into())).is_not_null()
        }));
        let rows = reader.db.query_all(&select).await?;
        Ok(rows.iter().map(|row| self.hit(row)).collect::<std::result::Result<Vec<_>, DbErr>>()?)
    }

    /// How many records are found in all.
    pub(crate) async fn count(&self, reader: &Reader) -> Result<i64> {
        let Some(index) = &self.index else { return Ok(0) };
        let mut select = index.documents(None);
        select.expr_as(Expr::val(1).count(), Alias::new(COUNT));
        select.cond_where(self.visible(reader, &qualified(search_document::Column::RecordType), |records, _| {
            qualified(search_document::Column::RecordId).in_subquery(records)
        }));
        let row = reader.db.query_one(&select).await?;
        Ok(row.map_or(Ok(0), |row| row.try_get("", COUNT))?)
    }

    /// The record is of the types that are looked for, and the viewer may see it. `is_among` says that it is one of the
    /// records that a statement finds, whose identity it is told.
    fn visible(
        &self,
        reader: &Reader,
        record_type: &Expr,
        is_among: impl Fn(SelectStatement, Expr) -> Expr,
    ) -> Condition {
        let is_plain = |name: &&str| !matches!(*name, "NEED" | "OFFER");
        let mut visible = Condition::any().add(record_type.clone().is_in(self.types.iter().copied().filter(is_plain)));
        if self.types.contains(&"NEED") {
            let id = || qualified(need::Column::Id);
            let mut records = Query::select();
            records.expr(id()).from(need::Entity).and_where(qualified(need::Column::DeletedAt).is_null());
            records.cond_where(reader.viewer.needs());
            visible = visible.add(record_type.clone().eq("NEED").and(is_among(records, id())));
        }
        if self.types.contains(&"OFFER") {
            let id = || qualified(offer::Column::Id);
            let mut records = Query::select();
            records.expr(id()).from(offer::Entity).and_where(qualified(offer::Column::DeletedAt).is_null());
            records.cond_where(reader.viewer.offers());
            visible = visible.add(record_type.clone().eq("OFFER").and(is_among(records, id())));
        }
        visible
    }

    fn hit(&self, row: &QueryResult) -> std::result::Result<Hit, DbErr> {
        let score: i64 = row.try_get("", SCORE)?;
        let record_type: String = row.try_get("", RECORD_TYPE)?;
        let record_id: Uuid = row.try_get("", RECORD_ID)?;
        let cursor = Cursor::new(&self.order, json!([score, record_type]), record_id).write();
        #[expect(clippy::cast_precision_loss, reason = "a score is ten thousand at most")]
        let share = score as f64 / f64::from(BEST);
        Ok(Hit { record_type, record_id, score: share, cursor })
    }
}

/// The score of a document that has every word; with a place, every one of them there.
fn score(index: &Index, place: Option<Place>) -> Expr {
    let points = (0..index.len()).map(|word| -> Expr {
        if place == Some(Place::Title) {
            return Expr::val(POINTS[0]);
        }
        Expr::case(index.stands_in(word, Place::Title), POINTS[0])
            .case(index.stands_in(word, Place::Keywords), POINTS[1])
            .finally(POINTS[2])
            .into()
    });
    let sum = points.reduce(ExprTrait::add).unwrap_or_else(|| Expr::val(0));
    let length = || qualified(search_document::Column::TitleLength);
    let length: Expr = Expr::case(length().gt(LONGEST_TITLE), LONGEST_TITLE).finally(length()).into();
    let words = i32::try_from(index.len()).unwrap_or(i32::MAX);
    sum.mul(BEST / POINTS[0]).div(words).sub(length).cast_as(Alias::new("BIGINT"))
}

/// The place behind which a page begins.
fn behind(cursor: &Cursor) -> Result<Expr> {
    let place = || -> Option<Expr> {
        let score = cursor.value.get(0)?.as_i64()?;
        let record_type = cursor.value.get(1)?.as_str()?;
        let id: Uuid = cursor.id.parse().ok()?;
        Some(Expr::tuple([Expr::val(score), Expr::val(record_type), Expr::val(id)]))
    };
    place().ok_or_else(no_cursor)
}

fn no_cursor() -> Failure {
    Failure::bad_user_input("`after` is no cursor of this search.")
}
