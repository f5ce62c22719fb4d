//! Lists below rows: the pages of all rows of a level in one statement, with the limit held for each of them in the
//! database.

use std::collections::HashMap;

use sea_orm::sea_query::{
    Alias, Asterisk, Condition, Expr, ExprTrait, Func, JoinType, Order, OverStatement, PgFunc, Query, SelectStatement,
    UnionType, WindowStatement,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, IdenStatic, Value};

use super::{COUNT, Found, INNER, List, Page, listed, qualified};
use crate::error::Result;
use crate::graphql::reader::Reader;
use crate::graphql::rows::{Key, Row};

/// The column in which a page below parents says whose each row is.
pub(crate) const PARENT: &str = "list_parent";
const POSITION: &str = "list_position";
const PICKED: &str = "list_picked";
const PICKED_ID: &str = "list_id";

/// The pages of a level's lists.
pub(crate) struct Pages<P, R> {
    /// By their parents; a parent whose list is empty is not there.
    pub(crate) pages: HashMap<P, Page<R>>,
    /// How long the whole lists are, in the same way. `None`: not counted.
    pub(crate) counts: Option<HashMap<P, i64>>,
}

/// The value is one of these keys. On PostgreSQL they are one array, so that the statement is the same, and prepared
/// once, however many there are.
pub(crate) fn is_among<K: Key>(value: Expr, keys: Vec<K>, backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => value.eq(PgFunc::any(array(keys))),
        _ => value.is_in(keys),
    }
}

/// The value, where PostgreSQL does not see it when it plans. Seeing how few parents there are, it would take a plan for
/// each number of them to be worth its making, each time: which costs more than most of these statements do.
fn hidden(value: Value) -> SelectStatement {
    Query::select().expr(Expr::val(value)).to_owned()
}

fn order_by(select: &mut SelectStatement, order: Vec<(Expr, Order)>) {
    for (value, order) in order {
        select.order_by_expr(value, order);
    }
}

fn array<K: Key>(keys: Vec<K>) -> Value {
    Value::Array(K::array_type(), Some(Box::new(keys.into_iter().map(Into::into).collect())))
}

impl<R: Row> List<R> {
    /// The pages of all `parents`, told apart by `parent`, in one statement. Their rows are one level.
    pub(crate) async fn pages<P: Key>(
        &self,
        reader: &Reader,
        db: &DatabaseConnection,
        parent: Expr,
        parents: Vec<P>,
    ) -> Result<Pages<P, R>> {
        let statement = match db.get_database_backend() {
            DbBackend::Postgres => self.page_of_each(parent, parents)?,
            _ => self.cut_of_all(parent, parents)?,
        };
        let rows = db.query_all(&statement).await?;
        let mut found: HashMap<P, Vec<Found<R>>> = HashMap::new();
        let mut counts = self.is_counted.then(HashMap::new);
        let mut last = None;
        for row in &rows {
            let parent: P = row.try_get("", PARENT)?;
            let id: R::Id = row.try_get("", R::ID.as_str())?;
            // A row stands as often as there is something beside it.
            if last.as_ref() == Some(&(parent.clone(), id.clone())) {
                continue;
            }
            if let Some(counts) = &mut counts
                && !counts.contains_key(&parent)
            {
                counts.insert(parent.clone(), row.try_get("", COUNT)?);
            }
            found.entry(parent.clone()).or_default().push(self.found(row)?);
            last = Some((parent, id));
        }
        // One level of all rows, so that what lies below them is loaded for all at once.
        let mut all = Vec::new();
        let mut cuts = Vec::new();
        for (parent, rows) in found {
            let (rows, has_next, has_previous) = self.cut(rows);
            cuts.push((parent, rows.len(), has_next, has_previous));
            all.extend(rows);
        }
        let listed = listed(all);
        self.take(reader, &rows, &listed)?;
        let mut listed = listed.into_iter();
        let pages = cuts.into_iter().map(|(parent, count, has_next, has_previous)| {
            (parent, Page { rows: listed.by_ref().take(count).collect(), has_next, has_previous })
        });
        Ok(Pages { pages: pages.collect(), counts })
    }

