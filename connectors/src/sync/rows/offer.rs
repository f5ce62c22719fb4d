//! Rows of offers, and where they reach.

use std::collections::BTreeSet;

use entity::code::Texts;
use entity::journal::Journal;
use entity::vocabulary::OfferStatus;
use entity::{offer, offer_municipality, offer_region};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use super::{Assemble, Assembled, Base, Built, Faults, PointColumns, Stamps, stamps};
use crate::record::{Municipality, Offer, Reference};
use crate::sync::namesakes::Namesake;
use crate::sync::resolve::{Known, Wanted};
use crate::sync::writer::Context;

impl Assemble for offer::Model {
    type Said = Offer;

    fn wanted(said: &Offer, wanted: &mut Wanted) {
        wanted.partner(&said.partner);
        wanted.regions();
    }

    fn namesake(said: &Offer, external_id: &str, known: &Known) -> Option<Namesake> {
        Some(Namesake::of_id(known.partner(&said.partner)?, external_id))
    }

    fn municipalities(said: &Offer) -> Vec<Municipality> {
        said.municipalities.clone().unwrap_or_default()
    }

    fn assemble(
        said: &Offer,
        base: Base,
        stamps: Stamps,
        known: &Known,
        before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults> {
        let mut faults = Faults::default();
        let title = faults.required("title", said.title.clone());
        let themes = faults.required("themes", said.themes.filter(|themes| !themes.is_empty()));
        let partner_id = known.partner(&said.partner);
        match (partner_id, before) {
            (None, _) => faults.unknown(match &said.partner {
                Reference::Key(kvk) => format!("there is no partner with KvK number {kvk}"),
                Reference::External(_) | Reference::Record(_) => "its partner is not known from this source".to_owned(),
            }),
            (Some(partner_id), Some(before)) if partner_id != before.partner_id => {
                faults.fault("an offer cannot move to another partner: end it there and offer it anew here");
            }
            _ => {}
        }
        for region in said.regions.iter().flatten().filter(|region| !known.is_region(region)) {
            faults.fault(format!("there is no region `{region}`"));
        }
        let (Some(title), Some(themes), Some(partner_id), []) = (title, themes, partner_id, faults.reasons.as_slice())
        else {
            return Err(faults);
        };
        let centre = PointColumns::from(said.centre);
        let row = Self {
            id: base.id,
            partner_id,
            title,
            description: said.description.clone(),
            themes,
            support_kinds: said.support_kinds.unwrap_or_default(),
            inputs: said.inputs.unwrap_or_default(),
            status: said.status.unwrap_or(OfferStatus::Published),
            national: said.national.unwrap_or(false),
            latitude: centre.latitude,
            longitude: centre.longitude,
            geo_x: centre.x,
            geo_y: centre.y,
            geo_z: centre.z,
            radius_km: said.radius_km,
            capacity_amount: said.capacity.as_ref().map(|capacity| capacity.amount),
            capacity_unit: said.capacity.as_ref().map(|capacity| capacity.unit),
            starts_on: said.starts_on,
            ends_on: said.ends_on,
            requires_vog: said.requires_vog.unwrap_or(false),
            vog_in_order: said.vog_in_order,
            languages: Texts(said.languages.clone().unwrap_or_default()),
            source_id: base.source_id,
            external_id: base.external_id,
            version: stamps.version,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            deleted_at: stamps.deleted_at,
        };
        Ok(Assembled { row, complete: true })
    }

    async fn follow_up(journal: &Journal, _context: &Context, built: &[Built<Self>]) -> Result<BTreeSet<Uuid>, DbErr> {
        let offers: Vec<_> = built.iter().map(|built| (built.row.id, &built.said)).collect();
        save_reach(journal.connection(), &offers).await
    }

    stamps!();
}

/// The municipalities and regions of an offer, sorted.
type Reach = (BTreeSet<String>, BTreeSet<String>);

fn reach(said: &Offer) -> Reach {
    let municipalities = said.municipalities.iter().flatten().map(|municipality| municipality.code.to_string());
    (municipalities.collect(), said.regions.iter().flatten().cloned().collect())
}

/// Writes where offers reach, for those whose reach differs from what is stored. Returns the offers it wrote for:
/// their reach is part of the record, so they count as changed.
async fn save_reach(db: &impl ConnectionTrait, offers: &[(Uuid, &Offer)]) -> Result<BTreeSet<Uuid>, DbErr> {
    let ids: Vec<Uuid> = offers.iter().map(|(id, _)| *id).collect();
    let municipalities = offer_municipality::Entity::find()
        .filter(offer_municipality::Column::OfferId.is_in(ids.clone()))
        .all(db)
        .await?;
    let regions = offer_region::Entity::find().filter(offer_region::Column::OfferId.is_in(ids)).all(db).await?;
    let stored = |id: Uuid| -> Reach {
        let codes = municipalities.iter().filter(|row| row.offer_id == id).map(|row| row.municipality_code.clone());
        let slugs = regions.iter().filter(|row| row.offer_id == id).map(|row| row.region_slug.clone());
        (codes.collect(), slugs.collect())
    };
    let changed: Vec<(Uuid, Reach)> =
        offers.iter().map(|(id, said)| (*id, reach(said))).filter(|(id, reach)| stored(*id) != *reach).collect();
    let ids: BTreeSet<Uuid> = changed.iter().map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    offer_municipality::Entity::delete_many()
        .filter(offer_municipality::Column::OfferId.is_in(ids.iter().copied()))
        .exec(db)
        .await?;
    offer_region::Entity::delete_many()
        .filter(offer_region::Column::OfferId.is_in(ids.iter().copied()))
        .exec(db)
        .await?;
    let mut municipality_rows = Vec::new();
    let mut region_rows = Vec::new();
    for (offer_id, (codes, slugs)) in changed {
        municipality_rows.extend(
            codes
                .into_iter()
                .map(|municipality_code| offer_municipality::Model { offer_id, municipality_code }.into_active_model()),
        );
        region_rows.extend(
            slugs.into_iter().map(|region_slug| offer_region::Model { offer_id, region_slug }.into_active_model()),
        );
    }
    for rows in municipality_rows.chunks(5_000) {
        offer_municipality::Entity::insert_many(rows.to_vec()).exec_without_returning(db).await?;
    }
    for rows in region_rows.chunks(5_000) {
        offer_region::Entity::insert_many(rows.to_vec()).exec_without_returning(db).await?;
    }
    Ok(ids)
}
