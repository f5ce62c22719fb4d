//! Needs (hulpvragen), written by school boards for their own schools.

use std::collections::HashMap;

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};
use async_trait::async_trait;
use connectors::record::{self, Reference};
use connectors::sync::push::{Amendment, Push};
use entity::global_id::Kind;
use entity::vocabulary::{Barrier, NeedStatus, RecordType, SupportKind, Theme, Urgency};
use entity::{Brin, Code, CodeSet, claim, need, school, school_board};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Payload, UserError, UserErrorCode};
use super::author::Author;
use super::checks::Checks;
use super::input::{ContactInput, own_name, reasons};
use super::writing::{Work, Writing};
use crate::auth::scope;
use crate::error::{Failure, Result};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::scalars::Date;
use crate::graphql::types::need::Need;
use crate::graphql::vocabulary::Term;

/// A new need (hulpvraag).
#[derive(Clone, Debug, InputObject)]
pub(crate) struct CreateNeedInput {
    /// BRIN code of the school that asks (`20AB00`).
    pub school: String,
    /// What is asked, in a line.
    pub title: String,
    /// What is asked, at length.
    pub description: Option<String>,
    /// Its themes (thema's); at least one.
    pub themes: Vec<Term<Theme>>,
    /// The kinds of support (ondersteuning) it asks for.
    pub support_kinds: Option<Vec<Term<SupportKind>>>,
    /// What stands in the school's way (belemmeringen).
    pub barriers: Option<Vec<Term<Barrier>>>,
    /// How pressing it is; normal where absent.
    pub urgency: Option<Term<Urgency>>,
    /// People asked for, in FTE.
    pub fte_asked: Option<f64>,
    /// Time asked for, in hours a week.
    pub hours_per_week_asked: Option<f64>,
    /// First day.
    pub starts_on: Option<Date>,
    /// Last day.
    pub ends_on: Option<Date>,
    /// Whom to speak to.
    pub contact: Option<ContactInput>,
    /// `DRAFT` or `OPEN`; open where absent.
    pub status: Option<Term<NeedStatus>>,
    /// The board's own identifier of it: where the hub also reads the board's system, the one that it has there.
    pub external_id: Option<String>,
    /// For sending it again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// What a need is to say.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct UpdateNeedInput {
    /// The need, by global id.
    pub id: ID,
    /// The `version` that the change was made on; refused where somebody wrote since.
    pub expected_version: Option<i32>,
    /// What is asked, in a line.
    pub title: Option<String>,
    /// What is asked, at length.
    pub description: MaybeUndefined<String>,
    /// Its themes (thema's); at least one.
    pub themes: Option<Vec<Term<Theme>>>,
    /// The kinds of support (ondersteuning) it asks for.
    pub support_kinds: MaybeUndefined<Vec<Term<SupportKind>>>,
    /// What stands in the school's way (belemmeringen).
    pub barriers: MaybeUndefined<Vec<Term<Barrier>>>,
    /// How pressing it is.
    pub urgency: MaybeUndefined<Term<Urgency>>,
    /// People asked for, in FTE.
    pub fte_asked: MaybeUndefined<f64>,
    /// Time asked for, in hours a week.
    pub hours_per_week_asked: MaybeUndefined<f64>,
    /// First day.
    pub starts_on: MaybeUndefined<Date>,
    /// Last day.
    pub ends_on: MaybeUndefined<Date>,
    /// Whom to speak to; replaces all of it.
    pub contact: MaybeUndefined<ContactInput>,
    /// For sending it again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// A step of a need.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct SetNeedStatusInput {
    /// The need, by global id.
    pub id: ID,
    /// The status it is to come to.
    pub status: Term<NeedStatus>,
    /// What is said with it; kept in the audit trail.
    pub note: Option<String>,
    /// The `version` that the step was taken on; refused where somebody wrote since.
    pub expected_version: Option<i32>,
    /// For sending it again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// What became of a need.
#[derive(SimpleObject)]
pub(crate) struct NeedPayload {
    /// The need as it stands; null where it was not written.
    pub need: Option<Need>,
    /// What is wrong with the input; empty where it was written.
    pub user_errors: Items<UserError>,
}

impl Payload for NeedPayload {
    type Row = need::Model;

