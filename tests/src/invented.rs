//! Records as they are before a test says otherwise of them. Everything in them is invented.

use anyhow::Result;
use entity::vocabulary::{CommitmentStatus, NeedStatus, PartnerKind, SourceKind, Theme, Urgency};
use entity::{Clock, CodeSet, commitment, need, offer, partner, school, source};
use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel};
use uuid::Uuid;

/// The source that these records are of.
pub async fn source(db: &DatabaseConnection) -> Result<()> {
    let row = source::Model {
        id: "test".to_owned(),
        name: "Test".to_owned(),
        connector: "test".to_owned(),
        kind: SourceKind::Partner,
        priority: 10,
        every_secs: 60,
        fresh_for_secs: 60,
        enabled: true,
        last_succeeded_at: None,
        last_status: None,
        next_run_at: None,
        lease_owner: None,
        lease_until: None,
        fence: 0,
        failures: 0,
    };
    source::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// A school that is invented, with this BRIN code.
#[must_use]
pub fn school(brin: &str) -> school::Model {
    let now = Clock::system().now();
    school::Model {
        id: Uuid::now_v7(),
        brin: brin.to_owned(),
        name: "De Verzonnen School".to_owned(),
        street: None,
        house_number: None,
        postcode: None,
        city: None,
        latitude: None,
        longitude: None,
        geo_x: None,
        geo_y: None,
        geo_z: None,
        denomination: None,
        pupils: None,
        disadvantage_score: None,
        website: None,
        school_board_id: None,
        municipality_code: None,
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

/// A partner that is invented.
#[must_use]
pub fn partner(kvk: Option<&str>) -> partner::Model {
    let now = Clock::system().now();
    partner::Model {
        id: Uuid::now_v7(),
        name: "Verzonnen Partner".to_owned(),
        kind: PartnerKind::Company,
        kvk: kvk.map(str::to_owned),
        website: None,
        description: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

/// An open need of this school.
#[must_use]
pub fn need(school_id: Uuid) -> need::Model {
    let now = Clock::system().now();
    need::Model {
        id: Uuid::now_v7(),
        school_id,
        title: "Een hulpvraag".to_owned(),
        description: None,
        themes: [Theme::TeacherHousing].into_iter().collect(),
        support_kinds: CodeSet::empty(),
        barriers: CodeSet::empty(),
        urgency: Urgency::Normal,
        status: NeedStatus::Open,
        fte_asked: None,
        hours_per_week_asked: None,
        starts_on: None,
        ends_on: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

/// A published offer of this partner, for the whole country.
#[must_use]
pub fn offer(partner_id: Uuid, external_id: &str) -> offer::Model {
    let now = Clock::system().now();
    offer::Model {
        id: Uuid::now_v7(),
        partner_id,
        title: "Een aanbod".to_owned(),
        description: None,
        themes: [Theme::StrategicHr].into_iter().collect(),
        support_kinds: CodeSet::empty(),
        inputs: CodeSet::empty(),
        status: entity::vocabulary::OfferStatus::Published,
        national: true,
        latitude: None,
        longitude: None,
        geo_x: None,
        geo_y: None,
        geo_z: None,
        radius_km: None,
        capacity_amount: None,
        capacity_unit: None,
        starts_on: None,
        ends_on: None,
        requires_vog: false,
        vog_in_order: None,
        languages: entity::code::Texts::default(),
        source_id: "test".to_owned(),
        external_id: Some(external_id.to_owned()),
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

/// A commitment that is under way.
#[must_use]
pub fn commitment(partner_id: Uuid, school_id: Uuid, need_id: Option<Uuid>) -> commitment::Model {
    let now = Clock::system().now();
    commitment::Model {
        id: Uuid::now_v7(),
        partner_id,
        school_id,
        need_id,
        offer_id: None,
        title: "Een toezegging".to_owned(),
        status: CommitmentStatus::Active,
        capacity_amount: None,
        capacity_unit: None,
        starts_on: None,
        ends_on: None,
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}
