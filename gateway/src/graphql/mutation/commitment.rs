//! Commitments (toezeggingen): proposed by partners, and moved along by both sides.

use std::collections::HashMap;

use async_graphql::{ID, InputObject, SimpleObject};
use async_trait::async_trait;
use connectors::record::{self, Reference};
use connectors::sync::push::{Amendment, Push};
use entity::global_id::{GlobalId, Kind};
use entity::life_cycle::Side;
use entity::vocabulary::{CommitmentStatus, NeedStatus, OfferStatus, RecordType};
use entity::{Brin, Code, commitment, need, offer, partner, school};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use serde_json::{Map, json};

use super::answer::{Answer, Payload, UserError, UserErrorCode};
use super::author::Author;
use super::checks::Checks;
use super::input::{CapacityInput, own_name};
use super::need::{check_version, is_told, one};
use super::offer::own_partner;
use super::writing::{Work, Writing};
use crate::auth::scope;
use crate::error::Result;
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::scalars::Date;
use crate::graphql::types::commitment::Commitment;
use crate::graphql::vocabulary::Term;

/// A proposal of a commitment (toezegging).
#[derive(Clone, Debug, InputObject)]
pub(crate) struct ProposeCommitmentInput {
    /// The partner, by global id: your own. Yours where absent.
    pub partner: Option<ID>,
    /// BRIN code of the school it is for (`20AB00`).
    pub school: String,
    /// The need it answers, by global id; one of that school. Absent: for the school in general.
    pub need: Option<ID>,
    /// The offer it comes from, by global id; one of the partner's.
    pub offer: Option<ID>,
    /// What is committed, in a line.
    pub title: String,
    /// How much.
    pub capacity: Option<CapacityInput>,
    /// First day.
    pub starts_on: Option<Date>,
    /// Last day.
    pub ends_on: Option<Date>,
    /// The partner's own identifier of it: where the hub also reads the partner's system, the one that it has there.
    pub external_id: Option<String>,
    /// For sending it again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// A step of a commitment.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct SetCommitmentStatusInput {
    /// The commitment, by global id.
    pub id: ID,
    /// The status it is to come to.
    pub status: Term<CommitmentStatus>,
    /// What is said with it; part of its history.
    pub note: Option<String>,
    /// The `version` that the step was taken on; refused where somebody wrote since.
    pub expected_version: Option<i32>,
    /// For sending it again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// What became of a commitment.
#[derive(SimpleObject)]
pub(crate) struct CommitmentPayload {
    /// The commitment as it stands; null where it was not written.
    pub commitment: Option<Commitment>,
    /// What is wrong with the input; empty where it was written.
    pub user_errors: Items<UserError>,
}

impl Payload for CommitmentPayload {
    type Row = commitment::Model;

    fn of(answer: Answer, rows: HashMap<Uuid, Member<commitment::Model>>) -> Self {
        let commitment = answer.records.first().and_then(|id| rows.get(id)).cloned().map(Commitment);
        Self { commitment, user_errors: answer.errors.into() }
    }
}

#[async_trait]
impl Work for ProposeCommitmentInput {
    fn name(&self) -> &'static str {
        "proposeCommitment"
    }

    fn scope(&self) -> &'static str {
        scope::COMMITMENTS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (author, partner) = match own_partner(writing, self.partner.as_ref()).await? {
            Ok(found) => found,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        let sender = writing.arrive(&author).await?;
        let mut checks = Checks::default();
        let school = self.school(writing, &mut checks).await?;
        let need = self.need(writing, school.as_ref(), &mut checks).await?;
        let offer = self.offer(writing, &partner, &mut checks).await?;
        let external_id = checks.external_id("externalId", self.external_id.as_deref());
        if let Some(external_id) = &external_id
            && is_told(writing, &sender.party.source_id(), RecordType::Commitment, external_id).await?
        {
            let message = "There is a commitment of yours with this identifier already.";
            checks.fault("externalId", UserErrorCode::Conflict, message);
        }
        let (starts_on, ends_on) = checks.term(["startsOn", "endsOn"], self.starts_on, self.ends_on);
        let record = record::Commitment {
            partner: Reference::Record(partner.id),
            school: Reference::Record(school.map(|school| school.id).unwrap_or_default()),
            need: need.map(|need| GlobalId::new(Kind::Need, need.id).to_string()),
            offer: offer.map(|offer| GlobalId::new(Kind::Offer, offer.id).to_string()),
            title: checks.required_line("title", &self.title),
            status: Some(CommitmentStatus::Proposed),
            status_at: None,
            capacity: self.capacity.as_ref().map(|capacity| capacity.check(&mut checks)),
            starts_on,
            ends_on,
        };
        if !checks.is_clean() {
            return Ok(Answer::refused(checks.finish()));
        }
        let push = Push { external_id: own_name(external_id), record: record::Record::Commitment(record) };
        one(writing.write(&sender, vec![push]).await?.outcomes)
    }
}

