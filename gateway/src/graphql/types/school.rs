//! School locations (vestigingen).

use async_graphql::{Context, Enum, ID, InputObject, Object};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{NeedStatus, RecordType, Theme};
use entity::{Brin, MunicipalityCode, commitment, housing_scheme, initiative, initiative_school, need, school};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};

use super::commitment::{CommitmentConnection, CommitmentFilter, CommitmentOrder};
use super::committed_partner::CommittedPartnerConnection;
use super::housing_option::{HousingFilter, HousingOrder};
use super::housing_scheme::HousingScheme;
use super::initiative::Initiative;
use super::municipality::Municipality;
use super::need::{NeedConnection, NeedFilter, NeedOrder, boards};
use super::order::{OrderDirection, is_descending};
use super::provenance::Provenance;
use super::school_board::SchoolBoard;
use super::school_housing::SchoolHousingConnection;
use super::school_summary::SchoolSummary;
use super::values::{Address, Location};
use crate::cache::Owner;
use crate::error::Result;
use crate::graphql::conditions::{NearInput, contains, holds_any, municipalities, parsed};
use crate::graphql::connection::{Below, below, connection, named};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;
use crate::graphql::viewer::one_of;
use crate::graphql::vocabulary::Term;

/// A school location (vestiging) for primary education.
#[derive(Clone)]
pub(crate) struct School(pub(crate) Member<school::Model>);

/// A school location (vestiging) for primary education.
#[Object]
impl School {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::School, self.0.id).to_string().into()
    }

    /// BRIN code of the location: `20AB00`.
    async fn brin(&self) -> &str {
        &self.0.brin
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Where it is visited.
    async fn address(&self) -> Option<Address> {
        Address::of([&self.0.street, &self.0.house_number, &self.0.postcode, &self.0.city])
    }

    /// Where it lies.
    async fn location(&self) -> Option<Location> {
        Location::of(self.0.latitude, self.0.longitude)
    }

    /// Denomination (denominatie), as the register words it.
    async fn denomination(&self) -> Option<&str> {
        self.0.denomination.as_deref()
    }

    /// Number of pupils; null: not known.
    async fn pupils(&self) -> Option<i32> {
        self.0.pupils
    }

    /// Disadvantage score (achterstandsscore) of Statistics Netherlands, where known.
    async fn disadvantage_score(&self) -> Option<f64> {
        self.0.disadvantage_score
    }

    /// Address of its website.
    async fn website(&self) -> Option<&str> {
        self.0.website.as_deref()
    }

    /// The board (bevoegd gezag) that answers for it.
    async fn board(&self, ctx: &Context<'_>) -> Result<Option<SchoolBoard>> {
        Ok(named(ctx, &self.0, "board", |school| school.school_board_id).await?.map(SchoolBoard))
    }

    /// The municipality (gemeente) it lies in.
    async fn municipality(&self, ctx: &Context<'_>) -> Result<Option<Municipality>> {
        Ok(named(ctx, &self.0, "municipality", |school| school.municipality_code.clone()).await?.map(Municipality))
    }

    /// What it asks for (hulpvragen), the most pressing first.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn needs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<NeedFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<NeedOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<NeedConnection> {
        let page = PageArguments { first, after, last, before };
        let list = super::need::list(Reader::of(ctx)?, filter, order_by, &page)?;
        below(ctx, &self.0, of_school("needs", qualified(need::Column::SchoolId)), list).await.map(NeedConnection)
    }

    /// Commitments (toezeggingen) to this school or to one of its needs, the newest first.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn commitments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<CommitmentFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<CommitmentOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<CommitmentConnection> {
        let page = PageArguments { first, after, last, before };
        let list = super::commitment::list(Reader::of(ctx)?, filter, order_by, &page)?;
        let below_school = of_school("commitments", qualified(commitment::Column::SchoolId));
        below(ctx, &self.0, below_school, list).await.map(CommitmentConnection)
    }

    /// Partners with a live (accepted or active) commitment here, each once, by name.
    async fn committed_partners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<CommittedPartnerConnection> {
        let page = PageArguments { first, after, last, before };
        super::committed_partner::of_school(ctx, &self.0, &page).await
    }

    /// Homes for its teachers (lerarenwoningen): in its municipality or within `withinKm` as the crow flies, nearest
    /// first.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn housing_options(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<HousingFilter>,
        #[graphql(default_with = "Some(15.0)", desc = "How far away at most, in kilometres, as the crow flies.")]
        within_km: Option<f64>,
        #[graphql(desc = "In which order.")] order_by: Option<HousingOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<SchoolHousingConnection> {
        let page = PageArguments { first, after, last, before };
        super::school_housing::of_school(ctx, &self.0, filter, within_km.unwrap_or(15.0), order_by, &page).await
    }

    /// Schemes (voorrangsregelingen) under which its teachers can get priority: those of its municipality.
    async fn housing_schemes(&self, ctx: &Context<'_>) -> Result<Items<HousingScheme>> {
        let of_municipality = Below {
            field: "housingSchemes",
            parent: qualified(housing_scheme::Column::MunicipalityCode),
            key: |school: &school::Model| school.municipality_code.clone(),
            owner: Some(Owner::Municipality),
        };
        let schemes = below(ctx, &self.0, of_municipality, super::housing_scheme::all(Reader::of(ctx)?)?).await?;
        Ok(schemes.members().map(HousingScheme).collect())
    }

    /// Initiatives (initiatieven) it takes part in.
    async fn initiatives(&self, ctx: &Context<'_>) -> Result<Items<Initiative>> {
        let list = super::initiative::all(Reader::of(ctx)?)?.joining(|select| {
            let link = qualified(initiative_school::Column::InitiativeId).eq(qualified(initiative::Column::Id));
            select.inner_join(initiative_school::Entity, link);
        });
        let below_school = of_school("initiatives", qualified(initiative_school::Column::SchoolId));
        Ok(below(ctx, &self.0, below_school, list).await?.members().map(Initiative).collect())
    }

    /// How it stands, in numbers.
    async fn summary(&self, ctx: &Context<'_>) -> Result<SchoolSummary> {
        super::school_summary::of_school(ctx, &self.0).await
    }

    /// Where the record comes from, and how fresh it is.
    pub(crate) async fn provenance(&self, ctx: &Context<'_>) -> Result<Provenance> {
        Provenance::of(ctx, RecordType::School, &*self.0).await
    }
}