    /// Each parent's page is found by itself (`LATERAL`), so that no more than a page is ever sorted or carried along.
    fn page_of_each<P: Key>(&self, parent: Expr, parents: Vec<P>) -> Result<SelectStatement> {
        let (keys, picked) = (Alias::new(PARENT), Alias::new(PICKED));
        let key = Expr::col((keys.clone(), keys.clone()));
        let mut page = self.page_of_one(parent.eq(key.clone()))?;
        page.limit(self.window.length + 1);
        let mut pages = Query::select();
        pages
            .expr_as(key, keys.clone())
            .column((picked.clone(), Asterisk))
            .from_function(Func::cust(Alias::new("UNNEST")).arg(hidden(array(parents))), keys)
            .join_lateral(JoinType::InnerJoin, page, picked.clone(), Condition::all());
        if self.is_narrow() {
            let is_picked = qualified(R::ID).eq(Expr::col((picked, Alias::new(PICKED_ID))));
            pages.column((R::Entity::default(), Asterisk)).inner_join(R::Entity::default(), is_picked);
        }
        let mut pages = self.joined(pages);
        pages.order_by_expr(Expr::col(Alias::new(PARENT)), Order::Asc);
        order_by(&mut pages, self.order_of_page(R::ID.as_str()));
        Ok(pages)
    }

    /// Whether the rows of a whole list pass by, with nothing but what orders them; the page's are looked up then.
    fn is_narrow(&self) -> bool {
        self.is_counted || !self.ways.is_empty()
    }

    /// The rows that belong to a parent, in their order.
    fn page_of_one(&self, belongs: Expr) -> Result<SelectStatement> {
        let narrow = |select: &SelectStatement| {
            let mut select = select.clone();
            select.expr_as(qualified(R::ID), Alias::new(PICKED_ID)).and_where(belongs.clone());
            self.computed(select)
        };
        let (mut page, order) = match &self.ways[..] {
            [] if self.is_counted => (narrow(&self.base)?, self.order()),
            [] => (self.columns()?.and_where(belongs).to_owned(), self.order()),
            [first, rest @ ..] => {
                let mut found = narrow(first)?;
                for way in rest {
                    found.union(UnionType::All, narrow(way)?);
                }
                let found = Query::select().column(Asterisk).from_subquery(found, Alias::new(INNER)).to_owned();
                (found, self.order_of_page(PICKED_ID))
            }
        };
        if self.is_counted {
            page.expr_window_as(Expr::val(1).count(), WindowStatement::new(), Alias::new(COUNT));
        }
        order_by(&mut page, order);
        Ok(page)
    }

    /// The rows of all parents are numbered, and cut where the pages end: SQLite knows no `LATERAL`.
    fn cut_of_all<P: Key>(&self, parent: Expr, parents: Vec<P>) -> Result<SelectStatement> {
        let mut ranked = WindowStatement::new();
        ranked.add_partition_by(parent.clone());
        for (value, order) in self.order() {
            ranked.order_by_expr(value, order);
        }
        let mut inner = self.columns()?;
        inner
            .expr_as(parent.clone(), Alias::new(PARENT))
            .expr_window_as(Func::cust(Alias::new("ROW_NUMBER")), ranked, Alias::new(POSITION))
            .and_where(parent.clone().is_in(parents));
        if self.is_counted {
            let mut of_parent = WindowStatement::new();
            of_parent.add_partition_by(parent);
            inner.expr_window_as(Expr::val(1).count(), of_parent, Alias::new(COUNT));
        }
        let mut outer = self.joined(inner);
        outer
            .and_where(Expr::col(Alias::new(POSITION)).lte(self.window.length + 1))
            .order_by(Alias::new(PARENT), Order::Asc)
            .order_by(Alias::new(POSITION), Order::Asc);
        Ok(outer)
    }

    /// How long the lists of all `parents` are, in one statement. A parent that is not there has none.
    pub(crate) async fn counts<P: Key>(
        &self,
        db: &DatabaseConnection,
        parent: Expr,
        parents: Vec<P>,
    ) -> Result<HashMap<P, i64>> {
        let mut select = self.base.clone();
        select
            .expr_as(parent.clone(), Alias::new(PARENT))
            .expr_as(Expr::val(1).count(), Alias::new(COUNT))
            .and_where(is_among(parent.clone(), parents, db.get_database_backend()))
            .add_group_by([parent]);
        let mut counts = HashMap::new();
        for row in db.query_all(&select).await? {
            counts.insert(row.try_get("", PARENT)?, row.try_get("", COUNT)?);
        }
        Ok(counts)
    }
}
