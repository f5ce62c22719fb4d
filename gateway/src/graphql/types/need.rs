//! Needs (hulpvragen).

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{Barrier, NeedStatus, RecordType, SupportKind, Theme, Urgency};
use entity::{Brin, MunicipalityCode, SchoolBoardNumber, commitment, need, school, school_board};
use sea_orm::sea_query::{Condition, ExprTrait, Query};

use super::commitment::{CommitmentConnection, CommitmentFilter};
use super::contact;
use super::order::{OrderDirection, is_descending};
use super::provenance::Provenance;
use super::school::School;
use super::suggestion::OfferMatch;
use super::values::Contact;
use crate::auth::scope;
use crate::cache::Owner;
use crate::error::{Failure, Result};
use crate::graphql::conditions::{contains, holds_any, is_one_of, parsed};
use crate::graphql::connection::{Below, below, connection, named};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::policy::{authenticated, one, requires_scopes};
use crate::graphql::reader::Reader;
use crate::graphql::scalars::Date;
use crate::graphql::viewer::Viewer;
use crate::graphql::vocabulary::{Term, terms};

/// A school's help request (hulpvraag): what it asks of partners.
#[derive(Clone)]
pub(crate) struct Need(pub(crate) Member<need::Model>);

impl Need {
    /// Notes that the answer shows what may be another by now.
    fn is_shown(&self, ctx: &Context<'_>) {
        if let Ok(reader) = Reader::of(ctx) {
            let need = &self.0;
            reader.shows(RecordType::Need, need.id, &need.source_id, need.external_id.as_deref());
        }
    }
}

/// A school's help request (hulpvraag): what it asks of partners.
#[Object]
impl Need {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::Need, self.0.id).to_string().into()
    }

    /// The school that asks.
    async fn school(&self, ctx: &Context<'_>) -> Result<School> {
        let school = named(ctx, &self.0, "school", |need| Some(need.school_id)).await?;
        school.map(School).ok_or(Failure::Internal("a need is without its school"))
    }

    /// What is asked, in a line.
    async fn title(&self, ctx: &Context<'_>) -> &str {
        self.is_shown(ctx);
        &self.0.title
    }

    /// What is asked, at length.
    async fn description(&self, ctx: &Context<'_>) -> Option<&str> {
        self.is_shown(ctx);
        self.0.description.as_deref()
    }

    /// Its themes (thema's); at least one.
    async fn themes(&self, ctx: &Context<'_>) -> Items<Term<Theme>> {
        self.is_shown(ctx);
        terms(self.0.themes).into()
    }

    /// The kinds of support (ondersteuning) it asks for.
    async fn support_kinds(&self, ctx: &Context<'_>) -> Items<Term<SupportKind>> {
        self.is_shown(ctx);
        terms(self.0.support_kinds).into()
    }

    /// What stands in the school's way (belemmeringen).
    async fn barriers(&self, ctx: &Context<'_>) -> Items<Term<Barrier>> {
        self.is_shown(ctx);
        terms(self.0.barriers).into()
    }

    /// How pressing it is.
    async fn urgency(&self, ctx: &Context<'_>) -> Term<Urgency> {
        self.is_shown(ctx);
        Term(self.0.urgency)
    }

    /// Where it stands.
    async fn status(&self, ctx: &Context<'_>) -> Term<NeedStatus> {
        self.is_shown(ctx);
        Term(self.0.status)
    }

    /// People asked for, in FTE; null: not said.
    async fn fte_asked(&self, ctx: &Context<'_>) -> Option<f64> {
        self.is_shown(ctx);
        self.0.fte_asked
    }

    /// Time asked for, in hours a week; null: not said.
    async fn hours_per_week_asked(&self, ctx: &Context<'_>) -> Option<f64> {
        self.is_shown(ctx);
        self.0.hours_per_week_asked
    }

    /// First day; null: not fixed.
    async fn starts_on(&self, ctx: &Context<'_>) -> Option<Date> {
        self.is_shown(ctx);
        self.0.starts_on.map(Date)
    }

    /// Last day; null: no end fixed.
    async fn ends_on(&self, ctx: &Context<'_>) -> Option<Date> {
        self.is_shown(ctx);
        self.0.ends_on.map(Date)
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

    /// What partners committed to this need (toezeggingen), the newest first.
    async fn commitments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<CommitmentFilter>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<CommitmentConnection> {
        let page = PageArguments { first, after, last, before };
        let list = super::commitment::list(Reader::of(ctx)?, filter, None, &page)?;
        let of_need = Below {
            field: "commitments",
            parent: qualified(commitment::Column::NeedId),
            key: |need: &need::Model| Some(need.id),
            owner: Some(Owner::Need),
        };
        below(ctx, &self.0, of_need, list).await.map(CommitmentConnection)
    }

    /// Published offers (aanbod) that fit, best first, with the reasons; 20 where `first` is not given. None for a need
    /// that is met or over.
    async fn suggested_offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
    ) -> Result<Items<OfferMatch>> {
        let suggested = crate::graphql::suggest::offers(Reader::of(ctx)?, &self.0, first).await?;
        Ok(suggested.into_iter().map(OfferMatch).collect())
    }

    /// Whom to speak to. Scope alliance:read; null without it, and for all but the school's board and partners whose
    /// commitment to the need was accepted.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::ALLIANCE_READ)))]
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        if !contact::is_shown(ctx, &self.0, Viewer::need_contacts).await? {
            return Ok(None);
        }
        let contact = Contact::of([&self.0.contact_name, &self.0.contact_email, &self.0.contact_phone]);
        if contact.is_some() {
            Reader::of(ctx)?.shows_contact(RecordType::Need, self.0.id);
        }
        Ok(contact)
    }

    /// Where the record comes from, and how fresh it is.
    pub(crate) async fn provenance(&self, ctx: &Context<'_>) -> Result<Provenance> {
        Provenance::of(ctx, RecordType::Need, &*self.0).await
    }
}

