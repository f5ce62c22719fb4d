//! Lists as SQL: one statement for a page of a list, or for the pages of all rows of a level (`below`); one more for
//! their lengths, if they are asked for.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::sea_query::{Alias, Asterisk, Condition, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IdenStatic, QueryResult, Value};
use serde_json::json;

use super::beside::Beside;
use super::level::{Level, Member};
use super::page::{Cursor, Window};
use super::reader::Reader;
use super::rows::Row;
use crate::error::{Failure, Result};

mod below;

pub(crate) use below::{PARENT, Pages, is_among};

const SORT_KEY: &str = "list_sort_key";
const MEASURE: &str = "list_measure";
const COUNT: &str = "list_count";
const INNER: &str = "list";

/// What a list is ordered by, before its records' identity.
#[derive(Clone, Debug)]
pub(crate) struct Sort {
    /// Its name, which cursors carry.
    pub(crate) name: &'static str,
    /// Its value. Where it can be null, null comes last, whatever the direction.
    pub(crate) value: Expr,
    pub(crate) kind: SortKind,
    pub(crate) nullable: bool,
    pub(crate) descending: bool,
}

/// The type of what a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKind {
    Text,
    Integer,
    Real,
    Instant,
    Day,
}

impl Sort {
    /// By a column that is never null.
    pub(crate) fn by(name: &'static str, column: impl ColumnTrait, kind: SortKind, descending: bool) -> Self {
        Self { name, value: qualified(column), kind, nullable: false, descending }
    }

    /// Null comes last.
    pub(crate) fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The order's name with its direction.
    pub(crate) fn label(&self) -> String {
        format!("{}{}", if self.descending { "-" } else { "+" }, self.name)
    }

    fn bound(&self, value: &serde_json::Value) -> Option<Value> {
        Some(match self.kind {
            SortKind::Text => value.as_str()?.into(),
            SortKind::Integer => value.as_i64()?.into(),
            SortKind::Real => value.as_f64()?.into(),
            SortKind::Instant => DateTime::<Utc>::from_timestamp_micros(value.as_i64()?)?.into(),
            SortKind::Day => value.as_str()?.parse::<NaiveDate>().ok()?.into(),
        })
    }

    fn read(&self, row: &QueryResult) -> std::result::Result<serde_json::Value, DbErr> {
        Ok(match self.kind {
            SortKind::Text => json!(row.try_get::<Option<String>>("", SORT_KEY)?),
            SortKind::Integer => json!(row.try_get::<Option<i64>>("", SORT_KEY)?),
            SortKind::Real => json!(row.try_get::<Option<f64>>("", SORT_KEY)?),
            SortKind::Instant => {
                json!(row.try_get::<Option<DateTime<Utc>>>("", SORT_KEY)?.map(|instant| instant.timestamp_micros()))
            }
            SortKind::Day => json!(row.try_get::<Option<NaiveDate>>("", SORT_KEY)?.map(|day| day.to_string())),
        })
    }

    /// The value as the page's statement shows it: whole numbers all in one width.
    fn shown(&self) -> Expr {
        match self.kind {
            SortKind::Integer => self.value.clone().cast_as(Alias::new("BIGINT")),
            _ => self.value.clone(),
        }
    }
}

/// A column with its table's name before it.
pub(crate) fn qualified(column: impl ColumnTrait) -> Expr {
    Expr::col(column.as_column_ref())
}

/// A list of rows: what is in it, in which order, and which part of it is wanted.
#[derive(Clone)]
pub(crate) struct List<R> {
    /// `FROM`, joins and `WHERE`.
    base: SelectStatement,
    /// The same rows, each in one of these. Empty: they are found in one way only.
    ways: Vec<SelectStatement>,
    sort: Sort,
    window: Window,
    /// A number that goes with each row: its distance, say.
    measure: Option<Expr>,
    /// Tells this list from the others below the same field of a level.
    key: String,
    /// What is read beside the rows.
    beside: Vec<Arc<dyn Beside<R>>>,
    /// Whether the list's whole length is read with its page.
    is_counted: bool,
}

/// A row of a page.
#[derive(Clone)]
pub(crate) struct Listed<R> {
    pub(crate) member: Member<R>,
    pub(crate) cursor: String,
    pub(crate) measure: Option<f64>,
}

