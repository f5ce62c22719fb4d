//! Rows of needs. What a need's status is depends on what was committed to it, beside what is said of it.

use std::collections::HashMap;

use entity::life_cycle::{Asked, Committed};
use entity::vocabulary::{CapacityUnit, CommitmentStatus, NeedStatus, Urgency};
use entity::{commitment, need};
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{Assemble, Assembled, Base, Faults, Stamps, stamps};
use crate::record::{Need, Reference};
use crate::sync::namesakes::Namesake;
use crate::sync::resolve::{Known, Wanted};

impl Assemble for need::Model {
    type Said = Need;

    fn wanted(said: &Need, wanted: &mut Wanted) {
        wanted.school(&said.school);
    }

    fn namesake(said: &Need, external_id: &str, known: &Known) -> Option<Namesake> {
        Some(Namesake::of_id(known.school(&said.school)?, external_id))
    }

    async fn prepare(db: &DatabaseTransaction, ids: &[Uuid], known: &mut Known) -> Result<(), DbErr> {
        for ids in ids.chunks(5_000) {
            known.learn_committed(committed(db, ids).await?);
        }
        Ok(())
    }

    fn assemble(
        said: &Need,
        base: Base,
        stamps: Stamps,
        known: &Known,
        before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults> {
        let mut faults = Faults::default();
        let title = faults.required("title", said.title.clone());
        let themes = faults.required("themes", said.themes.filter(|themes| !themes.is_empty()));
        let school_id = known.school(&said.school);
        match (school_id, before) {
            (None, _) => faults.unknown(match &said.school {
                Reference::Key(brin) => format!("there is no school with BRIN {brin}"),
                Reference::External(_) | Reference::Record(_) => "its school is not known from this source".to_owned(),
            }),
            (Some(school_id), Some(before)) if school_id != before.school_id => {
                faults.fault("a need cannot move to another school: withdraw it there and ask anew here");
            }
            _ => {}
        }
        let (Some(title), Some(themes), Some(school_id), []) = (title, themes, school_id, faults.reasons.as_slice())
        else {
            return Err(faults);
        };
        let contact = said.contact.clone().unwrap_or_default();
        let asked = Asked { fte: said.fte_asked, hours_per_week: said.hours_per_week_asked };
        let row = Self {
            id: base.id,
            school_id,
            title,
            description: said.description.clone(),
            themes,
            support_kinds: said.support_kinds.unwrap_or_default(),
            barriers: said.barriers.unwrap_or_default(),
            urgency: said.urgency.unwrap_or(Urgency::Normal),
            status: said.status.unwrap_or(NeedStatus::Open).following(asked, known.committed(base.id)),
            fte_asked: said.fte_asked,
            hours_per_week_asked: said.hours_per_week_asked,
            starts_on: said.starts_on,
            ends_on: said.ends_on,
            contact_name: contact.name,
            contact_email: contact.email,
            contact_phone: contact.phone,
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

/// What live commitments give to these needs.
async fn committed(db: &DatabaseTransaction, ids: &[Uuid]) -> Result<HashMap<Uuid, Committed>, DbErr> {
    use commitment::Column;
    let rows: Vec<(Uuid, Option<f64>, Option<CapacityUnit>)> = commitment::Entity::find()
        .select_only()
        .columns([Column::NeedId, Column::CapacityAmount, Column::CapacityUnit])
        .filter(Column::NeedId.is_in(ids.iter().copied()))
        .filter(Column::Status.is_in(CommitmentStatus::LIVE))
        .filter(Column::DeletedAt.is_null())
        .into_tuple()
        .all(db)
        .await?;
    let mut committed: HashMap<Uuid, Committed> = HashMap::new();
    for (need_id, amount, unit) in rows {
        committed.entry(need_id).or_default().add(amount.zip(unit));
    }
    Ok(committed)
}
