//! Rows of commitments, and the steps of their history.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::journal::Journal;
use entity::vocabulary::CommitmentStatus;
use entity::{commitment, commitment_step};
use sea_orm::{DbErr, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::{Assemble, Assembled, Base, Built, Faults, Stamps, stamps};
use crate::record::{Commitment, Reference};
use crate::sync::namesakes::Namesake;
use crate::sync::resolve::{Known, Wanted};
use crate::sync::writer::Context;

impl Assemble for commitment::Model {
    type Said = Commitment;

    fn wanted(said: &Commitment, wanted: &mut Wanted) {
        wanted.partner(&said.partner);
        wanted.school(&said.school);
        if let Some(need) = &said.need {
            wanted.need(need);
        }
        if let Some(offer) = &said.offer {
            wanted.offer(offer);
        }
    }

    fn namesake(said: &Commitment, external_id: &str, known: &Known) -> Option<Namesake> {
        Some(Namesake::of_id(known.partner(&said.partner)?, external_id))
    }

    fn answers(&self) -> Option<Uuid> {
        self.need_id
    }

    fn is_outdated_by(&self, said: &Commitment) -> bool {
        // What lies before where it stands is how it came there.
        said.status.is_some_and(|status| status != self.status && !status.may_come_to(self.status))
    }

    fn assemble(
        said: &Commitment,
        base: Base,
        stamps: Stamps,
        known: &Known,
        _before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults> {
        let mut faults = Faults::default();
        let title = faults.required("title", said.title.clone());
        let partner_id = known.partner(&said.partner);
        if partner_id.is_none() {
            faults.unknown("its partner is not known");
        }
        let school_id = known.school(&said.school);
        if school_id.is_none() {
            faults.unknown(match &said.school {
                Reference::Key(brin) => format!("there is no school with BRIN {brin}"),
                Reference::External(_) | Reference::Record(_) => "its school is not known from this source".to_owned(),
            });
        }
        let need_id = school_id.and_then(|school_id| need(said, school_id, known, &mut faults));
        let offer_id = partner_id.and_then(|partner_id| offer(said, partner_id, known, &mut faults));
        let (Some(title), Some(partner_id), Some(school_id), []) =
            (title, partner_id, school_id, faults.reasons.as_slice())
        else {
            return Err(faults);
        };
        let row = Self {
            id: base.id,
            partner_id,
            school_id,
            need_id,
            offer_id,
            title,
            status: said.status.unwrap_or(CommitmentStatus::Proposed),
            capacity_amount: said.capacity.as_ref().map(|capacity| capacity.amount),
            capacity_unit: said.capacity.as_ref().map(|capacity| capacity.unit),
            starts_on: said.starts_on,
            ends_on: said.ends_on,
            source_id: base.source_id,
            external_id: base.external_id,
            version: stamps.version,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            deleted_at: stamps.deleted_at,
        };
        Ok(Assembled { row, complete: true })
    }

    async fn follow_up(journal: &Journal, context: &Context, built: &[Built<Self>]) -> Result<BTreeSet<Uuid>, DbErr> {
        let steps: Vec<_> = built.iter().filter_map(|built| step(built, context, journal.at())).collect();
        if !steps.is_empty() {
            commitment_step::Entity::insert_many(steps).exec_without_returning(journal.connection()).await?;
        }
        Ok(BTreeSet::new())
    }

    stamps!();
}

/// The need that the commitment answers: one of this school.
fn need(said: &Commitment, school_id: Uuid, known: &Known, faults: &mut Faults) -> Option<Uuid> {
    let name = said.need.as_deref()?;
    let candidates = known.needs(name);
    let mut of_school = candidates.iter().filter(|(_, school)| *school == school_id);
    match (of_school.next(), of_school.next()) {
        (Some((id, _)), None) => return Some(*id),
        (Some(_), Some(_)) => faults.fault(format!("the school has several needs called `{name}`: send the hub's id")),
        (None, _) if candidates.is_empty() => faults.unknown(format!("there is no need `{name}`")),
        (None, _) => faults.fault(format!("need `{name}` belongs to another school")),
    }
    None
}

/// The offer that the commitment comes from: one of this partner.
fn offer(said: &Commitment, partner_id: Uuid, known: &Known, faults: &mut Faults) -> Option<Uuid> {
    let qualified = said.offer.as_deref()?;
    let name = qualified.split_once('/').map_or(qualified, |(_, name)| name);
    match known.offer(qualified) {
        None => faults.unknown(format!("there is no offer `{name}`")),
        Some(id) if known.partner_of_offer(id) != Some(partner_id) => {
            faults.fault(format!("offer `{name}` belongs to another partner"));
        }
        Some(id) => return Some(id),
    }
    None
}

/// The step that the commitment took, where its status is not what it was.
fn step(
    built: &Built<commitment::Model>,
    context: &Context,
    now: DateTime<Utc>,
) -> Option<commitment_step::ActiveModel> {
    let status = built.row.status;
    if built.action.is_none() || built.before.as_ref().is_some_and(|before| before.status == status) {
        return None;
    }
    let step = commitment_step::Model {
        id: Uuid::now_v7(),
        commitment_id: built.row.id,
        status,
        at: built.said.status_at.unwrap_or(now),
        by: Some(context.source_name.clone()),
        note: context.note.clone(),
    };
    Some(step.into_active_model())
}