/// A page of a list.
#[derive(Clone)]
pub(crate) struct Page<R> {
    pub(crate) rows: Vec<Listed<R>>,
    pub(crate) has_next: bool,
    pub(crate) has_previous: bool,
}

struct Found<R> {
    row: R,
    cursor: String,
    measure: Option<f64>,
}

impl<R: Row> List<R> {
    /// The rows for which `condition` holds; those that are gone are never in a list.
    pub(crate) fn new(key: String, condition: Condition, sort: Sort, window: Window) -> Self {
        let mut base = Query::select();
        base.from(R::Entity::default()).cond_where(condition);
        if let Some(deleted_at) = R::DELETED_AT {
            base.and_where(qualified(deleted_at).is_null());
        }
        Self { base, ways: Vec::new(), sort, window, measure: None, key, beside: Vec::new(), is_counted: false }
    }

    /// Joins what makes rows belong to parents that they do not name themselves.
    pub(crate) fn joining(mut self, join: impl FnOnce(&mut SelectStatement)) -> Self {
        join(&mut self.base);
        self
    }

    /// Joins the parents to which rows belong in either of two ways. Where the pages of several parents are found each
    /// by itself, so are the rows of each way: an index that holds all that is asked finds them, without their table.
    pub(crate) fn joining_either<E: EntityTrait>(mut self, parents: E, [one, other]: [Expr; 2]) -> Self {
        let joined = |on: Expr| self.base.clone().inner_join(parents, on).to_owned();
        let only_other = other.clone().and(Expr::cust_with_expr("($1) IS NOT TRUE", one.clone()));
        self.ways = vec![joined(one.clone()), joined(only_other)];
        self.base = joined(Condition::any().add(one).add(other).into());
        self
    }

    /// Gives each row a number that goes with it.
    pub(crate) fn measured(mut self, measure: Expr) -> Self {
        self.measure = Some(measure);
        self
    }

    /// Reads this beside the rows, in the same statement.
    pub(crate) fn beside(mut self, beside: Vec<Box<dyn Beside<R>>>) -> Self {
        self.beside.extend(beside.into_iter().map(Arc::from));
        self
    }

    /// Counts the lists below parents in the same statement, where it reads them from their beginning or end.
    pub(crate) fn counted(self, is_counted: bool) -> Self {
        Self { is_counted: is_counted && self.window.after.is_none() && self.window.before.is_none(), ..self }
    }

    /// Tells this list from the others of its level.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The page.
    pub(crate) async fn page(&self, reader: &Reader) -> Result<Page<R>> {
        let mut select = self.columns()?;
        for (value, order) in self.order() {
            select.order_by_expr(value, order);
        }
        select.limit(self.window.length + 1);
        if !self.beside.is_empty() {
            select = self.joined(select);
            for (value, order) in self.order_of_page(R::ID.as_str()) {
                select.order_by_expr(value, order);
            }
        }
        let rows = reader.db.query_all(&select).await?;
        let found = rows.iter().map(|row| self.found(row)).collect::<std::result::Result<Vec<_>, DbErr>>()?;
        let (found, has_next, has_previous) = self.cut(found);
        let listed = listed(found);
        self.take(reader, &rows, &listed)?;
        Ok(Page { rows: listed, has_next, has_previous })
    }

    /// The page with what is read beside its rows.
    fn joined(&self, page: SelectStatement) -> SelectStatement {
        let list = Alias::new(INNER);
        let mut select = Query::select();
        select.column((list.clone(), Asterisk)).from_subquery(page, list.clone());
        for beside in &self.beside {
            beside.join(&mut select, &list);
        }
        select
    }

    fn take(&self, reader: &Reader, rows: &[QueryResult], listed: &[Listed<R>]) -> Result<()> {
        if let Some(first) = listed.first() {
            for beside in &self.beside {
                beside.take(reader, rows, &first.member)?;
            }
        }
        Ok(())
    }

    /// How long the whole list is.
    pub(crate) async fn count(&self, db: &DatabaseConnection) -> Result<i64> {
        let mut select = self.base.clone();
        select.expr_as(Expr::val(1).count(), Alias::new(COUNT));
        let row = db.query_one(&select).await?;
        Ok(row.map_or(Ok(0), |row| row.try_get("", COUNT))?)
    }

    /// The rows behind the cursors, with all of their columns.
    fn columns(&self) -> Result<SelectStatement> {
        let mut select = self.base.clone();
        select.column((R::Entity::default(), Asterisk));
        self.computed(select)
    }

