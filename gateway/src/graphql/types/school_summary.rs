//! How a school stands, in numbers: two statements for a whole level of schools.

use std::collections::HashMap;

use async_graphql::{Context, SimpleObject};
use entity::vocabulary::{NeedStatus, RecordType};
use entity::{commitment, need, school};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{ConnectionTrait, QueryResult};

use super::commitment::{live, overdue};
use crate::error::Result;
use crate::graphql::connection::keys;
use crate::graphql::level::Member;
use crate::graphql::list::{is_among, qualified};
use crate::graphql::reader::Reader;
use crate::graphql::viewer::one_of;

/// How a school stands, in numbers.
#[derive(Clone, Copy, Debug, Default, SimpleObject)]
pub(crate) struct SchoolSummary {
    /// Needs that partners may still step into: open or partly committed.
    pub open_needs: i64,
    /// Needs, open or committed, with at least one live commitment (accepted or active).
    pub committed_needs: i64,
    /// Open needs without any live commitment.
    pub unmet_needs: i64,
    /// Partners with a live commitment to the school, each once.
    pub committed_partners: i64,
    /// Homes that are available in its municipality or within 15 km.
    pub available_homes: i64,
    /// Commitments past their end, or past their start without being active.
    pub overdue_commitments: i64,
}

pub(super) async fn of_school(ctx: &Context<'_>, school: &Member<school::Model>) -> Result<SchoolSummary> {
    let reader = Reader::of(ctx)?;
    [RecordType::Need, RecordType::Commitment].into_iter().for_each(|touched| reader.touch(Some(touched)));
    let homes = super::school_housing::count_for(ctx, school).await?;
    let summaries = school.once("summary".to_owned(), load(reader, keys(school.siblings(), |school| Some(school.id))));
    let summary = summaries.await?.get(&school.id).copied().unwrap_or_default();
    Ok(SchoolSummary { available_homes: homes, ..summary })
}

async fn load(reader: &Reader, schools: Vec<Uuid>) -> Result<HashMap<Uuid, SchoolSummary>> {
    let of_these = |column: Expr| is_among(column, schools.clone(), reader.db.get_database_backend());
    let mut needs = Query::select();
    let open = || one_of(need::Column::Status, NeedStatus::is_open);
    needs
        .expr_as(qualified(need::Column::SchoolId), Alias::new("school"))
        .expr_as(sum(open()), Alias::new("open"))
        .expr_as(sum(is_standing().and(is_answered())), Alias::new("committed"))
        .expr_as(sum(open().and(is_answered().not())), Alias::new("unmet"))
        .from(need::Entity)
        .and_where(of_these(qualified(need::Column::SchoolId)))
        .and_where(qualified(need::Column::DeletedAt).is_null())
        .group_by_col((need::Entity, need::Column::SchoolId));
    let mut commitments = Query::select();
    let live_partner = Expr::case(live(), qualified(commitment::Column::PartnerId));
    commitments
        .expr_as(qualified(commitment::Column::SchoolId), Alias::new("school"))
        .expr_as(Func::count_distinct(live_partner), Alias::new("partners"))
        .expr_as(sum(overdue(reader.today()).into()), Alias::new("overdue"))
        .from(commitment::Entity)
        .and_where(of_these(qualified(commitment::Column::SchoolId)))
        .and_where(qualified(commitment::Column::DeletedAt).is_null())
        .group_by_col((commitment::Entity, commitment::Column::SchoolId));

    let mut summaries: HashMap<Uuid, SchoolSummary> = HashMap::new();
    for row in reader.db.query_all(&needs).await? {
        let summary = summaries.entry(row.try_get("", "school")?).or_default();
        (summary.open_needs, summary.committed_needs) = (count(&row, "open")?, count(&row, "committed")?);
        summary.unmet_needs = count(&row, "unmet")?;
    }
    for row in reader.db.query_all(&commitments).await? {
        let summary = summaries.entry(row.try_get("", "school")?).or_default();
        (summary.committed_partners, summary.overdue_commitments) = (count(&row, "partners")?, count(&row, "overdue")?);
    }
    Ok(summaries)
}

/// In how many rows the condition holds.
pub(super) fn sum(condition: Expr) -> Expr {
    let one = Expr::case(condition, 1).finally(0);
    Expr::expr(Func::sum(one)).cast_as(Alias::new("BIGINT"))
}

pub(super) fn count(row: &QueryResult, name: &str) -> Result<i64> {
    Ok(row.try_get::<Option<i64>>("", name)?.unwrap_or(0))
}

/// The need is neither a draft nor over.
pub(super) fn is_standing() -> Expr {
    one_of(need::Column::Status, |status: NeedStatus| status.is_open() || status == NeedStatus::Committed)
}

/// A live commitment answers the need. Each need's are looked up by an index: a list of all that were ever answered would grow
/// with the country.
pub(super) fn is_answered() -> Expr {
    let mut answers: SelectStatement = Query::select();
    answers
        .expr(Expr::val(1))
        .from(commitment::Entity)
        .and_where(qualified(commitment::Column::NeedId).eq(qualified(need::Column::Id)))
        .and_where(live())
        .and_where(qualified(commitment::Column::DeletedAt).is_null());
    Expr::exists(answers)
}