connection! {
    /// A page of needs (hulpvragen).
    NeedConnection, NeedEdge, Need, need::Model
}

/// Which needs; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct NeedFilter {
    /// With any of these themes.
    pub themes: Option<Vec<Term<Theme>>>,
    /// That ask for any of these kinds of support.
    pub support_kinds: Option<Vec<Term<SupportKind>>>,
    /// In any of these statuses.
    pub statuses: Option<Vec<Term<NeedStatus>>>,
    /// Of any of these urgencies.
    pub urgency: Option<Vec<Term<Urgency>>>,
    /// Of schools in any of these municipalities, by CBS code (`GM0363`).
    pub municipality: Option<Vec<String>>,
    /// Of schools of any of these boards, by number (`41775`).
    pub board: Option<Vec<String>>,
    /// Of any of these schools, by BRIN code (`20AB00`).
    pub school: Option<Vec<String>>,
    /// Changed at this instant or later.
    pub updated_since: Option<DateTime<Utc>>,
    /// Whose title contains this text, whatever the case.
    pub text: Option<String>,
}

/// The order of needs.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct NeedOrder {
    /// What to order by.
    pub field: NeedOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// What needs can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum NeedOrderField {
    /// When the hub first saw it.
    CreatedAt,
    /// When the hub last saw it changed.
    UpdatedAt,
    /// How pressing it is.
    Urgency,
    /// First day; those without come last.
    StartsOn,
}

/// Needs that the viewer may see; the most pressing first where no order is given.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<NeedFilter>,
    order: Option<NeedOrder>,
    page: &PageArguments,
) -> Result<List<need::Model>> {
    use need::Column;
    let order = order.unwrap_or(NeedOrder { field: NeedOrderField::Urgency, direction: OrderDirection::Desc });
    let descending = is_descending(order.direction);
    let sort = match order.field {
        NeedOrderField::CreatedAt => Sort::by("CREATED_AT", Column::CreatedAt, SortKind::Instant, descending),
        NeedOrderField::UpdatedAt => Sort::by("UPDATED_AT", Column::UpdatedAt, SortKind::Instant, descending),
        NeedOrderField::Urgency => Sort::by("URGENCY", Column::Urgency, SortKind::Integer, descending),
        NeedOrderField::StartsOn => Sort::by("STARTS_ON", Column::StartsOn, SortKind::Day, descending).nullable(),
    };
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {order:?} {page:?}");
    let condition = reader.viewer.needs().add(condition(filter.unwrap_or_default())?);
    Ok(List::new(key, condition, sort, window))
}

fn condition(filter: NeedFilter) -> Result<Condition> {
    use need::Column;
    let mut condition = Condition::all();
    if let Some(themes) = &filter.themes {
        condition = condition.add(holds_any(Column::Themes, themes));
    }
    if let Some(kinds) = &filter.support_kinds {
        condition = condition.add(holds_any(Column::SupportKinds, kinds));
    }
    if let Some(statuses) = &filter.statuses {
        condition = condition.add(is_one_of(Column::Status, statuses));
    }
    if let Some(urgencies) = &filter.urgency {
        condition = condition.add(qualified(Column::Urgency).is_in(urgencies.iter().map(|urgency| urgency.0)));
    }
    if let Some(instant) = filter.updated_since {
        condition = condition.add(qualified(Column::UpdatedAt).gte(instant));
    }
    if let Some(text) = &filter.text {
        condition = condition.add(contains("text", Column::Title, text)?);
    }
    let schools = schools(filter.municipality, filter.board, filter.school)?;
    Ok(condition.add_option(schools.map(|schools| qualified(Column::SchoolId).in_subquery(schools))))
}

/// The identities of schools in these municipalities, of these boards, with these BRIN codes. `None` where nothing is
/// asked.
pub(super) fn schools(
    municipality: Option<Vec<String>>,
    board: Option<Vec<String>>,
    brin: Option<Vec<String>>,
) -> Result<Option<sea_orm::sea_query::SelectStatement>> {
    use school::Column;
    if municipality.is_none() && board.is_none() && brin.is_none() {
        return Ok(None);
    }
    let mut select = Query::select();
    select.expr(qualified(Column::Id)).from(school::Entity);
    if let Some(codes) = municipality {
        let codes = parsed::<MunicipalityCode>("municipality", &codes)?;
        select.and_where(qualified(Column::MunicipalityCode).is_in(codes));
    }
    if let Some(numbers) = board {
        select.and_where(qualified(Column::SchoolBoardId).in_subquery(boards(&numbers)?));
    }
    if let Some(brins) = brin {
        select.and_where(qualified(Column::Brin).is_in(parsed::<Brin>("school", &brins)?));
    }
    Ok(Some(select))
}

/// The identities of boards with these numbers.
pub(super) fn boards(numbers: &[String]) -> Result<sea_orm::sea_query::SelectStatement> {
    let numbers = parsed::<SchoolBoardNumber>("board", numbers)?;
    let mut select = Query::select();
    select
        .expr(qualified(school_board::Column::Id))
        .from(school_board::Entity)
        .and_where(qualified(school_board::Column::Number).is_in(numbers));
    Ok(select)
}
