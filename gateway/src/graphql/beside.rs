//! What a list's statement reads beside its rows, because the request asks for it below them: the row that each of them
//! names, and how long the list is. It waits at the level, where the fields below find it instead of loading it.

use std::collections::HashMap;

use async_graphql::{Context, Lookahead};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, SelectStatement};
use sea_orm::{DbErr, EntityTrait, IdenStatic, Iterable, QueryResult, Value};

use super::level::{Level, Member};
use super::reader::Reader;
use super::rows::Row;

/// Tables that are read by the keys that rows name stand in a statement under names that begin so. The cache's notes
/// pass over them: whoever reads them notes each row that was found.
pub(crate) const NAMED: &str = "named_";

/// What is read beside the rows of a page: for each of them nothing, one row or some.
pub(crate) trait Beside<R: Row>: Send + Sync {
    /// Joins it to the page, whose columns go by this name.
    fn join(&self, select: &mut SelectStatement, page: &Alias);

    /// Takes it out of the statement's rows, and leaves it with the level. Notes what the answer depends on by it.
    ///
    /// # Errors
    /// As the database has them.
    fn take(&self, reader: &Reader, rows: &[QueryResult], level: &Member<R>) -> Result<(), DbErr>;
}

/// A field that shows the one row that a row names by its identity, whoever asks.
pub(crate) struct Names<R: Row> {
    /// The field; what is found waits at the level under its name.
    pub(crate) field: &'static str,
    column: <R::Entity as EntityTrait>::Column,
    join: fn(&mut SelectStatement, &'static str, Expr),
    take: Take<R>,
}

/// Takes a field's rows out of a statement's, and leaves them with the level.
type Take<R> = fn(&Reader, &'static str, &[QueryResult], &Member<R>) -> Result<(), DbErr>;

impl<R: Row> Names<R> {
    /// The field shows the row of `M` whose identity stands in this column.
    pub(crate) const fn one<M: Row>(field: &'static str, column: <R::Entity as EntityTrait>::Column) -> Self {
        Self { field, column, join: join::<M>, take: take::<R, M> }
    }
}

impl<R: Row> Beside<R> for &'static Names<R> {
    fn join(&self, select: &mut SelectStatement, page: &Alias) {
        (self.join)(select, self.field, Expr::col((page.clone(), self.column)));
    }

    fn take(&self, reader: &Reader, rows: &[QueryResult], level: &Member<R>) -> Result<(), DbErr> {
        (self.take)(reader, self.field, rows, level)
    }
}

/// What the request asks for ahead, of the records that a field shows.
pub(crate) struct Ahead<'a>(Vec<Lookahead<'a>>);

impl<'a> Ahead<'a> {
    /// Below the connection that this field shows.
    pub(crate) fn connection(ctx: &'a Context<'_>) -> Self {
        let field = ctx.look_ahead();
        Self(vec![field.field("nodes"), field.field("edges").field("node")])
    }

    /// Below the one record that this field shows.
    pub(crate) fn record(ctx: &'a Context<'_>) -> Self {
        Self(vec![ctx.look_ahead()])
    }

    /// The rows that the records name and that are asked for.
    pub(crate) fn named<R: Row>(&self) -> Vec<Box<dyn Beside<R>>> {
        let is_asked = |names: &&'static Names<R>| self.0.iter().any(|ahead| ahead.field(names.field).exists());
        R::NAMES.iter().filter(is_asked).map(|names| Box::new(names) as Box<dyn Beside<R>>).collect()
    }
}

/// Where in a statement the columns of a field's row stand.
fn prefix(field: &'static str) -> String {
    format!("{NAMED}{field}_")
}

/// Selects every column of a table that goes by `alias`, each behind the prefix.
pub(crate) fn columns<M: Row>(select: &mut SelectStatement, alias: &Alias, prefix: &str) {
    for column in <M::Entity as EntityTrait>::Column::iter() {
        select.expr_as(Expr::col((alias.clone(), column)), Alias::new(format!("{prefix}{}", column.as_str())));
    }
}

fn join<M: Row>(select: &mut SelectStatement, field: &'static str, key: Expr) {
    let alias = Alias::new(format!("{NAMED}{field}"));
    let is_it = Expr::col((alias.clone(), M::ID)).eq(key);
    select.join_as(JoinType::LeftJoin, M::Entity::default(), alias.clone(), is_it);
    columns::<M>(select, &alias, &prefix(field));
}

fn take<R: Row, M: Row>(
    reader: &Reader,
    field: &'static str,
    rows: &[QueryResult],
    level: &Member<R>,
) -> Result<(), DbErr> {
    let prefix = prefix(field);
    let mut found: HashMap<M::Id, M> = HashMap::new();
    for row in rows {
        if let Some(id) = row.try_get::<Option<M::Id>>(&prefix, M::ID.as_str())?
            && !found.contains_key(&id)
        {
            found.insert(id, M::from_query_result(row, &prefix)?);
        }
    }
    for id in found.keys() {
        note::<M>(reader, id);
    }
    let members = Level::members(found.into_values().collect()).into_iter();
    let members: HashMap<M::Id, Member<M>> = members.map(|member| (member.id(), member)).collect();
    level.leave(field.to_owned(), members);
    Ok(())
}

/// Notes that the answer depends on a row that was found by its identity.
pub(crate) fn note<M: Row>(reader: &Reader, id: &M::Id) {
    if let (Some(record_type), Value::Uuid(Some(id))) = (M::RECORD_TYPE, id.clone().into()) {
        reader.found(record_type, Some(id));
    }
}
