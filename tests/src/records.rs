//! A store with a record in every status for every role: an own school board, municipality and partner, and another of
//! each. Everything in it is invented.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use entity::code::Texts;
use entity::global_id::{GlobalId, Kind as IdKind};
use entity::journal::Journal;
use entity::vocabulary::{
    ChangeAction, CommitmentStatus, HousingSegment, HousingStatus, HousingType, NeedStatus, OfferStatus, PartnerKind,
    SourceKind, SyncMode, SyncStatus, Theme, Urgency,
};
use entity::{
    Clock, Code, CodeSet, commitment, housing_option, municipality, need, offer, partner, school, school_board, source,
    sync_run,
};
use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use crate::store::{Backend, TestStore};

/// A type of record that not everybody sees all of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A need.
    Need,
    /// An offer.
    Offer,
    /// A commitment.
    Commitment,
    /// A home.
    Home,
}

/// A record of the store.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its type.
    pub kind: Kind,
    /// Its global id.
    pub id: String,
    /// Its status, as the schema writes it.
    pub status: String,
    /// Whether it is of the school of board `90001` in `GM0363`.
    pub of_own_school: bool,
    /// Whether it is of partner `00010001`, called `giver-0` in its own system.
    pub of_own_partner: bool,
    /// Whether it lies in `GM0363`.
    pub of_own_municipality: bool,
}

/// The store and what is in it.
pub struct Fixture {
    /// The store.
    pub store: TestStore,
    /// Its needs, offers, commitments and homes.
    pub records: Vec<Record>,
    /// The needs whose contact each kind of organisation should see.
    pub need_contacts: BTreeMap<&'static str, Vec<String>>,
    /// The partners whose contact each kind of organisation should see.
    pub partner_contacts: BTreeMap<&'static str, Vec<String>>,
    /// A paused offer of the own partner, to which a public commitment refers.
    pub hidden_offer: String,
    /// A sync run.
    pub sync_run: String,
    needs: Vec<need::Model>,
}

impl Fixture {
    /// A store with everything in it. `None` where this machine has no such database.
    pub async fn new(backend: Backend) -> Result<Option<Self>> {
        let Some(store) = backend.store().await? else { return Ok(None) };
        let sync_run = places(&store.db).await?;
        let mut journal = Journal::begin(&store.db, Clock::system().now()).await?;
        let boards = ["90001", "90002"].map(board);
        let schools = [school("99AA00", boards[0].id, "GM0363"), school("99AB00", boards[1].id, "GM0599")];
        let partners = [
            partner(Some("00010001"), "giver-0"),
            partner(None, "giver-1"),
            partner(None, "twins"),
            partner(None, "twins"),
        ];
        let needs: Vec<_> =
            schools.iter().flat_map(|school| NeedStatus::ALL.iter().map(|status| need(school.id, *status))).collect();
        let offers: Vec<_> = partners[..2]
            .iter()
            .flat_map(|partner| OfferStatus::ALL.iter().map(|status| offer(partner.id, *status)))
            .collect();
        let need_of = |school: Uuid, status| {
            needs.iter().find(|need| need.school_id == school && need.status == status).expect("one of each").id
        };
        let paused = offers.iter().find(|offer| offer.status == OfferStatus::Paused).expect("one of each").id;
        let mut commitments = Vec::new();
        for (giver, partner) in partners[..2].iter().enumerate() {
            for school in &schools {
                for status in CommitmentStatus::ALL {
                    use CommitmentStatus::{Accepted, Active, Completed, Confirmed};
                    let answered = match status {
                        Accepted | Active | Confirmed => NeedStatus::Open,
                        Completed => NeedStatus::Withdrawn,
                        _ => NeedStatus::Committed,
                    };
                    commitments.push(commitment::Model {
                        need_id: Some(need_of(school.id, answered)),
                        offer_id: (giver == 0 && *status == Accepted).then_some(paused),
                        ..commitment(partner.id, school.id, *status)
                    });
                }
            }
        }
        let mut homes: Vec<_> = ["GM0363", "GM0599"]
            .into_iter()
            .flat_map(|code| HousingStatus::ALL.iter().map(move |status| home(code, *status)))
            .collect();
        homes.push(housing_option::Model {
            provider_id: Some(partners[0].id),
            ..home("GM0599", HousingStatus::Reserved)
        });

        let (own_school, own_partner) = (schools[0].id, partners[0].id);
        let mut records = Vec::new();
        let mut add = |kind, id: Uuid, status: &str, own: [bool; 3]| {
            let [of_own_school, of_own_partner, of_own_municipality] = own;
            let id = GlobalId::new(id_kind(kind), id).to_string();
            records.push(Record {
                kind,
                id,
                status: status.to_owned(),
                of_own_school,
                of_own_partner,
                of_own_municipality,
            });
        };
        for row in &needs {
            add(Kind::Need, row.id, row.status.code(), [row.school_id == own_school, false, false]);
        }
        for row in &offers {
            add(Kind::Offer, row.id, row.status.code(), [false, row.partner_id == own_partner, false]);
        }
        for row in &commitments {
            let own = [row.school_id == own_school, row.partner_id == own_partner, false];
            add(Kind::Commitment, row.id, row.status.code(), own);
        }
        for row in &homes {
            let own = [false, row.provider_id == Some(own_partner), row.municipality_code == "GM0363"];
            add(Kind::Home, row.id, row.status.code(), own);
        }
        let partner_id = |index: usize| GlobalId::new(IdKind::Partner, partners[index].id).to_string();
        let need_id = |id: Uuid| GlobalId::new(IdKind::Need, id).to_string();
        let of_school = needs.iter().filter(|need| need.school_id == own_school).map(|need| need_id(need.id)).collect();
        let agreed = schools.iter().map(|school| need_id(need_of(school.id, NeedStatus::Open))).collect();
        let need_contacts = BTreeMap::from([("board", of_school), ("partner", agreed)]);
        let partner_contacts =
            BTreeMap::from([("board", vec![partner_id(0), partner_id(1)]), ("partner", vec![partner_id(0)])]);

        journal.save(created(boards)).await?;
        journal.save(created(schools)).await?;
        journal.save(created(partners)).await?;
        journal.save(created(needs.clone())).await?;
        journal.save(created(offers)).await?;
        journal.save(created(commitments)).await?;
        journal.save(created(homes)).await?;
        journal.commit().await?;
        let hidden_offer = GlobalId::new(IdKind::Offer, paused).to_string();
        Ok(Some(Self { store, records, need_contacts, partner_contacts, hidden_offer, sync_run, needs }))
    }

