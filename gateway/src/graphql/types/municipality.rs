//! Municipalities (gemeenten).

use async_graphql::{Context, ID, InputObject, Object};
use entity::global_id::{GlobalId, Kind};
use entity::{MunicipalityCode, housing_option, housing_scheme, municipality, school};
use sea_orm::sea_query::{Condition, ExprTrait};

use super::coverage::ThemeCoverage;
use super::housing_option::{HousingFilter, HousingOptionConnection, HousingOrder};
use super::housing_scheme::HousingScheme;
use super::region::Region;
use super::school::SchoolConnection;
use crate::cache::Owner;
use crate::error::Result;
use crate::graphql::conditions::{contains, in_shrinking_region, parsed};
use crate::graphql::connection::{Below, below, connection};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;

/// A municipality (gemeente).
#[derive(Clone)]
pub(crate) struct Municipality(pub(crate) Member<municipality::Model>);

fn of_municipality(field: &'static str, parent: sea_orm::sea_query::Expr) -> Below<municipality::Model, String> {
    Below { field, parent, key: |municipality| Some(municipality.code.clone()), owner: Some(Owner::Municipality) }
}

/// A municipality (gemeente).
#[Object]
impl Municipality {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::Municipality, &self.0.code).to_string().into()
    }

    /// Code of Statistics Netherlands (CBS): `GM0363`.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it is one of the four big cities: Amsterdam, Rotterdam, Den Haag, Utrecht.
    async fn is_g4(&self) -> bool {
        self.0.is_g4
    }

    /// The shrinking region (krimpregio) it lies in, if any.
    async fn region(&self, ctx: &Context<'_>) -> Result<Option<Region>> {
        Ok(super::region::named(ctx, &self.0, |municipality| municipality.region_slug.clone()).await?.map(Region))
    }

    /// Its schools, by name.
    async fn schools(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<SchoolConnection> {
        let list = super::school::by_name(Reader::of(ctx)?, &PageArguments { first, after, last, before })?;
        let below_this = of_municipality("schools", qualified(school::Column::MunicipalityCode));
        below(ctx, &self.0, below_this, list).await.map(SchoolConnection)
    }

    /// Homes for teachers (lerarenwoningen) in it.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn housing_options(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<HousingFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<HousingOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<HousingOptionConnection> {
        let page = PageArguments { first, after, last, before };
        let list = super::housing_option::list(Reader::of(ctx)?, filter, order_by, &page)?;
        let below_this = of_municipality("housingOptions", qualified(housing_option::Column::MunicipalityCode));
        below(ctx, &self.0, below_this, list).await.map(HousingOptionConnection)
    }

    /// Its priority schemes for teachers (voorrangsregelingen), the latest first.
    async fn housing_schemes(&self, ctx: &Context<'_>) -> Result<Items<HousingScheme>> {
        let below_this = of_municipality("housingSchemes", qualified(housing_scheme::Column::MunicipalityCode));
        let schemes = below(ctx, &self.0, below_this, super::housing_scheme::all(Reader::of(ctx)?)?).await?;
        Ok(schemes.members().map(HousingScheme).collect())
    }

    /// Where needs go unmet: per theme.
    async fn coverage(&self, ctx: &Context<'_>) -> Result<Items<ThemeCoverage>> {
        super::coverage::of_municipality(ctx, &self.0).await
    }
}

connection! {
    /// A page of municipalities (gemeenten).
    MunicipalityConnection, MunicipalityEdge, Municipality, municipality::Model
}

/// Which municipalities; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct MunicipalityFilter {
    /// With any of these CBS codes (`GM0363`).
    pub code: Option<Vec<String>>,
    /// Whose name contains this text, whatever the case.
    pub name: Option<String>,
    /// One of the four big cities (G4), or not.
    pub is_g4: Option<bool>,
    /// In a shrinking region (krimpregio), or not.
    pub is_in_shrinking_region: Option<bool>,
}

/// Municipalities, by name.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<MunicipalityFilter>,
    page: &PageArguments,
) -> Result<List<municipality::Model>> {
    use municipality::Column;
    let sort = Sort::by("NAME", Column::Name, SortKind::Text, false);
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {page:?}");
    let filter = filter.unwrap_or_default();
    let mut condition = Condition::all();
    if let Some(codes) = &filter.code {
        condition = condition.add(qualified(Column::Code).is_in(parsed::<MunicipalityCode>("code", codes)?));
    }
    if let Some(name) = &filter.name {
        condition = condition.add(contains("name", Column::Name, name)?);
    }
    if let Some(is_g4) = filter.is_g4 {
        condition = condition.add(qualified(Column::IsG4).eq(is_g4));
    }
    if let Some(is_shrinking) = filter.is_in_shrinking_region {
        condition = condition.add(in_shrinking_region(is_shrinking));
    }
    Ok(List::new(key, condition, sort, window))
}