    fn of(answer: Answer, rows: HashMap<Uuid, Member<need::Model>>) -> Self {
        let need = answer.records.first().and_then(|id| rows.get(id)).cloned().map(Need);
        Self { need, user_errors: answer.errors.into() }
    }
}

/// The codes as a set.
fn set<C: Code>(terms: &[Term<C>]) -> CodeSet<C> {
    terms.iter().map(|term| term.0).collect()
}

#[async_trait]
impl Work for CreateNeedInput {
    fn name(&self) -> &'static str {
        "createNeed"
    }

    fn scope(&self) -> &'static str {
        scope::NEEDS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (author, board) = match board(writing).await? {
            Ok(found) => found,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        let mut checks = Checks::default();
        let school_id = self.school(writing, &board, &mut checks).await?;
        let external_id = checks.external_id("externalId", self.external_id.as_deref());
        let record = self.record(school_id.unwrap_or_default(), &mut checks);
        let sender = writing.arrive(&author).await?;
        if let Some(external_id) = &external_id
            && is_told(writing, &sender.party.source_id(), RecordType::Need, external_id).await?
        {
            let message = "There is a need of yours with this identifier already: change it with `updateNeed`.";
            checks.fault("externalId", UserErrorCode::Conflict, message);
        }
        if !checks.is_clean() {
            return Ok(Answer::refused(checks.finish()));
        }
        let push = Push { external_id: own_name(external_id), record: record::Record::Need(record) };
        one(writing.write(&sender, vec![push]).await?.outcomes)
    }
}

impl CreateNeedInput {
    async fn school(
        &self,
        writing: &Writing<'_>,
        board: &school_board::Model,
        checks: &mut Checks,
    ) -> Result<Option<Uuid>> {
        let Some(brin) = checks.identifier::<Brin>("school", &self.school) else { return Ok(None) };
        let own = school::Entity::find()
            .filter(school::Column::Brin.eq(brin.as_str()))
            .filter(school::Column::SchoolBoardId.eq(board.id))
            .filter(school::Column::DeletedAt.is_null())
            .one(writing.db())
            .await?;
        if own.is_none() {
            checks.fault("school", UserErrorCode::NotFound, format!("Your board has no school with BRIN {brin}."));
        }
        Ok(own.map(|school| school.id))
    }

    fn record(&self, school_id: Uuid, checks: &mut Checks) -> record::Need {
        if self.themes.is_empty() {
            checks.fault("themes", UserErrorCode::Invalid, "A need has at least one theme.");
        }
        let status = self.status.map_or(NeedStatus::Open, |status| status.0);
        if !matches!(status, NeedStatus::Draft | NeedStatus::Open) {
            checks.fault("status", UserErrorCode::StepNotAllowed, "A new need is DRAFT or OPEN.");
        }
        checks.positive("fteAsked", self.fte_asked);
        checks.positive("hoursPerWeekAsked", self.hours_per_week_asked);
        let (starts_on, ends_on) = checks.term(["startsOn", "endsOn"], self.starts_on, self.ends_on);
        record::Need {
            school: Reference::Record(school_id),
            title: checks.required_line("title", &self.title),
            description: checks.text("description", self.description.as_deref()),
            themes: Some(set(&self.themes)),
            support_kinds: self.support_kinds.as_deref().map(set),
            barriers: self.barriers.as_deref().map(set),
            urgency: self.urgency.map(|urgency| urgency.0),
            status: Some(status),
            fte_asked: self.fte_asked,
            hours_per_week_asked: self.hours_per_week_asked,
            starts_on,
            ends_on,
            contact: self.contact.as_ref().map(|contact| contact.check(checks)),
        }
    }
}