impl ProposeCommitmentInput {
    async fn school(&self, writing: &Writing<'_>, checks: &mut Checks) -> Result<Option<school::Model>> {
        let Some(brin) = checks.identifier::<Brin>("school", &self.school) else { return Ok(None) };
        let school = school::Entity::find()
            .filter(school::Column::Brin.eq(brin.as_str()))
            .filter(school::Column::DeletedAt.is_null())
            .one(writing.db())
            .await?;
        if school.is_none() {
            checks.fault("school", UserErrorCode::NotFound, format!("There is no school with BRIN {brin}."));
        }
        Ok(school)
    }

    async fn need(
        &self,
        writing: &Writing<'_>,
        school: Option<&school::Model>,
        checks: &mut Checks,
    ) -> Result<Option<need::Model>> {
        let Some(id) = self.need.as_ref().and_then(|id| checks.id("need", Kind::Need, id)) else { return Ok(None) };
        let need = need::Entity::find_by_id(id).filter(need::Column::DeletedAt.is_null()).one(writing.db()).await?;
        // A draft is its board's own.
        let need = need.filter(|need| !matches!(need.status, NeedStatus::Draft | NeedStatus::Withdrawn));
        match &need {
            None => checks.fault("need", UserErrorCode::NotFound, "There is no need with this id."),
            Some(need) if school.is_some_and(|school| school.id != need.school_id) => {
                checks.fault("need", UserErrorCode::Invalid, "This need belongs to another school.");
            }
            Some(need) if !need.status.is_open() => {
                let message = format!("This need is {}: nobody can step in any more.", need.status.code());
                checks.fault("need", UserErrorCode::Conflict, message);
            }
            Some(_) => {}
        }
        Ok(need)
    }

    async fn offer(
        &self,
        writing: &Writing<'_>,
        partner: &partner::Model,
        checks: &mut Checks,
    ) -> Result<Option<offer::Model>> {
        let Some(id) = self.offer.as_ref().and_then(|id| checks.id("offer", Kind::Offer, id)) else { return Ok(None) };
        let offer = offer::Entity::find_by_id(id)
            .filter(offer::Column::PartnerId.eq(partner.id))
            .filter(offer::Column::DeletedAt.is_null())
            .one(writing.db())
            .await?;
        match &offer {
            None => checks.fault("offer", UserErrorCode::NotFound, "You have no offer with this id."),
            Some(offer) if offer.status == OfferStatus::Ended => {
                checks.fault("offer", UserErrorCode::Conflict, "This offer has ended.");
            }
            Some(_) => {}
        }
        Ok(offer)
    }
}

#[async_trait]
impl Work for SetCommitmentStatusInput {
    fn name(&self) -> &'static str {
        "setCommitmentStatus"
    }

    fn scope(&self) -> &'static str {
        scope::COMMITMENTS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let author = match writing.author().await? {
            Ok(author) => author,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        let sender = writing.arrive(&author).await?;
        let mut checks = Checks::default();
        let found = self.find(writing, &author, &mut checks).await?;
        let note = checks.text("note", self.note.as_deref());
        if let Some((commitment, side)) = &found {
            check_version(commitment.version, self.expected_version, &mut checks);
            check_step(commitment.status, self.status.0, *side, &mut checks);
            if checks.is_clean() && self.status.0.is_live() && !commitment.status.is_live() {
                check_room(writing, commitment, &mut checks).await?;
            }
        }
        let Some((commitment, _)) = found.filter(|_| checks.is_clean()) else {
            return Ok(Answer::refused(checks.finish()));
        };
        let fields = Map::from_iter([
            ("partner".to_owned(), json!({ "record": commitment.partner_id })),
            ("school".to_owned(), json!({ "record": commitment.school_id })),
            ("status".to_owned(), json!(self.status.0.code())),
        ]);
        let amendment = Amendment {
            record_type: RecordType::Commitment,
            record_id: commitment.id,
            external_id: None,
            fields,
            cleared: Vec::new(),
        };
        one(writing.amend(&sender, vec![amendment], note).await?.outcomes)
    }
}

