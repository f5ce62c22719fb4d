//! Homes for teachers (lerarenwoningen).

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{HousingSegment, HousingStatus, HousingType, RecordType};
use entity::{MunicipalityCode, housing_option};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};

use super::housing_scheme::HousingScheme;
use super::municipality::Municipality;
use super::order::{OrderDirection, is_descending};
use super::partner::Partner;
use super::provenance::Provenance;
use super::values::{Address, HousingEligibility, Location, Money};
use crate::error::{Failure, Result};
use crate::graphql::conditions::{NearInput, chord_squared, is_one_of, parsed};
use crate::graphql::connection::{connection, named};
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;
use crate::graphql::scalars::Date;
use crate::graphql::vocabulary::Term;

/// A home for teachers (lerarenwoning), or several alike in one publication.
#[derive(Clone)]
pub(crate) struct HousingOption(pub(crate) Member<housing_option::Model>);

impl HousingOption {
    /// Notes that the answer shows what may be another by now: whether it can still be had, and on what terms.
    fn is_shown(&self, ctx: &Context<'_>) {
        if let Ok(reader) = Reader::of(ctx) {
            let home = &self.0;
            reader.shows(RecordType::HousingOption, home.id, &home.source_id, home.external_id.as_deref());
        }
    }
}

/// A home for teachers (lerarenwoning), or several alike in one publication.
#[Object]
impl HousingOption {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::HousingOption, self.0.id).to_string().into()
    }

    /// Name or address in a line.
    async fn title(&self, ctx: &Context<'_>) -> &str {
        self.is_shown(ctx);
        &self.0.title
    }

    /// The municipality (gemeente) it lies in.
    async fn municipality(&self, ctx: &Context<'_>) -> Result<Municipality> {
        let municipality = named(ctx, &self.0, "municipality", |home| Some(home.municipality_code.clone())).await?;
        municipality.map(Municipality).ok_or(Failure::Internal("a home is without its municipality"))
    }

    /// Neighbourhood (wijk or buurt).
    async fn neighbourhood(&self) -> Option<&str> {
        self.0.neighbourhood.as_deref()
    }

    /// Address, as far as it is made public.
    async fn address(&self) -> Option<Address> {
        Address::of([&self.0.street, &self.0.house_number, &self.0.postcode, &self.0.city])
    }

    /// Where it lies.
    async fn location(&self) -> Option<Location> {
        Location::of(self.0.latitude, self.0.longitude)
    }

    /// What kind of home it is.
    async fn r#type(&self) -> Term<HousingType> {
        Term(self.0.housing_type)
    }

    /// The segment it is let in.
    async fn segment(&self) -> Term<HousingSegment> {
        Term(self.0.segment)
    }

    /// Where it stands.
    async fn status(&self, ctx: &Context<'_>) -> Term<HousingStatus> {
        self.is_shown(ctx);
        Term(self.0.status)
    }

    /// How many homes the publication holds.
    async fn homes(&self, ctx: &Context<'_>) -> i32 {
        self.is_shown(ctx);
        self.0.homes
    }

    /// Rent per month, without service costs where these are known apart.
    async fn rent_per_month(&self, ctx: &Context<'_>) -> Money {
        self.is_shown(ctx);
        Money::euro_cents(self.0.rent_cents)
    }

    /// Service costs per month; null: not known apart.
    async fn service_costs(&self) -> Option<Money> {
        self.0.service_costs_cents.map(Money::euro_cents)
    }

    /// Floor area, in square metres.
    async fn floor_area_m2(&self) -> Option<f64> {
        self.0.floor_area_m2
    }

    /// Number of rooms.
    async fn rooms(&self) -> Option<i32> {
        self.0.rooms
    }

    /// First day it can be let.
    async fn available_from(&self, ctx: &Context<'_>) -> Option<Date> {
        self.is_shown(ctx);
        self.0.available_from.map(Date)
    }

    /// Last day to respond.
    async fn respond_before(&self, ctx: &Context<'_>) -> Option<Date> {
        self.is_shown(ctx);
        self.0.respond_before.map(Date)
    }

    /// Length of the contract, in months; null: no end.
    async fn contract_months(&self) -> Option<i32> {
        self.0.contract_months
    }

    /// Who qualifies.
    async fn eligibility(&self) -> HousingEligibility {
        HousingEligibility::from(&*self.0)
    }

    /// The partner that lets it, where it is known to the hub.
    async fn provider(&self, ctx: &Context<'_>) -> Result<Option<Partner>> {
        Ok(named(ctx, &self.0, "provider", |home| home.provider_id).await?.map(Partner))
    }

    /// The priority scheme (voorrangsregeling) it falls under.
    async fn scheme(&self, ctx: &Context<'_>) -> Result<Option<HousingScheme>> {
        Ok(named(ctx, &self.0, "scheme", |home| home.scheme_id).await?.map(HousingScheme))
    }

    /// Where to apply.
    async fn apply_url(&self) -> Option<&str> {
        self.0.apply_url.as_deref()
    }

    /// Counts the record's writes, from 1: give it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Where the record comes from, and how fresh it is.
    pub(crate) async fn provenance(&self, ctx: &Context<'_>) -> Result<Provenance> {
        Provenance::of(ctx, RecordType::HousingOption, &*self.0).await
    }
}

