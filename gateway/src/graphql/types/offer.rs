//! Offers (aanbod).

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{InputKind, OfferStatus, RecordType, SupportKind, Theme};
use entity::{commitment, municipality, offer, offer_municipality, offer_region, region};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::commitment::live;
use super::municipality::Municipality;
use super::order::{OrderDirection, is_descending};
use super::partner::{Partner, partner_ids, reaches_any};
use super::provenance::Provenance;
use super::region::Region;
use super::suggestion::NeedMatch;
use super::values::{Capacity, Location};
use crate::error::{Failure, Result};
use crate::graphql::conditions::{contains, holds_any, is_one_of};
use crate::graphql::connection::{connection, keys, named};
use crate::graphql::items::Items;
use crate::graphql::level::{Level, Member};
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;
use crate::graphql::scalars::Date;
use crate::graphql::vocabulary::{Term, terms};

/// What a partner offers to schools (aanbod).
#[derive(Clone)]
pub(crate) struct Offer(pub(crate) Member<offer::Model>);

impl Offer {
    /// Notes that the answer shows what may be another by now.
    fn is_shown(&self, ctx: &Context<'_>) {
        if let Ok(reader) = Reader::of(ctx) {
            let offer = &self.0;
            reader.shows(RecordType::Offer, offer.id, &offer.source_id, offer.external_id.as_deref());
        }
    }
}

/// What a partner offers to schools (aanbod).
#[Object]
impl Offer {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::Offer, self.0.id).to_string().into()
    }

    /// The partner's own identifier of it; null: it has none.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Who offers.
    async fn partner(&self, ctx: &Context<'_>) -> Result<Partner> {
        let partner = named(ctx, &self.0, "partner", |offer| Some(offer.partner_id)).await?;
        partner.map(Partner).ok_or(Failure::Internal("an offer is without its partner"))
    }

    /// What is offered, in a line.
    async fn title(&self, ctx: &Context<'_>) -> &str {
        self.is_shown(ctx);
        &self.0.title
    }

    /// What is offered, at length.
    async fn description(&self, ctx: &Context<'_>) -> Option<&str> {
        self.is_shown(ctx);
        self.0.description.as_deref()
    }

    /// Its themes (thema's); at least one.
    async fn themes(&self, ctx: &Context<'_>) -> Items<Term<Theme>> {
        self.is_shown(ctx);
        terms(self.0.themes).into()
    }

    /// The kinds of support (ondersteuning) it gives.
    async fn support_kinds(&self, ctx: &Context<'_>) -> Items<Term<SupportKind>> {
        self.is_shown(ctx);
        terms(self.0.support_kinds).into()
    }

    /// What the partner puts in (inzet).
    async fn inputs(&self, ctx: &Context<'_>) -> Items<Term<InputKind>> {
        self.is_shown(ctx);
        terms(self.0.inputs).into()
    }

    /// Where it stands.
    async fn status(&self, ctx: &Context<'_>) -> Term<OfferStatus> {
        self.is_shown(ctx);
        Term(self.0.status)
    }

    /// Where it can be had.
    async fn coverage(&self, ctx: &Context<'_>) -> Result<OfferCoverage> {
        self.is_shown(ctx);
        let reader = Reader::of(ctx)?;
        let places = self.0.once("coverage".to_owned(), async {
            let ids = keys(self.0.siblings(), |offer| Some(offer.id));
            Ok(Places { municipalities: municipalities(reader, &ids).await?, regions: regions(reader, &ids).await? })
        });
        let places = places.await?;
        Ok(OfferCoverage {
            national: self.0.national,
            municipalities: places
                .municipalities
                .get(&self.0.id)
                .into_iter()
                .flatten()
                .cloned()
                .map(Municipality)
                .collect(),
            regions: places.regions.get(&self.0.id).into_iter().flatten().cloned().map(Region).collect(),
            centre: Location::of(self.0.latitude, self.0.longitude),
            radius_km: self.0.radius_km,
        })
    }

    /// How much of it there is; null: not said.
    async fn capacity(&self, ctx: &Context<'_>) -> Result<Option<Capacity>> {
        self.is_shown(ctx);
        let Some((amount, unit)) = self.0.capacity_amount.zip(self.0.capacity_unit) else { return Ok(None) };
        let reader = Reader::of(ctx)?;
        let used = self.0.once("capacity".to_owned(), used(reader, keys(self.0.siblings(), |offer| Some(offer.id))));
        let used = used.await?.get(&(self.0.id, unit)).copied().unwrap_or(0.0);
        Ok(Some(Capacity { amount, unit: Term(unit), used: Some(used) }))
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

    /// Whether who does the work needs a certificate of conduct (verklaring omtrent het gedrag, VOG).
    async fn requires_vog(&self, ctx: &Context<'_>) -> bool {
        self.is_shown(ctx);
        self.0.requires_vog
    }

    /// Whether that certificate is in order; null: not known.
    async fn vog_in_order(&self, ctx: &Context<'_>) -> Option<bool> {
        self.is_shown(ctx);
        self.0.vog_in_order
    }

    /// Languages it is given in, as BCP 47 tags.
    async fn languages(&self, ctx: &Context<'_>) -> &[String] {
        self.is_shown(ctx);
        &self.0.languages.0
    }

    /// Open needs (hulpvragen) that this offer fits, best first, schools in vulnerable neighbourhoods first among equals;
    /// 20 where `first` is not given. None for an offer that is not published.
    async fn suggested_needs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
    ) -> Result<Items<NeedMatch>> {
        let suggested = crate::graphql::suggest::needs(Reader::of(ctx)?, &self.0, first).await?;
        Ok(suggested.into_iter().map(NeedMatch).collect())
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
        Provenance::of(ctx, RecordType::Offer, &*self.0).await
    }
}