fn of_school(field: &'static str, parent: Expr) -> Below<school::Model, sea_orm::prelude::Uuid> {
    Below { field, parent, key: |school| Some(school.id), owner: Some(Owner::School) }
}

connection! {
    /// A page of school locations (vestigingen).
    SchoolConnection, SchoolEdge, School, school::Model
}

/// Which schools; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct SchoolFilter {
    /// With any of these BRIN codes (`20AB00`).
    pub brin: Option<Vec<String>>,
    /// Whose name contains this text, whatever the case.
    pub name: Option<String>,
    /// In any of these municipalities, by CBS code (`GM0363`).
    pub municipality: Option<Vec<String>>,
    /// Of any of these boards, by number (`41775`).
    pub board: Option<Vec<String>>,
    /// With needs that partners may still step into, or without.
    pub has_open_needs: Option<bool>,
    /// With an open need on any of these themes.
    pub themes: Option<Vec<Term<Theme>>>,
    /// Within a circle.
    pub near: Option<NearInput>,
    /// In one of the four big cities (G4), or not.
    pub is_in_g4: Option<bool>,
    /// In a shrinking region (krimpregio), or not.
    pub is_in_shrinking_region: Option<bool>,
}

/// The order of schools.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct SchoolOrder {
    /// What to order by.
    pub field: SchoolOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// What schools can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum SchoolOrderField {
    /// Name.
    Name,
    /// BRIN code.
    Brin,
    /// Number of pupils; those without come last.
    Pupils,
    /// Disadvantage score; those without come last.
    DisadvantageScore,
    /// How many needs partners may still step into.
    OpenNeeds,
}

