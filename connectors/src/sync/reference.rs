//! Reference records that the hub itself ships: themes, kinds of support, shrinking regions, the founding partners with
//! what they committed to, initiatives, education systems. Put in at the first start, and brought up to date by a later
//! version of the hub.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::code::Texts;
use entity::journal::Journal;
use entity::vocabulary::{EducationElement, InputKind, PartnerKind, RecordType, SourceKind, SupportKind, Theme};
use entity::{
    Clock, CodeSet, MunicipalityCode, education_element, education_system, initiative, initiative_partner,
    municipality, partner, region, source, support_kind, theme,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::sea_query::{IntoIden, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, IntoActiveModel, Iterable,
    QueryFilter,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::record::{self, Record, Reference};
use crate::sync::claims;
use crate::sync::sources::{self, HUB};
use crate::sync::writer::{self, Context, Incoming, Written};

/// Grows when a record here is made otherwise of the same file.
const MAPPING_VERSION: u32 = 1;
/// What connected systems say goes before what the hub ships.
const PRIORITY: i32 = 1_000;

#[derive(Deserialize)]
struct InBoth<T> {
    nl: T,
    en: T,
}

#[derive(Deserialize)]
struct ThemeFile {
    code: Theme,
    label: InBoth<String>,
    description: InBoth<String>,
}

#[derive(Deserialize)]
struct SupportKindFile {
    code: SupportKind,
    label: InBoth<String>,
}

#[derive(Deserialize)]
struct RegionFile {
    slug: String,
    name: String,
    is_shrinking: bool,
}

#[derive(Deserialize)]
struct PartnerFile {
    external_id: String,
    name: String,
    kind: PartnerKind,
    website: Option<String>,
    description: String,
    offers: Vec<OfferFile>,
}

#[derive(Deserialize)]
struct OfferFile {
    external_id: String,
    title: String,
    description: String,
    themes: CodeSet<Theme>,
    support_kinds: CodeSet<SupportKind>,
    inputs: CodeSet<InputKind>,
    national: bool,
    municipalities: Vec<MunicipalityCode>,
    regions: Vec<String>,
}

#[derive(Deserialize)]
struct InitiativeFile {
    slug: String,
    name: String,
    municipality: Option<MunicipalityCode>,
    region: Option<String>,
    themes: CodeSet<Theme>,
    summary: InBoth<String>,
    starting_points: InBoth<Texts>,
    conditions: InBoth<Texts>,
    effects: InBoth<Texts>,
    partners: Vec<String>,
}

#[derive(Deserialize)]
struct EducationSystemFile {
    country: String,
    name: InBoth<String>,
    elements: Vec<EducationElementFile>,
}

#[derive(Deserialize)]
struct EducationElementFile {
    element: EducationElement,
    text: InBoth<String>,
}

/// Puts the reference records in, or brings them up to date. Changes nothing where they are as they should be.
///
/// # Errors
/// Where the store fails.
pub fn install<'a>(db: &'a DatabaseConnection, clock: &Clock) -> BoxFuture<'a, Result<()>> {
    install_at(db, clock.now()).boxed()
}