/// Where an offer can be had: in all of these places together.
#[derive(SimpleObject)]
pub(crate) struct OfferCoverage {
    /// Whether in the whole country.
    pub national: bool,
    /// Municipalities it names.
    pub municipalities: Items<Municipality>,
    /// Regions it names.
    pub regions: Items<Region>,
    /// Centre of the circle it reaches; null: no circle.
    pub centre: Option<Location>,
    /// Radius of that circle, in kilometres.
    pub radius_km: Option<f64>,
}

struct Places {
    municipalities: HashMap<Uuid, Vec<Member<municipality::Model>>>,
    regions: HashMap<Uuid, Vec<Member<region::Model>>>,
}

async fn municipalities(reader: &Reader, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Member<municipality::Model>>>> {
    use offer_municipality::Column;
    let mut select = offer_municipality::Entity::find().filter(qualified(Column::OfferId).is_in(ids.to_vec()));
    let joined = qualified(Column::MunicipalityCode).eq(qualified(municipality::Column::Code));
    QuerySelect::query(&mut select).inner_join(municipality::Entity, joined);
    let rows = select.select_also(municipality::Entity).order_by_asc(Column::MunicipalityCode).all(&reader.db).await?;
    Ok(grouped(rows.into_iter().filter_map(|(link, row)| Some((link.offer_id, row?)))))
}

async fn regions(reader: &Reader, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Member<region::Model>>>> {
    use offer_region::Column;
    let mut select = offer_region::Entity::find().filter(qualified(Column::OfferId).is_in(ids.to_vec()));
    QuerySelect::query(&mut select)
        .inner_join(region::Entity, qualified(Column::RegionSlug).eq(qualified(region::Column::Slug)));
    let rows = select.select_also(region::Entity).order_by_asc(Column::RegionSlug).all(&reader.db).await?;
    Ok(grouped(rows.into_iter().filter_map(|(link, row)| Some((link.offer_id, row?)))))
}

/// Rows by their parent, all in one level.
pub(super) fn grouped<R>(rows: impl Iterator<Item = (Uuid, R)>) -> HashMap<Uuid, Vec<Member<R>>> {
    let (parents, rows): (Vec<_>, Vec<_>) = rows.unzip();
    let mut groups: HashMap<Uuid, Vec<Member<R>>> = HashMap::new();
    for (parent, member) in parents.into_iter().zip(Level::members(rows)) {
        groups.entry(parent).or_default().push(member);
    }
    groups
}

pub(crate) type Used = HashMap<(Uuid, entity::vocabulary::CapacityUnit), f64>;

/// What live commitments take of offers, by offer and unit.
pub(crate) async fn used(reader: &Reader, ids: Vec<Uuid>) -> Result<Used> {
    use commitment::Column;
    let rows: Vec<(Uuid, entity::vocabulary::CapacityUnit, f64)> = commitment::Entity::find()
        .select_only()
        .column(Column::OfferId)
        .column(Column::CapacityUnit)
        .column_as(qualified(Column::CapacityAmount).sum(), "used")
        .filter(qualified(Column::OfferId).is_in(ids))
        .filter(live())
        .filter(qualified(Column::DeletedAt).is_null())
        .filter(qualified(Column::CapacityUnit).is_not_null())
        .filter(qualified(Column::CapacityAmount).is_not_null())
        .group_by(Column::OfferId)
        .group_by(Column::CapacityUnit)
        .into_tuple()
        .all(&reader.db)
        .await?;
    Ok(rows.into_iter().map(|(offer, unit, used)| ((offer, unit), used)).collect())
}

connection! {
    /// A page of offers (aanbod).
    OfferConnection, OfferEdge, Offer, offer::Model
}

/// Which offers; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct OfferFilter {
    /// With any of these themes.
    pub themes: Option<Vec<Term<Theme>>>,
    /// That give any of these kinds of support.
    pub support_kinds: Option<Vec<Term<SupportKind>>>,
    /// In any of these statuses.
    pub statuses: Option<Vec<Term<OfferStatus>>>,
    /// Of any of these partners, by global id.
    pub partner: Option<Vec<ID>>,
    /// For the whole country or any of these municipalities, by CBS code (`GM0363`).
    pub municipality: Option<Vec<String>>,
    /// Changed at this instant or later.
    pub updated_since: Option<DateTime<Utc>>,
    /// Whose title contains this text, whatever the case.
    pub text: Option<String>,
}

/// The order of offers.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct OfferOrder {
    /// What to order by.
    pub field: OfferOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// What offers can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum OfferOrderField {
    /// When the hub first saw it.
    CreatedAt,
    /// When the hub last saw it changed.
    UpdatedAt,
    /// Title.
    Title,
}