/// Schools by name: for lists that take no order.
pub(crate) fn by_name(reader: &Reader, page: &PageArguments) -> Result<List<school::Model>> {
    list(reader, None, None, page)
}

/// Schools, by name where no order is given.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<SchoolFilter>,
    order: Option<SchoolOrder>,
    page: &PageArguments,
) -> Result<List<school::Model>> {
    use school::Column;
    let order = order.unwrap_or(SchoolOrder { field: SchoolOrderField::Name, direction: OrderDirection::Asc });
    let descending = is_descending(order.direction);
    let sort = match order.field {
        SchoolOrderField::Name => Sort::by("NAME", Column::Name, SortKind::Text, descending),
        SchoolOrderField::Brin => Sort::by("BRIN", Column::Brin, SortKind::Text, descending),
        SchoolOrderField::Pupils => Sort::by("PUPILS", Column::Pupils, SortKind::Integer, descending).nullable(),
        SchoolOrderField::DisadvantageScore => {
            Sort::by("DISADVANTAGE_SCORE", Column::DisadvantageScore, SortKind::Real, descending).nullable()
        }
        SchoolOrderField::OpenNeeds => {
            let mut count = open_needs();
            count.expr(Expr::val(1).count()).and_where(qualified(need::Column::SchoolId).eq(qualified(Column::Id)));
            let value = Expr::SubQuery(None, Box::new(count.into()));
            Sort { name: "OPEN_NEEDS", value, kind: SortKind::Integer, nullable: false, descending }
        }
    };
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {order:?} {page:?}");
    Ok(List::new(key, condition(filter.unwrap_or_default())?, sort, window))
}

fn condition(filter: SchoolFilter) -> Result<Condition> {
    use school::Column;
    let mut condition = Condition::all();
    if let Some(brins) = &filter.brin {
        condition = condition.add(qualified(Column::Brin).is_in(parsed::<Brin>("brin", brins)?));
    }
    if let Some(name) = &filter.name {
        condition = condition.add(contains("name", Column::Name, name)?);
    }
    if let Some(codes) = &filter.municipality {
        let codes = parsed::<MunicipalityCode>("municipality", codes)?;
        condition = condition.add(qualified(Column::MunicipalityCode).is_in(codes));
    }
    if let Some(numbers) = &filter.board {
        condition = condition.add(qualified(Column::SchoolBoardId).in_subquery(boards(numbers)?));
    }
    if filter.is_in_g4.is_some() || filter.is_in_shrinking_region.is_some() {
        let municipalities = municipalities(filter.is_in_g4, filter.is_in_shrinking_region);
        condition = condition.add(qualified(Column::MunicipalityCode).in_subquery(municipalities));
    }
    if let Some(near) = &filter.near {
        condition = condition
            .add(near.holds([Column::Latitude, Column::Longitude], [Column::GeoX, Column::GeoY, Column::GeoZ])?);
    }
    if let Some(themes) = &filter.themes {
        let mut with_theme = open_needs();
        with_theme.expr(qualified(need::Column::SchoolId)).and_where(holds_any(need::Column::Themes, themes));
        condition = condition.add(qualified(Column::Id).in_subquery(with_theme));
    }
    if let Some(has_open_needs) = filter.has_open_needs {
        let mut asking = open_needs();
        asking.expr(qualified(need::Column::SchoolId));
        let is_asking = qualified(Column::Id).in_subquery(asking);
        condition = condition.add(if has_open_needs { is_asking } else { is_asking.not() });
    }
    Ok(condition)
}

/// Needs that partners may still step into.
fn open_needs() -> SelectStatement {
    let mut select = Query::select();
    select
        .from(need::Entity)
        .and_where(one_of(need::Column::Status, NeedStatus::is_open))
        .and_where(qualified(need::Column::DeletedAt).is_null());
    select
}