    /// Withdraws an open need and a draft: their global ids.
    pub async fn withdraw_open_and_draft(&mut self) -> Result<(String, String)> {
        let mut journal = Journal::begin(&self.store.db, Clock::system().now()).await?;
        let mut ids = Vec::new();
        for status in [NeedStatus::Open, NeedStatus::Draft] {
            let need = self.needs.iter_mut().find(|need| need.status == status).context("one of each")?;
            need.status = NeedStatus::Withdrawn;
            ids.push(GlobalId::new(IdKind::Need, need.id).to_string());
            journal.save(vec![(ChangeAction::Updated, need.clone())]).await?;
        }
        journal.commit().await?;
        let draft = ids.pop().context("two")?;
        Ok((ids.pop().context("two")?, draft))
    }
}

fn id_kind(kind: Kind) -> IdKind {
    match kind {
        Kind::Need => IdKind::Need,
        Kind::Offer => IdKind::Offer,
        Kind::Commitment => IdKind::Commitment,
        Kind::Home => IdKind::HousingOption,
    }
}

fn created<R>(rows: impl IntoIterator<Item = R>) -> Vec<(ChangeAction, R)> {
    rows.into_iter().map(|row| (ChangeAction::Created, row)).collect()
}

/// What records refer to: a source, its run, two municipalities. The run's global id.
async fn places(db: &DatabaseConnection) -> Result<String> {
    let now = Clock::system().now();
    let row = source::Model {
        id: "test".to_owned(),
        name: "Test".to_owned(),
        connector: "test".to_owned(),
        kind: SourceKind::Partner,
        priority: 10,
        every_secs: 60,
        fresh_for_secs: 60,
        enabled: true,
        last_succeeded_at: Some(now),
        last_status: None,
        next_run_at: None,
        lease_owner: None,
        lease_until: None,
        fence: 0,
        failures: 0,
    };
    source::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    for (code, name) in [("GM0363", "Amsterdam"), ("GM0599", "Rotterdam")] {
        let row = municipality::Model {
            code: code.to_owned(),
            name: name.to_owned(),
            is_g4: true,
            region_slug: None,
            priority: 10,
        };
        municipality::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    }
    let run = sync_run::Model {
        id: Uuid::now_v7(),
        source_id: "test".to_owned(),
        status: SyncStatus::Succeeded,
        mode: SyncMode::Full,
        started_at: now,
        finished_at: Some(now),
        read: 0,
        created: 0,
        updated: 0,
        unchanged: 0,
        deleted: 0,
        refused: 0,
        error: None,
        drift: None,
    };
    let id = GlobalId::new(IdKind::SyncRun, run.id).to_string();
    sync_run::Entity::insert(run.into_active_model()).exec_without_returning(db).await?;
    Ok(id)
}