/// Offers that the viewer may see, by title where no order is given.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<OfferFilter>,
    order: Option<OfferOrder>,
    page: &PageArguments,
) -> Result<List<offer::Model>> {
    use offer::Column;
    let order = order.unwrap_or(OfferOrder { field: OfferOrderField::Title, direction: OrderDirection::Asc });
    let descending = is_descending(order.direction);
    let sort = match order.field {
        OfferOrderField::CreatedAt => Sort::by("CREATED_AT", Column::CreatedAt, SortKind::Instant, descending),
        OfferOrderField::UpdatedAt => Sort::by("UPDATED_AT", Column::UpdatedAt, SortKind::Instant, descending),
        OfferOrderField::Title => Sort::by("TITLE", Column::Title, SortKind::Text, descending),
    };
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {order:?} {page:?}");
    let condition = reader.viewer.offers().add(condition(filter.unwrap_or_default())?);
    Ok(List::new(key, condition, sort, window))
}

fn condition(filter: OfferFilter) -> Result<Condition> {
    use offer::Column;
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
    if let Some(partners) = &filter.partner {
        condition = condition.add(qualified(Column::PartnerId).is_in(partner_ids(partners)?));
    }
    if let Some(codes) = &filter.municipality {
        condition = condition.add(reaches_any(codes)?);
    }
    if let Some(instant) = filter.updated_since {
        condition = condition.add(qualified(Column::UpdatedAt).gte(instant));
    }
    if let Some(text) = &filter.text {
        condition = condition.add(contains("text", Column::Title, text)?);
    }
    Ok(condition)
}