#[async_trait]
impl Work for UpdateNeedInput {
    fn name(&self) -> &'static str {
        "updateNeed"
    }

    fn scope(&self) -> &'static str {
        scope::NEEDS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (author, board) = match board(writing).await? {
            Ok(found) => found,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        let sender = writing.arrive(&author).await?;
        let mut checks = Checks::default();
        let need = own_need(writing, &board, &self.id, self.expected_version, &mut checks).await?;
        let (fields, cleared) = self.fields(need.as_ref(), &mut checks)?;
        if let Some(need) = need.as_ref().filter(|need| need.status.steps().next().is_none()) {
            let message = format!("This need is over: it is {}.", need.status.code());
            checks.fault("id", UserErrorCode::Conflict, message);
        }
        let Some(need) = need.filter(|_| checks.is_clean()) else { return Ok(Answer::refused(checks.finish())) };
        let amendment = amendment(&need, fields, cleared);
        one(writing.amend(&sender, vec![amendment], None).await?.outcomes)
    }
}

/// Fields of a canonical record, and those of which nothing is said any more.
type Fields = (Map<String, Value>, Vec<&'static str>);

impl UpdateNeedInput {
    fn fields(&self, need: Option<&need::Model>, checks: &mut Checks) -> Result<Fields> {
        let (mut fields, mut cleared) = (Map::new(), Vec::new());
        if let Some(title) = &self.title {
            put(&mut fields, "title", checks.required_line("title", title))?;
        }
        if let Some(themes) = &self.themes {
            if themes.is_empty() {
                checks.fault("themes", UserErrorCode::Invalid, "A need has at least one theme.");
            }
            put(&mut fields, "themes", Some(set(themes)))?;
        }
        let mut lay = Lay { fields: &mut fields, cleared: &mut cleared };
        lay.over("description", &self.description, |text| checks.text("description", Some(text)))?;
        lay.over("support_kinds", &self.support_kinds, |kinds| Some(set(kinds)))?;
        lay.over("barriers", &self.barriers, |barriers| Some(set(barriers)))?;
        lay.over("urgency", &self.urgency, |urgency| Some(urgency.0))?;
        lay.over("fte_asked", &self.fte_asked, |fte| Some(*fte))?;
        lay.over("hours_per_week_asked", &self.hours_per_week_asked, |hours| Some(*hours))?;
        lay.over("starts_on", &self.starts_on, |date| Some(date.0))?;
        lay.over("ends_on", &self.ends_on, |date| Some(date.0))?;
        lay.over("contact", &self.contact, |contact| Some(contact.check(checks)))?;
        checks.positive("fteAsked", self.fte_asked.value().copied());
        checks.positive("hoursPerWeekAsked", self.hours_per_week_asked.value().copied());
        let day = |given: &MaybeUndefined<Date>, stands: Option<chrono::NaiveDate>| match given {
            MaybeUndefined::Undefined => stands.map(Date),
            other => other.value().copied(),
        };
        let starts_on = day(&self.starts_on, need.and_then(|need| need.starts_on));
        let ends_on = day(&self.ends_on, need.and_then(|need| need.ends_on));
        checks.term(["startsOn", "endsOn"], starts_on, ends_on);
        Ok((fields, cleared))
    }
}

struct Lay<'a> {
    fields: &'a mut Map<String, Value>,
    cleared: &'a mut Vec<&'static str>,
}

impl Lay<'_> {
    /// Takes in a field that may be given, taken back, or left as it is.
    fn over<T, V: Serialize>(
        &mut self,
        name: &'static str,
        given: &MaybeUndefined<T>,
        read: impl FnOnce(&T) -> Option<V>,
    ) -> Result<()> {
        let value = match given {
            MaybeUndefined::Undefined => return Ok(()),
            MaybeUndefined::Null => None,
            MaybeUndefined::Value(given) => read(given),
        };
        if value.is_none() {
            self.cleared.push(name);
        }
        put(self.fields, name, value)
    }
}

fn put<V: Serialize>(fields: &mut Map<String, Value>, name: &str, value: Option<V>) -> Result<()> {
    if let Some(value) = value {
        let value = serde_json::to_value(value).map_err(|_| Failure::Internal("a value cannot be written as JSON"))?;
        fields.insert(name.to_owned(), value);
    }
    Ok(())
}