connection! {
    /// A page of homes for teachers (lerarenwoningen).
    HousingOptionConnection, HousingOptionEdge, HousingOption, housing_option::Model
}

/// Which homes; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct HousingFilter {
    /// In any of these statuses.
    pub statuses: Option<Vec<Term<HousingStatus>>>,
    /// Of any of these kinds.
    pub types: Option<Vec<Term<HousingType>>>,
    /// In any of these segments.
    pub segments: Option<Vec<Term<HousingSegment>>>,
    /// In any of these municipalities, by CBS code (`GM0363`).
    pub municipality: Option<Vec<String>>,
    /// With a rent per month of this or less, in cents EUR.
    pub max_rent_cents: Option<i64>,
    /// With this floor area or more, in square metres.
    pub min_floor_area_m2: Option<f64>,
    /// Available on this day or earlier.
    pub available_before: Option<Date>,
    /// Within a circle.
    pub near: Option<NearInput>,
    /// Changed at this instant or later.
    pub updated_since: Option<DateTime<Utc>>,
}

/// The order of homes.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct HousingOrder {
    /// What to order by.
    pub field: HousingOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// What homes can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum HousingOrderField {
    /// Distance: only where there is a point to measure from, below a school or with `near`. Those without coordinates
    /// come last.
    Distance,
    /// Rent per month.
    Rent,
    /// First day it can be let; those without come last.
    AvailableFrom,
    /// Last day to respond; those without come last.
    RespondBefore,
    /// Floor area; those without come last.
    FloorArea,
    /// When the hub last saw it changed.
    UpdatedAt,
}

/// Homes that the viewer may see; where no order is given the nearest first where there is a point, else the cheapest.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<HousingFilter>,
    order: Option<HousingOrder>,
    page: &PageArguments,
) -> Result<List<housing_option::Model>> {
    use housing_option::Column;
    let near = filter.as_ref().and_then(|filter| filter.near);
    let chord = match near {
        Some(near) => {
            let centre = near.centre()?.on_unit_sphere().map(Expr::val);
            Some(chord_squared([Column::GeoX, Column::GeoY, Column::GeoZ], centre))
        }
        None => None,
    };
    let sort = sort(order, chord)?;
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {order:?} {page:?}");
    let condition = reader.viewer.homes().add(condition(filter.unwrap_or_default())?);
    Ok(List::new(key, condition, sort, window))
}

pub(super) fn sort(order: Option<HousingOrder>, chord: Option<Expr>) -> Result<Sort> {
    use housing_option::Column;
    let field = if chord.is_some() { HousingOrderField::Distance } else { HousingOrderField::Rent };
    let order = order.unwrap_or(HousingOrder { field, direction: OrderDirection::Asc });
    let descending = is_descending(order.direction);
    Ok(match order.field {
        HousingOrderField::Distance => {
            let value = chord.ok_or_else(|| {
                Failure::bad_user_input("DISTANCE needs a point to measure from: give `near` in the filter.")
            })?;
            Sort { name: "DISTANCE", value, kind: SortKind::Real, nullable: true, descending }
        }
        HousingOrderField::Rent => Sort::by("RENT", Column::RentCents, SortKind::Integer, descending),
        HousingOrderField::AvailableFrom => {
            Sort::by("AVAILABLE_FROM", Column::AvailableFrom, SortKind::Day, descending).nullable()
        }
        HousingOrderField::RespondBefore => {
            Sort::by("RESPOND_BEFORE", Column::RespondBefore, SortKind::Day, descending).nullable()
        }
        HousingOrderField::FloorArea => {
            Sort::by("FLOOR_AREA", Column::FloorAreaM2, SortKind::Real, descending).nullable()
        }
        HousingOrderField::UpdatedAt => Sort::by("UPDATED_AT", Column::UpdatedAt, SortKind::Instant, descending),
    })
}

pub(super) fn condition(filter: HousingFilter) -> Result<Condition> {
    use housing_option::Column;
    let mut condition = Condition::all();
    if let Some(statuses) = &filter.statuses {
        condition = condition.add(is_one_of(Column::Status, statuses));
    }
    if let Some(types) = &filter.types {
        condition = condition.add(is_one_of(Column::HousingType, types));
    }
    if let Some(segments) = &filter.segments {
        condition = condition.add(is_one_of(Column::Segment, segments));
    }
    if let Some(codes) = &filter.municipality {
        let codes = parsed::<MunicipalityCode>("municipality", codes)?;
        condition = condition.add(qualified(Column::MunicipalityCode).is_in(codes));
    }
    if let Some(cents) = filter.max_rent_cents {
        condition = condition.add(qualified(Column::RentCents).lte(cents));
    }
    if let Some(area) = filter.min_floor_area_m2 {
        condition = condition.add(qualified(Column::FloorAreaM2).gte(area));
    }
    if let Some(day) = filter.available_before {
        condition = condition.add(qualified(Column::AvailableFrom).lte(day.0));
    }
    if let Some(near) = &filter.near {
        condition = condition
            .add(near.holds([Column::Latitude, Column::Longitude], [Column::GeoX, Column::GeoY, Column::GeoZ])?);
    }
    if let Some(instant) = filter.updated_since {
        condition = condition.add(qualified(Column::UpdatedAt).gte(instant));
    }
    Ok(condition)
}
