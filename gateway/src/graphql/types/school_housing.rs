//! Homes for a school's teachers, with how far they lie.

use async_graphql::{Context, Object};
use entity::geo::{self, Reach};
use entity::vocabulary::HousingStatus;
use entity::{GeoPoint, housing_option, school};
use sea_orm::sea_query::ExprTrait;

use super::housing_option::{HousingFilter, HousingOption, HousingOrder, condition, sort};
use crate::cache::Owner;
use crate::error::Result;
use crate::graphql::conditions::{chord_squared, distance, in_reach};
use crate::graphql::connection::{Below, Connection, below};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Listed, qualified};
use crate::graphql::page::{PageArguments, PageInfo};
use crate::graphql::reader::Reader;
use crate::graphql::vocabulary::Term;

/// Homes within this many kilometres count as near where the client does not say.
pub(crate) const NEAR_KM: f64 = 15.0;

/// A page of homes for a school's teachers.
pub(crate) struct SchoolHousingConnection(Connection<housing_option::Model>);

/// A page of homes for a school's teachers.
#[Object]
impl SchoolHousingConnection {
    /// The homes with their cursors and distances.
    async fn edges(&self) -> Items<SchoolHousingEdge> {
        self.0.edges().map(SchoolHousingEdge).collect()
    }

    /// The homes.
    async fn nodes(&self) -> Items<HousingOption> {
        self.0.members().map(HousingOption).collect()
    }

    /// Where in the list this page lies.
    async fn page_info(&self) -> PageInfo {
        self.0.page_info()
    }

    /// How many homes the whole list has.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        self.0.total_count(ctx).await
    }
}

/// A home for a school's teachers.
pub(crate) struct SchoolHousingEdge(Listed<housing_option::Model>);

/// A home for a school's teachers.
#[Object]
impl SchoolHousingEdge {
    /// Where the home lies in the list: give it as `after` or `before`.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// The home.
    async fn node(&self) -> HousingOption {
        HousingOption(self.0.member.clone())
    }

    /// Great-circle distance from the school, in kilometres; null where either has no coordinates.
    async fn distance_km(&self) -> Option<f64> {
        self.0.measure.map(|chord| (geo::km_of_chord_squared(chord) * 1000.0).round() / 1000.0)
    }
}

pub(super) async fn of_school(
    ctx: &Context<'_>,
    school: &Member<school::Model>,
    filter: Option<HousingFilter>,
    within_km: f64,
    order: Option<HousingOrder>,
    page: &PageArguments,
) -> Result<SchoolHousingConnection> {
    let list = list(Reader::of(ctx)?, school.siblings(), filter, within_km, order, page)?;
    below(ctx, school, of_schools("housingOptions"), list).await.map(SchoolHousingConnection)
}

/// How many homes are available near the school.
pub(super) async fn count_for(ctx: &Context<'_>, school: &Member<school::Model>) -> Result<i64> {
    let available = HousingFilter { statuses: Some(vec![Term(HousingStatus::Available)]), ..HousingFilter::default() };
    let reader = Reader::of(ctx)?;
    reader.touch(Some(entity::vocabulary::RecordType::HousingOption));
    let list = list(reader, school.siblings(), Some(available), NEAR_KM, None, &PageArguments::default())?;
    let Below { parent, key, .. } = of_schools("");
    let ids = crate::graphql::connection::keys(school.siblings(), key);
    let counts = school.once("available homes".to_owned(), async { list.counts(&reader.db, parent, ids).await });
    Ok(counts.await?.get(&school.id).copied().unwrap_or(0))
}

fn of_schools(field: &'static str) -> Below<school::Model, sea_orm::prelude::Uuid> {
    Below { field, parent: qualified(school::Column::Id), key: |school| Some(school.id), owner: Some(Owner::School) }
}

fn list(
    reader: &Reader,
    schools: &[school::Model],
    filter: Option<HousingFilter>,
    within_km: f64,
    order: Option<HousingOrder>,
    page: &PageArguments,
) -> Result<List<housing_option::Model>> {
    use housing_option::Column;
    let within_km = distance("withinKm", within_km)?;
    let from_school = [school::Column::GeoX, school::Column::GeoY, school::Column::GeoZ].map(qualified);
    let chord = chord_squared([Column::GeoX, Column::GeoY, Column::GeoZ], from_school);
    let sort = sort(order, Some(chord.clone()))?;
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {within_km} {order:?} {page:?}");
    let condition = reader.viewer.homes().add(condition(filter.unwrap_or_default())?);
    let points = schools.iter().filter_map(|school| GeoPoint::new(school.latitude?, school.longitude?));
    let reach = Reach::of(within_km, points);
    let school_at = [school::Column::Latitude, school::Column::Longitude].map(qualified);
    // What lies in reach first: an index finds it, and few of its homes are then too far.
    let is_near = in_reach([Column::Latitude, Column::Longitude], school_at, reach)
        .and(chord.clone().lte(geo::chord_squared_of_km(within_km)));
    let is_here = qualified(Column::MunicipalityCode).eq(qualified(school::Column::MunicipalityCode));
    let list = List::new(key, condition, sort, window).measured(chord);
    Ok(list.joining_either(school::Entity, [is_here, is_near]))
}
