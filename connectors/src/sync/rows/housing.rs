//! Rows of homes for teachers and of municipal priority schemes.

use entity::vocabulary::{HousingSegment, HousingStatus, HousingType, RecordType, SchemeStatus};
use entity::{housing_option, housing_scheme};

use super::{Assemble, Assembled, Base, Faults, PointColumns, Stamps, stamps};
use crate::record::{HousingOption, HousingScheme, Municipality};
use crate::sync::namesakes::Namesake;
use crate::sync::resolve::{Known, Wanted};

impl Assemble for housing_option::Model {
    type Said = HousingOption;

    fn wanted(said: &HousingOption, wanted: &mut Wanted) {
        wanted.regions();
        if let Some(provider) = &said.provider {
            wanted.partner(provider);
        }
        if let Some(scheme) = &said.scheme {
            wanted.external(RecordType::HousingScheme, scheme);
        }
    }

    fn namesake(said: &HousingOption, external_id: &str, _known: &Known) -> Option<Namesake> {
        Some(Namesake::of_municipality(&said.municipality.code, external_id))
    }

    fn municipalities(said: &HousingOption) -> Vec<Municipality> {
        vec![said.municipality.clone()]
    }

    fn assemble(
        said: &HousingOption,
        base: Base,
        stamps: Stamps,
        known: &Known,
        _before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults> {
        let mut faults = Faults::default();
        let title = faults.required("title", said.title.clone());
        let rent_cents = faults.required("rent", said.rent_cents);
        let (Some(title), Some(rent_cents)) = (title, rent_cents) else { return Err(faults) };
        let address = said.address.clone().unwrap_or_default();
        let point = PointColumns::from(said.location);
        let eligibility = said.eligibility.clone().unwrap_or_default();
        let provider_id = said.provider.as_ref().and_then(|provider| known.partner(provider));
        let scheme_id = said.scheme.as_ref().and_then(|scheme| known.external(RecordType::HousingScheme, scheme));
        let row = Self {
            id: base.id,
            title,
            municipality_code: said.municipality.code.to_string(),
            neighbourhood: said.neighbourhood.clone(),
            street: address.street,
            house_number: address.house_number,
            postcode: address.postcode,
            city: address.city,
            latitude: point.latitude,
            longitude: point.longitude,
            geo_x: point.x,
            geo_y: point.y,
            geo_z: point.z,
            housing_type: said.housing_type.unwrap_or(HousingType::Apartment),
            segment: said.segment.unwrap_or(HousingSegment::FreeSector),
            status: said.status.unwrap_or(HousingStatus::Available),
            homes: said.homes.unwrap_or(1),
            rent_cents,
            service_costs_cents: said.service_costs_cents,
            floor_area_m2: said.floor_area_m2,
            rooms: said.rooms,
            available_from: said.available_from,
            respond_before: said.respond_before,
            contract_months: said.contract_months,
            teachers_only: eligibility.teachers_only.unwrap_or(false),
            minimum_fte: eligibility.minimum_fte,
            minimum_hours_per_week: eligibility.minimum_hours_per_week,
            maximum_income_cents: eligibility.maximum_income_cents,
            minimum_income_cents: eligibility.minimum_income_cents,
            starters_only: eligibility.starters_only.unwrap_or(false),
            via_employer: eligibility.via_employer.unwrap_or(false),
            maximum_distance_km: eligibility.maximum_distance_km,
            eligibility_notes: eligibility.notes,
            provider_id,
            scheme_id,
            apply_url: said.apply_url.clone(),
            source_id: base.source_id,
            external_id: base.external_id,
            version: stamps.version,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            deleted_at: stamps.deleted_at,
        };
        let complete = said.provider.is_none() == provider_id.is_none() && said.scheme.is_none() == scheme_id.is_none();
        Ok(Assembled { row, complete })
    }

    stamps!();
}

impl Assemble for housing_scheme::Model {
    type Said = HousingScheme;

    fn wanted(_said: &HousingScheme, wanted: &mut Wanted) {
        wanted.regions();
    }

    fn namesake(said: &HousingScheme, external_id: &str, _known: &Known) -> Option<Namesake> {
        Some(Namesake::of_municipality(&said.municipality.code, external_id))
    }

    fn municipalities(said: &HousingScheme) -> Vec<Municipality> {
        vec![said.municipality.clone()]
    }

    fn assemble(
        said: &HousingScheme,
        base: Base,
        stamps: Stamps,
        _known: &Known,
        _before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults> {
        let mut faults = Faults::default();
        let name = faults.required("name", said.name.clone());
        let valid_from = faults.required("valid from", said.valid_from);
        let (Some(name), Some(valid_from)) = (name, valid_from) else { return Err(faults) };
        let eligibility = said.eligibility.clone().unwrap_or_default();
        let row = Self {
            id: base.id,
            name,
            municipality_code: said.municipality.code.to_string(),
            status: said.status.unwrap_or(SchemeStatus::Announced),
            valid_from,
            valid_until: said.valid_until,
            quota: said.quota,
            used: said.used,
            segments: said.segments.unwrap_or_default(),
            teachers_only: eligibility.teachers_only.unwrap_or(false),
            minimum_fte: eligibility.minimum_fte,
            minimum_hours_per_week: eligibility.minimum_hours_per_week,
            maximum_income_cents: eligibility.maximum_income_cents,
            minimum_income_cents: eligibility.minimum_income_cents,
            starters_only: eligibility.starters_only.unwrap_or(false),
            via_employer: eligibility.via_employer.unwrap_or(false),
            maximum_distance_km: eligibility.maximum_distance_km,
            eligibility_notes: eligibility.notes,
            registration_url: said.registration_url.clone(),
            information_url: said.information_url.clone(),
            source_id: base.source_id,
            external_id: base.external_id,
            version: stamps.version,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            deleted_at: stamps.deleted_at,
        };
        Ok(Assembled { row, complete: true })
    }

    stamps!();
}
