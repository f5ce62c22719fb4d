//! What a mutation answers, in the form that is kept for whoever sends it again, and how payloads are made of it: the
//! records are read anew, so that an answer given twice shows them as they stand.

use std::collections::HashMap;

use async_graphql::{Context, Enum, SimpleObject};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::graphql::items::Items;
use crate::graphql::level::{Level, Member};
use crate::graphql::list::qualified;
use crate::graphql::reader::Reader;
use crate::graphql::rows::Row;
use crate::graphql::types::node::Node;

/// What kind of mistake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum UserErrorCode {
    /// A value that cannot be.
    Invalid,
    /// There is no such record, or it is not yours.
    NotFound,
    /// You may not do this.
    Forbidden,
    /// It does not go with what is there: somebody was faster, or there is no room left.
    Conflict,
    /// More at once than may be.
    TooMany,
    /// The life cycle has no such step.
    StepNotAllowed,
}

/// Something in the input that keeps a mutation, or a part of it, from being done.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, Serialize, Deserialize)]
pub(crate) struct UserError {
    /// Path into the input; null: the mutation as a whole.
    pub field: Option<Vec<String>>,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What kind of mistake it is.
    pub code: UserErrorCode,
}

impl UserError {
    /// A mistake in this part of the input.
    pub(crate) fn at(field: &[&str], code: UserErrorCode, message: impl Into<String>) -> Self {
        Self { field: Some(field.iter().map(|&part| part.to_owned()).collect()), message: message.into(), code }
    }

    /// A mistake that is nowhere in the input.
    pub(crate) fn whole(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self { field: None, message: message.into(), code }
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum UpsertOutcome {
    /// It is new.
    Created,
    /// It changed.
    Updated,
    /// It stood as it was sent.
    Unchanged,
    /// It was not taken; its errors say why.
    Refused,
}

/// What became of one record of a call, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordAnswer {
    pub(super) external_id: String,
    pub(super) outcome: UpsertOutcome,
    pub(super) record_id: Option<Uuid>,
    pub(super) errors: Vec<UserError>,
}

/// What a mutation answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The records that it is about.
    pub(super) records: Vec<Uuid>,
    /// What became of each record that was sent, where several were.
    pub(super) results: Vec<RecordAnswer>,
    /// What is wrong with the call.
    pub(super) errors: Vec<UserError>,
}

impl Answer {
    /// One record was written.
    pub(super) fn record(id: Uuid) -> Self {
        Self { records: vec![id], ..Self::default() }
    }

    /// Nothing was written.
    pub(super) fn refused(errors: Vec<UserError>) -> Self {
        Self { errors, ..Self::default() }
    }

    /// Makes the payload.
    pub(super) async fn into_payload<P: Payload>(self, ctx: &Context<'_>) -> Result<P> {
        let reader = Reader::of(ctx)?;
        let results = self.results.iter().filter_map(|result| result.record_id);
        let ids: Vec<Uuid> = self.records.iter().copied().chain(results).collect();
        let rows = match ids.is_empty() {
            true => HashMap::new(),
            false => rows::<P::Row>(reader, ids).await?,
        };
        Ok(P::of(self, rows))
    }
}

/// What a mutation answers, as the schema shows it.
pub(super) trait Payload: Sized {
    /// The records that it shows.
    type Row: Row<Id = Uuid>;

    /// The payload of this answer, with its records as they stand.
    fn of(answer: Answer, rows: HashMap<Uuid, Member<Self::Row>>) -> Self;
}

/// Records by their identities, as one level: those that the mutation itself wrote for whoever asks.
async fn rows<R: Row>(reader: &Reader, ids: Vec<R::Id>) -> Result<HashMap<R::Id, Member<R>>> {
    reader.touch(R::RECORD_TYPE);
    let rows = R::Entity::find().filter(qualified(R::ID).is_in(ids)).all(&reader.db).await?;
    Ok(Level::members(rows).into_iter().map(|member| (member.id(), member)).collect())
}

/// What became of one record of a call.
#[derive(SimpleObject)]
pub(crate) struct UpsertResult {
    /// The sender's identifier of it.
    pub external_id: String,
    /// What became of it.
    pub outcome: UpsertOutcome,
    /// The record as it stands; null where it was refused.
    pub record: Option<Node>,
    /// What is wrong with it.
    pub user_errors: Items<UserError>,
}

/// What became of each record, in the order of the input.
pub(super) fn results<R>(
    answers: Vec<RecordAnswer>,
    rows: &HashMap<Uuid, Member<R>>,
    node: impl Fn(Member<R>) -> Node,
) -> Items<UpsertResult> {
    let result = |answer: RecordAnswer| UpsertResult {
        external_id: answer.external_id,
        outcome: answer.outcome,
        record: answer.record_id.and_then(|id| rows.get(&id)).cloned().map(&node),
        user_errors: answer.errors.into(),
    };
    answers.into_iter().map(result).collect()
}

/// The records of a call that were taken, each once, in the order of the input.
pub(super) fn taken<R>(answers: &[RecordAnswer], rows: &HashMap<Uuid, Member<R>>) -> Vec<Member<R>> {
    answers.iter().filter_map(|answer| rows.get(&answer.record_id?)).cloned().collect()
}
