//! What matching needs to know of needs and offers, read for many at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::vocabulary::CapacityUnit;
use entity::{GeoPoint, municipality, need, offer, offer_municipality, offer_region, region, school};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter};

use crate::error::Result;
use crate::graphql::list::{is_among, qualified};
use crate::graphql::reader::Reader;
use crate::graphql::rows::Row;
use crate::graphql::types::offer::used;
use crate::matching::{Asked, Offered, Place};

/// The rows of these identities that stand and that the viewer may see.
pub(super) async fn rows<R: Row<Id = Uuid>>(
    reader: &Reader,
    ids: Vec<Uuid>,
    visible: Condition,
) -> Result<HashMap<Uuid, R>> {
    let mut select =
        R::Entity::find().filter(visible).filter(is_among(qualified(R::ID), ids, reader.db.get_database_backend()));
    if let Some(deleted_at) = R::DELETED_AT {
        select = select.filter(qualified(deleted_at).is_null());
    }
    Ok(select.all(&reader.db).await?.into_iter().map(|row| (row.id(), row)).collect())
}

/// The schools that ask, and where they lie.
pub(super) struct Grounds {
    schools: HashMap<Uuid, school::Model>,
    municipalities: HashMap<String, municipality::Model>,
    regions: HashMap<String, region::Model>,
}

impl Grounds {
    pub(super) async fn load(reader: &Reader, schools: HashSet<Uuid>) -> Result<Self> {
        let schools = rows::<school::Model>(reader, schools.into_iter().collect(), Condition::all()).await?;
        let codes: HashSet<&String> = schools.values().filter_map(|school| school.municipality_code.as_ref()).collect();
        let municipalities = municipality::Entity::find()
            .filter(qualified(municipality::Column::Code).is_in(codes.into_iter().cloned()));
        let municipalities: HashMap<String, municipality::Model> =
            municipalities.all(&reader.db).await?.into_iter().map(|row| (row.code.clone(), row)).collect();
        let slugs: HashSet<&String> = municipalities.values().filter_map(|row| row.region_slug.as_ref()).collect();
        let regions = region::Entity::find().filter(qualified(region::Column::Slug).is_in(slugs.into_iter().cloned()));
        let regions = regions.all(&reader.db).await?.into_iter().map(|row| (row.slug.clone(), row)).collect();
        Ok(Self { schools, municipalities, regions })
    }

    /// The disadvantage score of the need's school, where known.
    pub(super) fn disadvantage_score(&self, need: &need::Model) -> Option<f64> {
        self.schools.get(&need.school_id)?.disadvantage_score
    }

    /// What the need asks, and where.
    pub(super) fn asked(&self, need: &need::Model) -> Asked {
        let school = self.schools.get(&need.school_id);
        let municipality =
            school.and_then(|school| school.municipality_code.as_ref()).and_then(|code| self.municipalities.get(code));
        let region = municipality.and_then(|row| row.region_slug.as_ref()).and_then(|slug| self.regions.get(slug));
        Asked {
            themes: need.themes,
            support_kinds: need.support_kinds,
            municipality: municipality.map(|row| Place { key: row.code.clone(), name: row.name.clone() }),
            region: region.map(|row| Place { key: row.slug.clone(), name: row.name.clone() }),
            point: school.and_then(|school| point(school.latitude, school.longitude)),
            starts_on: need.starts_on,
            ends_on: need.ends_on,
            fte: need.fte_asked,
            hours_per_week: need.hours_per_week_asked,
        }
    }
}

fn point(latitude: Option<f64>, longitude: Option<f64>) -> Option<GeoPoint> {
    GeoPoint::new(latitude?, longitude?)
}

/// Where offers reach, and what is taken of them.
pub(super) struct Offers {
    municipalities: HashMap<Uuid, BTreeSet<String>>,
    regions: HashMap<Uuid, BTreeSet<String>>,
    used: HashMap<(Uuid, CapacityUnit), f64>,
}

impl Offers {
    pub(super) async fn load(reader: &Reader, offers: &HashMap<Uuid, offer::Model>) -> Result<Self> {
        let ids: Vec<Uuid> = offers.keys().copied().collect();
        let mut municipalities: HashMap<Uuid, BTreeSet<String>> = HashMap::new();
        let links = offer_municipality::Entity::find()
            .filter(qualified(offer_municipality::Column::OfferId).is_in(ids.clone()));
        for link in links.all(&reader.db).await? {
            municipalities.entry(link.offer_id).or_default().insert(link.municipality_code);
        }
        let mut regions: HashMap<Uuid, BTreeSet<String>> = HashMap::new();
        let links = offer_region::Entity::find().filter(qualified(offer_region::Column::OfferId).is_in(ids.clone()));
        for link in links.all(&reader.db).await? {
            regions.entry(link.offer_id).or_default().insert(link.region_slug);
        }
        let used = used(reader, ids).await?;
        Ok(Self { municipalities, regions, used })
    }

    /// What the offer gives, and where.
    pub(super) fn offered(&self, offer: &offer::Model) -> Offered {
        let remaining = offer.capacity_amount.zip(offer.capacity_unit).map(|(amount, unit)| {
            let used = self.used.get(&(offer.id, unit)).copied().unwrap_or(0.0);
            ((amount - used).max(0.0), unit)
        });
        Offered {
            themes: offer.themes,
            support_kinds: offer.support_kinds,
            national: offer.national,
            municipalities: self.municipalities.get(&offer.id).cloned().unwrap_or_default(),
            regions: self.regions.get(&offer.id).cloned().unwrap_or_default(),
            centre: point(offer.latitude, offer.longitude),
            radius_km: offer.radius_km,
            remaining,
            starts_on: offer.starts_on,
            ends_on: offer.ends_on,
            requires_vog: offer.requires_vog,
            vog_in_order: offer.vog_in_order,
        }
    }
}
