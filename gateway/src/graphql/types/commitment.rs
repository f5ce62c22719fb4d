//! Commitments (toezeggingen).

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, NaiveDate, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{CommitmentStatus, RecordType};
use entity::{Code, commitment, commitment_step};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder};

use super::need::{Need, schools};
use super::offer::Offer;
use super::order::{OrderDirection, is_descending};
use super::partner::{Partner, partner_ids};
use super::provenance::Provenance;
use super::school::School;
use super::values::{Capacity, CommitmentStep};
use crate::error::{Failure, Result};
use crate::graphql::conditions::is_one_of;
use crate::graphql::connection::{connection, keys, named, named_where, these};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;
use crate::graphql::scalars::Date;
use crate::graphql::vocabulary::Term;

/// What a partner committed to (toezegging): to a need, or to a school in general.
#[derive(Clone)]
pub(crate) struct Commitment(pub(crate) Member<commitment::Model>);

/// What a partner committed to (toezegging): to a need, or to a school in general.
#[Object]
impl Commitment {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::Commitment, self.0.id).to_string().into()
    }

    /// Who commits.
    async fn partner(&self, ctx: &Context<'_>) -> Result<Partner> {
        let partner = named(ctx, &self.0, "partner", |commitment| Some(commitment.partner_id)).await?;
        partner.map(Partner).ok_or(Failure::Internal("a commitment is without its partner"))
    }

    /// The school it is for.
    async fn school(&self, ctx: &Context<'_>) -> Result<School> {
        let school = named(ctx, &self.0, "school", |commitment| Some(commitment.school_id)).await?;
        school.map(School).ok_or(Failure::Internal("a commitment is without its school"))
    }

    /// The need it answers; null where it is for the school in general, or where the viewer may not see the need.
    async fn need(&self, ctx: &Context<'_>) -> Result<Option<Need>> {
        let visible = Reader::of(ctx)?.viewer.needs();
        Ok(named_where(ctx, &self.0, "need", |commitment| commitment.need_id, visible).await?.map(Need))
    }

    /// The offer it comes from; null where there is none, or where the viewer may not see it.
    async fn offer(&self, ctx: &Context<'_>) -> Result<Option<Offer>> {
        let visible = Reader::of(ctx)?.viewer.offers();
        Ok(named_where(ctx, &self.0, "offer", |commitment| commitment.offer_id, visible).await?.map(Offer))
    }

    /// What is committed, in a line.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Where it stands.
    async fn status(&self) -> Term<CommitmentStatus> {
        Term(self.0.status)
    }

    /// How much; null: not said.
    async fn capacity(&self) -> Option<Capacity> {
        let (amount, unit) = self.0.capacity_amount.zip(self.0.capacity_unit)?;
        Some(Capacity { amount, unit: Term(unit), used: None })
    }

    /// First day; null: not fixed.
    async fn starts_on(&self) -> Option<Date> {
        self.0.starts_on.map(Date)
    }

    /// Last day; null: no end fixed.
    async fn ends_on(&self) -> Option<Date> {
        self.0.ends_on.map(Date)
    }

    /// Past its end, or past its start without being active.
    async fn is_overdue(&self, ctx: &Context<'_>) -> Result<bool> {
        let today = Reader::of(ctx)?.today();
        Ok(self.0.status.is_overdue(self.0.starts_on, self.0.ends_on, today))
    }

    /// Every step it took, oldest first.
    async fn history(&self, ctx: &Context<'_>) -> Result<Items<CommitmentStep>> {
        let reader = Reader::of(ctx)?;
        let steps = self.0.once("history".to_owned(), async {
            let ids = keys(self.0.siblings(), |commitment| Some(commitment.id));
            let db = reader.within(|| these::<commitment::Model>(&ids));
            let rows = commitment_step::Entity::find()
                .filter(qualified(commitment_step::Column::CommitmentId).is_in(ids))
                .order_by_asc(commitment_step::Column::At)
                .order_by_asc(commitment_step::Column::Id)
                .all(&db)
                .await?;
            let mut steps: HashMap<Uuid, Vec<commitment_step::Model>> = HashMap::new();
            for row in rows {
                steps.entry(row.commitment_id).or_default().push(row);
            }
            Ok(steps)
        });
        let steps = steps.await?;
        Ok(steps.get(&self.0.id).into_iter().flatten().cloned().map(CommitmentStep::from).collect())
    }

    /// When the hub first saw it.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When the hub last saw it changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Counts the record's writes, from 1: give it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Where the record comes from, and how fresh it is.
    pub(crate) async fn provenance(&self, ctx: &Context<'_>) -> Result<Provenance> {
        Provenance::of(ctx, RecordType::Commitment, &*self.0).await
    }
}

