//! Partners that are committed to a school, each once, with what they committed to there.

use std::cmp::Reverse;
use std::collections::HashMap;

use async_graphql::{Context, Object};
use entity::{commitment, partner, school};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{DbErr, EntityName, EntityTrait, FromQueryResult, IdenStatic, QueryFilter, QueryOrder, QueryResult};

use super::commitment::{Commitment, live};
use super::offer::grouped;
use super::partner::{Partner, by_name};
use crate::cache::{Owner, Scope};
use crate::error::Failure;
use crate::graphql::beside::{self, Beside};
use crate::graphql::connection::{Below, Connection, below, keys};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Listed, PARENT, qualified};
use crate::graphql::page::{PageArguments, PageInfo};
use crate::graphql::reader::Reader;

/// A page of partners that are committed to a school.
pub(crate) struct CommittedPartnerConnection {
    school: Member<school::Model>,
    connection: Connection<partner::Model>,
}

/// A page of partners that are committed to a school.
#[Object]
impl CommittedPartnerConnection {
    /// The partners with their cursors and commitments.
    async fn edges(&self) -> Items<CommittedPartnerEdge> {
        let edge = |listed| CommittedPartnerEdge { school: self.school.clone(), listed };
        self.connection.edges().map(edge).collect()
    }

    /// The partners.
    async fn nodes(&self) -> Items<Partner> {
        self.connection.members().map(Partner).collect()
    }

    /// Where in the list this page lies.
    async fn page_info(&self) -> PageInfo {
        self.connection.page_info()
    }

    /// How many partners are committed to the school.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64, Failure> {
        self.connection.total_count(ctx).await
    }
}

/// A partner that is committed to a school.
pub(crate) struct CommittedPartnerEdge {
    school: Member<school::Model>,
    listed: Listed<partner::Model>,
}

/// By the school they are to.
type Commitments = HashMap<Uuid, Vec<Member<commitment::Model>>>;

/// Under which name they wait at the level of the partners.
const COMMITMENTS: &str = "commitments here";

/// Each partner's live commitments to the school that it is listed below, read with the partners.
struct CommitmentsHere;

impl Beside<partner::Model> for CommitmentsHere {
    fn join(&self, select: &mut SelectStatement, page: &Alias) {
        use commitment::Column;
        let of_page = |name: &'static str| Expr::col((page.clone(), Alias::new(name)));
        let is_here = Condition::all()
            .add(qualified(Column::SchoolId).eq(of_page(PARENT)))
            .add(qualified(Column::PartnerId).eq(of_page(partner::Column::Id.as_str())))
            .add(live())
            .add(qualified(Column::DeletedAt).is_null());
        select.join(JoinType::LeftJoin, commitment::Entity, is_here);
        beside::columns::<commitment::Model>(select, &Alias::new(commitment::Entity.table_name()), PREFIX);
    }

    fn take(&self, _: &Reader, rows: &[QueryResult], level: &Member<partner::Model>) -> Result<(), DbErr> {
        let here = rows.iter().map(|row| commitment::Model::from_query_result_optional(row, PREFIX));
        let mut here: Vec<commitment::Model> = here.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        here.sort_by_key(|row| Reverse((row.created_at, row.id)));
        let here: Commitments = grouped(here.into_iter().map(|row| (row.school_id, row)));
        level.leave(COMMITMENTS.to_owned(), here);
        Ok(())
    }
}

/// Where in a row of a partner its commitment's columns stand.
const PREFIX: &str = "here_";

/// A partner that is committed to a school.
#[Object]
impl CommittedPartnerEdge {
    /// Where the partner lies in the list: give it as `after` or `before`.
    async fn cursor(&self) -> &str {
        &self.listed.cursor
    }

    /// The partner.
    async fn node(&self) -> Partner {
        Partner(self.listed.member.clone())
    }

    /// Its live commitments here (accepted or active), the newest first.
    async fn commitments(&self, ctx: &Context<'_>) -> Result<Items<Commitment>, Failure> {
        let reader = Reader::of(ctx)?;
        reader.touch(Some(entity::vocabulary::RecordType::Commitment));
        let load = async {
            use commitment::Column;
            let schools = keys(self.school.siblings(), |school| Some(school.id));
            let db = reader.within(|| Scope::Below(schools.iter().copied().map(Owner::School).collect()));
            let rows = commitment::Entity::find()
                .filter(qualified(Column::SchoolId).is_in(schools))
                .filter(qualified(Column::PartnerId).is_in(keys(self.listed.member.siblings(), |row| Some(row.id))))
                .filter(live())
                .filter(qualified(Column::DeletedAt).is_null())
                .order_by_desc(Column::CreatedAt)
                .order_by_desc(Column::Id)
                .all(&db)
                .await?;
            Ok(grouped(rows.into_iter().map(|row| (row.school_id, row))))
        };
        let commitments: std::sync::Arc<Commitments> = self.listed.member.once(COMMITMENTS.to_owned(), load).await?;
        let here = commitments.get(&self.school.id).into_iter().flatten();
        Ok(here.filter(|row| row.partner_id == self.listed.member.id).cloned().map(Commitment).collect())
    }
}

/// Partners with a live commitment to the school.
pub(super) async fn of_school(
    ctx: &Context<'_>,
    school: &Member<school::Model>,
    page: &PageArguments,
) -> Result<CommittedPartnerConnection, Failure> {
    let bond = Alias::new("bond");
    let mut bonds = Query::select();
    bonds
        .distinct()
        .column(commitment::Column::SchoolId)
        .column(commitment::Column::PartnerId)
        .from(commitment::Entity)
        .and_where(live())
        .and_where(qualified(commitment::Column::DeletedAt).is_null());
    let sort = by_name(false);
    let window = page.window(&sort.label(), Reader::of(ctx)?.longest_page)?;
    let list = List::new(format!("{page:?}"), Condition::all(), sort, window).joining(|select| {
        let is_bound = Expr::col((bond.clone(), commitment::Column::PartnerId)).eq(qualified(partner::Column::Id));
        select.join_subquery(JoinType::InnerJoin, bonds, bond.clone(), is_bound);
    });
    let list = match ctx.look_ahead().field("edges").field("commitments").exists() {
        true => list.beside(vec![Box::new(CommitmentsHere)]),
        false => list,
    };
    let of_school = Below {
        field: "committedPartners",
        parent: Expr::col((bond, commitment::Column::SchoolId)),
        key: |school: &school::Model| Some(school.id),
        owner: Some(Owner::School),
    };
    let connection = below(ctx, school, of_school, list).await?;
    Ok(CommittedPartnerConnection { school: school.clone(), connection })
}