async fn install_at(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<()> {
    let mut journal = Journal::begin(db, now).await?;
    register(&journal).await?;
    install_vocabularies(&journal).await?;
    install_regions(&journal).await?;
    install_partners(&mut journal).await?;
    install_initiatives(&journal).await?;
    install_education_systems(&journal).await?;
    journal.commit().await?;
    Ok(())
}

/// The hub as a source of its own.
async fn register(journal: &Journal) -> Result<()> {
    let row = source::Model {
        id: HUB.to_owned(),
        name: "Onderwijs Alliantie".to_owned(),
        connector: HUB.to_owned(),
        kind: SourceKind::Hub,
        priority: PRIORITY,
        every_secs: 0,
        fresh_for_secs: 0,
        enabled: true,
        last_succeeded_at: Some(journal.at()),
        last_status: None,
        next_run_at: None,
        lease_owner: None,
        lease_until: None,
        fence: 0,
        failures: 0,
    };
    let stored = source::Entity::find_by_id(HUB).one(journal.connection()).await?;
    if stored.is_none_or(|stored| stored.name != row.name || stored.priority != row.priority) {
        sources::write(journal.connection(), row).await?;
    }
    Ok(())
}

async fn install_vocabularies(journal: &Journal) -> Result<()> {
    let themes: Vec<ThemeFile> = parse(include_str!("../reference/themes.json"))?;
    let rows = (1..).zip(themes).map(|(position, file)| theme::Model {
        code: entity::Code::code(file.code).to_owned(),
        position,
        label_nl: file.label.nl,
        label_en: file.label.en,
        description_nl: file.description.nl,
        description_en: file.description.en,
    });
    put::<theme::Entity, _>(journal, rows.collect()).await?;
    let kinds: Vec<SupportKindFile> = parse(include_str!("../reference/support_kinds.json"))?;
    let rows = (1..).zip(kinds).map(|(position, file)| support_kind::Model {
        code: entity::Code::code(file.code).to_owned(),
        position,
        label_nl: file.label.nl,
        label_en: file.label.en,
    });
    put::<support_kind::Entity, _>(journal, rows.collect()).await
}

async fn install_regions(journal: &Journal) -> Result<()> {
    let regions: Vec<RegionFile> = parse(include_str!("../reference/regions.json"))?;
    let rows = regions.into_iter().map(|file| region::Model {
        slug: file.slug,
        name: file.name,
        is_shrinking: file.is_shrinking,
    });
    put::<region::Entity, _>(journal, rows.collect()).await
}

/// The founding partners and their offers, taken in as any source's records are.
async fn install_partners(journal: &mut Journal) -> Result<()> {
    let files: Vec<PartnerFile> = parse(include_str!("../reference/partners.json"))?;
    let mut records: Vec<(String, Record)> = Vec::new();
    for file in files {
        for offer in file.offers {
            records.push((offer.external_id.clone(), Record::Offer(said_of_offer(&file.external_id, offer))));
        }
        let partner = record::Partner {
            name: Some(file.name),
            kind: Some(file.kind),
            kvk: None,
            website: file.website,
            description: Some(file.description),
            contact: None,
        };
        records.push((file.external_id, Record::Partner(partner)));
    }
    let context = Context {
        source_id: HUB.to_owned(),
        source_name: "Onderwijs Alliantie".to_owned(),
        stream: "reference".to_owned(),
        priorities: HashMap::from([(HUB.to_owned(), PRIORITY)]),
        ..Context::default()
    };
    // Partners before their offers: an offer has to find its partner.
    let (partners, offers): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|(_, record)| record.record_type() == RecordType::Partner);
    take(journal, &context, partners).await?;
    take(journal, &context, offers).await
}

fn said_of_offer(partner: &str, file: OfferFile) -> record::Offer {
    let municipality = |code| record::Municipality { code, name: None, region: None };
    record::Offer {
        partner: Reference::External(partner.to_owned()),
        title: Some(file.title),
        description: Some(file.description),
        themes: Some(file.themes),
        support_kinds: Some(file.support_kinds),
        inputs: Some(file.inputs),
        status: None,
        national: Some(file.national),
        municipalities: Some(file.municipalities.into_iter().map(municipality).collect()),
        regions: Some(file.regions),
        centre: None,
        radius_km: None,
        capacity: None,
        starts_on: None,
        ends_on: None,
        requires_vog: None,
        vog_in_order: None,
        languages: Some(vec!["nl".to_owned()]),
    }
}

async fn take(journal: &mut Journal, context: &Context, records: Vec<(String, Record)>) -> Result<()> {
    let raw = serde_json::Value::Null;
    let mut incoming = Vec::new();
    for (external_id, record) in records {
        incoming.push(Incoming::new(HUB, external_id, record, MAPPING_VERSION, &raw)?);
    }
    let keys: HashSet<_> =
        incoming.iter().map(|incoming| (incoming.record_type, incoming.external_id.clone())).collect();
    let mut heads = claims::heads(journal.connection(), HUB, &keys).await?;
    for incoming in &mut incoming {
        incoming.claim = heads.remove(&(incoming.record_type, incoming.external_id.clone()));
    }
    incoming.retain(|incoming| !incoming.is_unchanged());
    let mut written = Written::default();
    writer::write(journal, context, incoming, &mut written).await?;
    match written.rejected.first() {
        None => Ok(()),
        Some(rejected) => Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "reference record {} is refused: {}",
                rejected.external_id.as_deref().unwrap_or("?"),
                rejected.reasons.join("; ")
            ),
        )),
    }
}