impl SetCommitmentStatusInput {
    /// The commitment, locked until the transaction ends, and on which side of it the author is.
    async fn find(
        &self,
        writing: &Writing<'_>,
        author: &Author,
        checks: &mut Checks,
    ) -> Result<Option<(commitment::Model, Side)>> {
        let Some(id) = checks.id("id", Kind::Commitment, &self.id) else { return Ok(None) };
        let commitment = commitment::Entity::find_by_id(id)
            .filter(commitment::Column::DeletedAt.is_null())
            .lock(LockType::Update)
            .one(writing.db())
            .await?;
        let found = match (commitment, author) {
            (Some(commitment), Author::Partner(partner)) if commitment.partner_id == partner.id => {
                Some((commitment, Side::Partner))
            }
            (Some(commitment), Author::Board(board)) => school::Entity::find_by_id(commitment.school_id)
                .one(writing.db())
                .await?
                .filter(|school| school.school_board_id == Some(board.id))
                .map(|_| (commitment, Side::School)),
            _ => None,
        };
        if found.is_none() {
            checks.fault("id", UserErrorCode::NotFound, "There is no commitment of yours with this id.");
        }
        Ok(found)
    }
}

/// Makes sure that the life cycle has the step, and that it is this side's.
fn check_step(from: CommitmentStatus, next: CommitmentStatus, side: Side, checks: &mut Checks) {
    let (who, other) = match side {
        Side::Partner => ("The partner", "the school's board"),
        Side::School => ("The school's board", "the partner"),
    };
    if from.may_become(next) && next.taken_by() != side {
        let message = format!("{who} cannot take this step: it is {other}'s.");
        checks.fault("status", UserErrorCode::Forbidden, message);
    } else if !from.may_become(next) {
        let steps: Vec<&str> = from.steps_of(side).map(Code::code).collect();
        let possible = if steps.is_empty() { "nothing".to_owned() } else { steps.join(" or ") };
        let message =
            format!("{who} may make {possible} of a commitment that is {}; not {}.", from.code(), next.code());
        checks.fault("status", UserErrorCode::StepNotAllowed, message);
    }
}

/// Makes sure that the offer has room for the commitment. The offer stays locked until the transaction ends: of two that
/// take the last place, the second finds it taken.
async fn check_room(writing: &Writing<'_>, commitment: &commitment::Model, checks: &mut Checks) -> Result<()> {
    use commitment::Column;
    let Some(offer_id) = commitment.offer_id else { return Ok(()) };
    let offer = offer::Entity::find_by_id(offer_id).lock(LockType::NoKeyUpdate).one(writing.db()).await?;
    let capacity = offer.and_then(|offer| offer.capacity_amount.zip(offer.capacity_unit));
    let asked = commitment.capacity_amount.zip(commitment.capacity_unit);
    let (Some((amount, unit)), Some((asked, asked_unit))) = (capacity, asked) else { return Ok(()) };
    // What is in another unit cannot be set against it.
    if unit != asked_unit {
        return Ok(());
    }
    let taken: Option<Option<f64>> = commitment::Entity::find()
        .select_only()
        .column_as(Column::CapacityAmount.into_expr().sum(), "taken")
        .filter(Column::OfferId.eq(offer_id))
        .filter(Column::CapacityUnit.eq(unit))
        .filter(Column::Status.is_in(CommitmentStatus::LIVE))
        .filter(Column::DeletedAt.is_null())
        .filter(Column::Id.ne(commitment.id))
        .into_tuple()
        .one(writing.db())
        .await?;
    let left = amount - taken.flatten().unwrap_or(0.0);
    // Sums of fractions: a third and two thirds are one.
    if asked > left + 1e-9 {
        let left = left.max(0.0);
        let message = format!("The offer has {left} {} left; this commitment takes {asked}.", unit.code());
        checks.fault("status", UserErrorCode::Conflict, message);
    }
    Ok(())
}