connection! {
    /// A page of commitments (toezeggingen).
    CommitmentConnection, CommitmentEdge, Commitment, commitment::Model
}

/// Which commitments; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct CommitmentFilter {
    /// In any of these statuses.
    pub statuses: Option<Vec<Term<CommitmentStatus>>>,
    /// Of any of these partners, by global id.
    pub partner: Option<Vec<ID>>,
    /// For any of these schools, by BRIN code (`20AB00`).
    pub school: Option<Vec<String>>,
    /// For schools in any of these municipalities, by CBS code (`GM0363`).
    pub municipality: Option<Vec<String>>,
    /// Overdue, or not.
    pub is_overdue: Option<bool>,
    /// Changed at this instant or later.
    pub updated_since: Option<DateTime<Utc>>,
}

/// The order of commitments.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct CommitmentOrder {
    /// What to order by.
    pub field: CommitmentOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// What commitments can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum CommitmentOrderField {
    /// When the hub first saw it.
    CreatedAt,
    /// When the hub last saw it changed.
    UpdatedAt,
    /// First day; those without come last.
    StartsOn,
    /// Last day; those without come last.
    EndsOn,
}

/// Commitments that the viewer may see; the newest first where no order is given.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<CommitmentFilter>,
    order: Option<CommitmentOrder>,
    page: &PageArguments,
) -> Result<List<commitment::Model>> {
    use commitment::Column;
    let newest = CommitmentOrder { field: CommitmentOrderField::CreatedAt, direction: OrderDirection::Desc };
    let order = order.unwrap_or(newest);
    let descending = is_descending(order.direction);
    let sort = match order.field {
        CommitmentOrderField::CreatedAt => Sort::by("CREATED_AT", Column::CreatedAt, SortKind::Instant, descending),
        CommitmentOrderField::UpdatedAt => Sort::by("UPDATED_AT", Column::UpdatedAt, SortKind::Instant, descending),
        CommitmentOrderField::StartsOn => Sort::by("STARTS_ON", Column::StartsOn, SortKind::Day, descending).nullable(),
        CommitmentOrderField::EndsOn => Sort::by("ENDS_ON", Column::EndsOn, SortKind::Day, descending).nullable(),
    };
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {order:?} {page:?}");
    let condition = reader.viewer.commitments().add(condition(filter.unwrap_or_default(), reader.today())?);
    Ok(List::new(key, condition, sort, window))
}

fn condition(filter: CommitmentFilter, today: NaiveDate) -> Result<Condition> {
    use commitment::Column;
    let mut condition = Condition::all();
    if let Some(statuses) = &filter.statuses {
        condition = condition.add(is_one_of(Column::Status, statuses));
    }
    if let Some(partners) = &filter.partner {
        condition = condition.add(qualified(Column::PartnerId).is_in(partner_ids(partners)?));
    }
    if let Some(instant) = filter.updated_since {
        condition = condition.add(qualified(Column::UpdatedAt).gte(instant));
    }
    condition = match filter.is_overdue {
        Some(true) => condition.add(overdue(today)),
        Some(false) => condition.add(overdue(today).not()),
        None => condition,
    };
    let schools = schools(filter.municipality, None, filter.school)?;
    Ok(condition.add_option(schools.map(|schools| qualified(Column::SchoolId).in_subquery(schools))))
}

/// The commitment is overdue: [`CommitmentStatus::is_overdue`] in SQL. Never null.
pub(super) fn overdue(today: NaiveDate) -> Condition {
    use commitment::Column;
    let is = |status: CommitmentStatus| qualified(Column::Status).eq(status.code());
    // Never null: `NOT` of a null would lose the commitments without an end.
    let past = |column: Column| qualified(column).is_not_null().and(qualified(column).lt(today));
    let unstarted = is(CommitmentStatus::Accepted).and(past(Column::StartsOn));
    let running = is(CommitmentStatus::Accepted).or(is(CommitmentStatus::Active)).or(is(CommitmentStatus::Completed));
    Condition::any().add(unstarted).add(running.and(past(Column::EndsOn)))
}

/// The commitment binds its partner: accepted or active.
pub(crate) fn live() -> Expr {
    qualified(commitment::Column::Status).is_in(CommitmentStatus::LIVE.map(Code::code))
}