async fn install_initiatives(journal: &Journal) -> Result<()> {
    let db = journal.connection();
    let files: Vec<InitiativeFile> = parse(include_str!("../reference/initiatives.json"))?;
    let stored: HashMap<String, Uuid> =
        initiative::Entity::find().all(db).await?.into_iter().map(|row| (row.slug, row.id)).collect();
    let partners: HashMap<String, Uuid> = partner::Entity::find()
        .filter(partner::Column::SourceId.eq(HUB))
        .all(db)
        .await?
        .into_iter()
        .filter_map(|row| Some((row.external_id?, row.id)))
        .collect();
    let mut rows = Vec::new();
    let mut members = Vec::new();
    for file in files {
        let id = stored.get(&file.slug).copied().unwrap_or_else(Uuid::now_v7);
        if let Some(code) = &file.municipality {
            ensure_municipality(db, code).await?;
        }
        for partner_id in file.partners.iter().filter_map(|name| partners.get(name)) {
            members.push(initiative_partner::Model { initiative_id: id, partner_id: *partner_id });
        }
        rows.push(initiative::Model {
            id,
            slug: file.slug,
            name: file.name,
            municipality_code: file.municipality.map(String::from),
            region_slug: file.region,
            themes: file.themes,
            summary_nl: file.summary.nl,
            summary_en: file.summary.en,
            starting_points_nl: file.starting_points.nl,
            starting_points_en: file.starting_points.en,
            conditions_nl: file.conditions.nl,
            conditions_en: file.conditions.en,
            effects_nl: file.effects.nl,
            effects_en: file.effects.en,
        });
    }
    put::<initiative::Entity, _>(journal, rows).await?;
    put::<initiative_partner::Entity, _>(journal, members).await
}

/// A municipality that only the hub speaks of has its code for a name until a source names it; the four big cities have
/// theirs at once.
async fn ensure_municipality(db: &impl ConnectionTrait, code: &MunicipalityCode) -> Result<()> {
    let row = municipality::Model {
        code: code.to_string(),
        name: code.to_string(),
        is_g4: code.is_g4(),
        region_slug: None,
        priority: i32::MAX,
    };
    municipality::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(municipality::Column::Code).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

async fn install_education_systems(journal: &Journal) -> Result<()> {
    let files: Vec<EducationSystemFile> = parse(include_str!("../reference/education_systems.json"))?;
    let mut systems = Vec::new();
    let mut elements = Vec::new();
    for (position, file) in (1..).zip(files) {
        for element in file.elements {
            elements.push(education_element::Model {
                country: file.country.clone(),
                element: element.element,
                text_nl: element.text.nl,
                text_en: element.text.en,
            });
        }
        systems.push(education_system::Model {
            country: file.country,
            position,
            name_nl: file.name.nl,
            name_en: file.name.en,
        });
    }
    put::<education_system::Entity, _>(journal, systems).await?;
    put::<education_element::Entity, _>(journal, elements).await
}

/// Writes rows that are not records, where they are not there already as they should be.
async fn put<E, A>(journal: &Journal, rows: Vec<E::Model>) -> Result<()>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<A> + PartialEq + Sync,
    A: ActiveModelTrait<Entity = E> + Send,
{
    use sea_orm::PrimaryKeyToColumn;
    let stored = E::find().all(journal.connection()).await?;
    let rows: Vec<A> =
        rows.into_iter().filter(|row| !stored.contains(row)).map(IntoActiveModel::into_active_model).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let keys = || E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let others: Vec<_> =
        E::Column::iter().filter(|column| keys().all(|key| key.into_iden() != column.into_iden())).collect();
    let mut conflict = OnConflict::columns(keys());
    let conflict = if others.is_empty() { conflict.do_nothing() } else { conflict.update_columns(others) };
    E::insert_many(rows).on_conflict(conflict.to_owned()).exec_without_returning(journal.connection()).await?;
    Ok(())
}

fn parse<T: DeserializeOwned>(file: &str) -> Result<T> {
    serde_json::from_str(file)
        .map_err(|error| Error::new(ErrorKind::Configuration, "a reference file cannot be read").because(error))
}