fn board(number: &str) -> school_board::Model {
    let now = Clock::system().now();
    school_board::Model {
        id: Uuid::now_v7(),
        number: number.to_owned(),
        name: format!("Bestuur {number}"),
        kvk: None,
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

fn school(brin: &str, board: Uuid, municipality: &str) -> school::Model {
    let now = Clock::system().now();
    school::Model {
        id: Uuid::now_v7(),
        brin: brin.to_owned(),
        name: format!("School {brin}"),
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
        school_board_id: Some(board),
        municipality_code: Some(municipality.to_owned()),
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

fn partner(kvk: Option<&str>, external_id: &str) -> partner::Model {
    let now = Clock::system().now();
    partner::Model {
        id: Uuid::now_v7(),
        name: format!("Partner {external_id}"),
        kind: PartnerKind::Company,
        kvk: kvk.map(str::to_owned),
        website: None,
        description: None,
        contact_name: Some("Iemand".to_owned()),
        contact_email: None,
        contact_phone: None,
        source_id: "test".to_owned(),
        external_id: Some(external_id.to_owned()),
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

fn need(school_id: Uuid, status: NeedStatus) -> need::Model {
    let now = Clock::system().now();
    need::Model {
        id: Uuid::now_v7(),
        school_id,
        title: format!("Een hulpvraag {}", status.code()),
        description: None,
        themes: [Theme::StrategicHr].into_iter().collect(),
        support_kinds: CodeSet::empty(),
        barriers: CodeSet::empty(),
        urgency: Urgency::Normal,
        status,
        fte_asked: None,
        hours_per_week_asked: None,
        starts_on: None,
        ends_on: None,
        contact_name: Some("Iemand".to_owned()),
        contact_email: Some("iemand@school.example".to_owned()),
        contact_phone: None,
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

fn offer(partner_id: Uuid, status: OfferStatus) -> offer::Model {
    let now = Clock::system().now();
    offer::Model {
        id: Uuid::now_v7(),
        partner_id,
        title: format!("Een aanbod {}", status.code()),
        description: None,
        themes: [Theme::StrategicHr].into_iter().collect(),
        support_kinds: CodeSet::empty(),
        inputs: CodeSet::empty(),
        status,
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
        languages: Texts::default(),
        source_id: "test".to_owned(),
        external_id: Some(Uuid::now_v7().to_string()),
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

fn commitment(partner_id: Uuid, school_id: Uuid, status: CommitmentStatus) -> commitment::Model {
    let now = Clock::system().now();
    commitment::Model {
        id: Uuid::now_v7(),
        partner_id,
        school_id,
        need_id: None,
        offer_id: None,
        title: format!("Een toezegging {}", status.code()),
        status,
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

fn home(municipality: &str, status: HousingStatus) -> housing_option::Model {
    let now = Clock::system().now();
    housing_option::Model {
        id: Uuid::now_v7(),
        title: format!("Een woning {}", status.code()),
        municipality_code: municipality.to_owned(),
        neighbourhood: None,
        street: None,
        house_number: None,
        postcode: None,
        city: None,
        latitude: None,
        longitude: None,
        geo_x: None,
        geo_y: None,
        geo_z: None,
        housing_type: HousingType::Apartment,
        segment: HousingSegment::MidRent,
        status,
        homes: 1,
        rent_cents: 90_000,
        service_costs_cents: None,
        floor_area_m2: None,
        rooms: None,
        available_from: None,
        respond_before: None,
        contract_months: None,
        teachers_only: false,
        minimum_fte: None,
        minimum_hours_per_week: None,
        maximum_income_cents: None,
        minimum_income_cents: None,
        starters_only: false,
        via_employer: false,
        maximum_distance_km: None,
        eligibility_notes: None,
        provider_id: None,
        scheme_id: None,
        apply_url: None,
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}