    /// What is computed of each row behind the cursors.
    fn computed(&self, mut select: SelectStatement) -> Result<SelectStatement> {
        select.expr_as(self.sort.shown(), Alias::new(SORT_KEY));
        if let Some(measure) = &self.measure {
            select.expr_as(measure.clone(), Alias::new(MEASURE));
        }
        for (cursor, behind) in [(&self.window.after, true), (&self.window.before, false)] {
            if let Some(cursor) = cursor {
                select.cond_where(self.beyond(cursor, behind)?);
            }
        }
        Ok(select)
    }

    /// The rows behind the cursor, or before it.
    fn beyond(&self, cursor: &Cursor, behind: bool) -> Result<Condition> {
        let no_cursor = || Failure::bad_user_input("The cursor is none of this list.");
        let id: R::Id = cursor.id.parse().map_err(|_| no_cursor())?;
        let beyond = |expr: Expr, value: Value, ascending: bool| {
            if ascending == behind { expr.gt(value) } else { expr.lt(value) }
        };
        let id = beyond(qualified(R::ID), id.into(), !self.sort.descending);
        let value = self.sort.value.clone();
        if cursor.value == serde_json::Value::Null {
            // Among the nulls, which come last: whatever has a value lies before.
            let among = Condition::all().add(value.clone().is_null()).add(id);
            return Ok(if behind { among } else { Condition::any().add(value.is_not_null()).add(among) });
        }
        let bound = self.sort.bound(&cursor.value).ok_or_else(no_cursor)?;
        let mut condition = Condition::any()
            .add(beyond(value.clone(), bound.clone(), !self.sort.descending))
            .add(Condition::all().add(value.clone().eq(bound)).add(id));
        if behind && self.sort.nullable {
            condition = condition.add(value.is_null());
        }
        Ok(condition)
    }

    /// The order of the statement: reversed where the page lies at the end.
    fn order(&self) -> Vec<(Expr, Order)> {
        let direction = |descending: bool| if descending == self.window.backward { Order::Asc } else { Order::Desc };
        let mut order = Vec::new();
        if self.sort.nullable {
            order.push((self.sort.value.clone().is_null(), direction(false)));
        }
        order.push((self.sort.value.clone(), direction(self.sort.descending)));
        order.push((qualified(R::ID), direction(self.sort.descending)));
        order
    }

    /// The same order, of what a page's statement shows; the rows' identity goes by the name `id` there.
    fn order_of_page(&self, id: &str) -> Vec<(Expr, Order)> {
        let column = |name: &str| Expr::col((Alias::new(INNER), Alias::new(name)));
        let mut shown: Vec<Expr> = Vec::new();
        if self.sort.nullable {
            shown.push(column(SORT_KEY).is_null());
        }
        shown.extend([column(SORT_KEY), column(id)]);
        shown.into_iter().zip(self.order()).map(|(value, (_, order))| (value, order)).collect()
    }

    fn found(&self, row: &QueryResult) -> std::result::Result<Found<R>, DbErr> {
        let measure = match self.measure {
            Some(_) => row.try_get("", MEASURE)?,
            None => None,
        };
        let value = self.sort.read(row)?;
        let row = R::from_query_result(row, "")?;
        let cursor = Cursor::new(&self.sort.label(), value, row.id()).write();
        Ok(Found { row, cursor, measure })
    }

    /// Takes away the row that only showed that there is more, and puts the rest in the list's order.
    fn cut(&self, mut found: Vec<Found<R>>) -> (Vec<Found<R>>, bool, bool) {
        let length = usize::try_from(self.window.length).unwrap_or(usize::MAX);
        let more = found.len() > length;
        found.truncate(length);
        if self.window.backward {
            found.reverse();
            (found, self.window.before.is_some(), more)
        } else {
            (found, more, self.window.after.is_some())
        }
    }
}

fn listed<R>(found: Vec<Found<R>>) -> Vec<Listed<R>> {
    let (rows, rest): (Vec<_>, Vec<_>) =
        found.into_iter().map(|found| (found.row, (found.cursor, found.measure))).unzip();
    let members = Level::members(rows).into_iter().zip(rest);
    members.map(|(member, (cursor, measure))| Listed { member, cursor, measure }).collect()
}