#[async_trait]
impl Work for SetNeedStatusInput {
    fn name(&self) -> &'static str {
        "setNeedStatus"
    }

    fn scope(&self) -> &'static str {
        scope::NEEDS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (author, board) = match board(writing).await? {
            Ok(found) => found,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        let sender = writing.arrive(&author).await?;
        let mut checks = Checks::default();
        let need = own_need(writing, &board, &self.id, self.expected_version, &mut checks).await?;
        let note = checks.text("note", self.note.as_deref());
        let next = self.status.0;
        if let Some(need) = need.as_ref().filter(|need| !need.status.may_become(next)) {
            let steps: Vec<&str> = need.status.steps().map(Code::code).collect();
            let possible = if steps.is_empty() { "nothing any more".to_owned() } else { steps.join(", ") };
            let message = format!("A need that is {} may become {possible}; not {}.", need.status.code(), next.code());
            checks.fault("status", UserErrorCode::StepNotAllowed, message);
        }
        let Some(need) = need.filter(|_| checks.is_clean()) else { return Ok(Answer::refused(checks.finish())) };
        let fields = Map::from_iter([("status".to_owned(), json!(next.code()))]);
        let amendment = amendment(&need, fields, Vec::new());
        one(writing.amend(&sender, vec![amendment], note).await?.outcomes)
    }
}

fn amendment(need: &need::Model, mut fields: Map<String, Value>, cleared: Vec<&'static str>) -> Amendment {
    fields.insert("school".to_owned(), json!({ "record": need.school_id }));
    Amendment { record_type: RecordType::Need, record_id: need.id, external_id: None, fields, cleared }
}

/// The board that writes.
async fn board(writing: &Writing<'_>) -> Result<std::result::Result<(Author, school_board::Model), UserError>> {
    Ok(match writing.author().await? {
        Ok(Author::Board(board)) => Ok((Author::Board(board.clone()), board)),
        Ok(_) => Err(UserError::whole(UserErrorCode::Forbidden, "Needs are written by the board of the school.")),
        Err(error) => Err(error),
    })
}

/// The need of a school of this board, locked until the transaction ends.
async fn own_need(
    writing: &Writing<'_>,
    board: &school_board::Model,
    id: &ID,
    expected_version: Option<i32>,
    checks: &mut Checks,
) -> Result<Option<need::Model>> {
    let Some(id) = checks.id("id", Kind::Need, id) else { return Ok(None) };
    let need = need::Entity::find_by_id(id)
        .filter(need::Column::DeletedAt.is_null())
        .lock(LockType::Update)
        .one(writing.db())
        .await?;
    let is_own = match &need {
        None => false,
        Some(need) => school::Entity::find_by_id(need.school_id)
            .one(writing.db())
            .await?
            .is_some_and(|school| school.school_board_id == Some(board.id)),
    };
    let Some(need) = need.filter(|_| is_own) else {
        // Of a need that is another board's, nothing more is told than of one that is not there.
        checks.fault("id", UserErrorCode::NotFound, "There is no need with this id.");
        return Ok(None);
    };
    check_version(need.version, expected_version, checks);
    Ok(Some(need))
}

/// Makes sure that nobody wrote since the client read.
pub(super) fn check_version(version: i32, expected: Option<i32>, checks: &mut Checks) {
    if expected.is_some_and(|expected| expected != version) {
        let message = format!("Somebody wrote in the meantime: its version is {version}. Read it again.");
        checks.fault("expectedVersion", UserErrorCode::Conflict, message);
    }
}

/// Whether the source tells of a record that it calls so.
pub(super) async fn is_told(
    writing: &Writing<'_>,
    source_id: &str,
    record_type: RecordType,
    external_id: &str,
) -> Result<bool> {
    let told = claim::Entity::find()
        .filter(claim::Column::SourceId.eq(source_id))
        .filter(claim::Column::RecordType.eq(record_type))
        .filter(claim::Column::ExternalId.eq(external_id))
        .filter(claim::Column::DeletedAt.is_null())
        .one(writing.db())
        .await?;
    Ok(told.is_some())
}

/// The answer of a mutation that wrote one record.
pub(super) fn one(outcomes: Vec<connectors::sync::push::Outcome>) -> Result<Answer> {
    let outcome = outcomes.into_iter().next().ok_or(Failure::Internal("a record was lost on its way"))?;
    Ok(match outcome.record_id {
        Some(id) => Answer::record(id),
        None => Answer::refused(
            reasons(&[], outcome.reasons).into_iter().map(|error| UserError { field: None, ..error }).collect(),
        ),
    })
}
