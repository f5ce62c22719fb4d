//! What parties write through the hub's own interface. It is a claim, as what a system says is, and goes the same way:
//! the same writer, the same merge, the same change feed, within a transaction that the caller began and commits.
//!
//! Each organisation that writes is a source of its own, entered when it first writes. It has no schedule and is never
//! late. Its word goes before that of systems that the hub reads, and behind that of the national register.

use std::collections::{HashMap, HashSet};

use chrono::DateTime;
use entity::journal::Journal;
use entity::vocabulary::{ChangeAction, RecordType, SourceKind, SyncStatus};
use entity::{MunicipalityCode, SchoolBoardNumber, claim, source};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use super::difference::Written;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Record;
use crate::sync::claims::{self, Fingerprint, Head};
use crate::sync::sources::{self, INTERFACE};
use crate::sync::writer::{self, Context, Incoming, STEPS, WRITTEN};

/// Grows when a record is made otherwise of the same input.
const MAPPING_VERSION: u32 = 1;
/// What a claim names records by; alone with a status it says nothing of them.
const REFERENCES: [&str; 3] = ["partner", "school", "municipality"];
/// A record's status in its claims.
const STATUS: &str = "status";

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// A school board.
    Board(SchoolBoardNumber),
    /// A municipality.
    Municipality(MunicipalityCode),
    /// A partner: by its record, for not every one has a KvK number, and it may get one later.
    Partner(Uuid),
}

/// Who writes, and what weight its word has.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Who.
    pub party: Party,
    /// What people call it; the history of commitments has it.
    pub name: String,
    /// Its precedence where others tell of the same record: the lower number wins.
    pub priority: i32,
}

/// A record with all that its sender says of it.
#[derive(Clone, Debug)]
pub struct Push {
    /// The sender's identifier of it.
    pub external_id: String,
    /// The record.
    pub record: Record,
}

/// A part of what a party says of a record that is there: what is in `fields` is laid over what it said before.
#[derive(Clone, Debug)]
pub struct Amendment {
    /// The type of the record.
    pub record_type: RecordType,
    /// The record.
    pub record_id: Uuid,
    /// The sender's identifier of it. `None`: that which it has said before, else the record's own.
    pub external_id: Option<String>,
    /// Fields of the canonical record, with those that name whose it is.
    pub fields: Map<String, Value>,
    /// Fields of which the sender says nothing any more; what others say of them stands then.
    pub cleared: Vec<&'static str>,
}

/// What became of a record that was pushed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The record. `None` where it was refused.
    pub record_id: Option<Uuid>,
    /// What happened to it. `None`: nothing, it stood as it was said to be, or it was refused.
    pub action: Option<ChangeAction>,
    /// Why it was refused, a sentence each.
    pub reasons: Vec<String>,
}

/// What a push did.
#[derive(Clone, Debug, Default)]
pub struct Pushed {
    /// What became of each record, in their order.
    pub outcomes: Vec<Outcome>,
    /// Every record that changed, those that followed included.
    pub changes: Vec<Written>,
}

impl Party {
    /// The identifier of its source.
    #[must_use]
    pub fn source_id(&self) -> String {
        match self {
            Self::Board(number) => format!("{INTERFACE}-board-{number}"),
            Self::Municipality(code) => format!("{INTERFACE}-municipality-{}", code.as_str().to_ascii_lowercase()),
            Self::Partner(id) => format!("{INTERFACE}-partner-{id}"),
        }
    }

    fn kind(&self) -> SourceKind {
        match self {
            Self::Board(_) => SourceKind::SchoolBoard,
            Self::Municipality(_) => SourceKind::Municipal,
            Self::Partner(_) => SourceKind::Partner,
        }
    }
}

/// Makes sure of the sender's source, and that nobody else writes for it until the transaction ends: what it sends in
/// two requests at once is told apart from what it sends twice. To be called before the records are looked at.
///
/// # Errors
/// Where the store fails.
pub fn arrive<'a>(journal: &'a Journal, sender: &'a Sender) -> BoxFuture<'a, Result<()>> {
    enter(journal, sender).boxed()
}

/// Writes records, each with all that the sender says of it. No two may have one identifier.
///
/// # Errors
/// Where the store fails. What is wrong with a record is in its outcome.
pub fn write<'a>(journal: &'a mut Journal, sender: &'a Sender, pushes: Vec<Push>) -> BoxFuture<'a, Result<Pushed>> {
    write_all(journal, sender, pushes).boxed()
}

/// Writes parts of what the sender says of records that are there. A status among them is a step: it counts from now,
/// though the sender may have said the same before.
///
/// # Errors
/// As [`write()`].
pub fn amend<'a>(
    journal: &'a mut Journal,
    sender: &'a Sender,
    amendments: Vec<Amendment>,
    note: Option<String>,
) -> BoxFuture<'a, Result<Pushed>> {
    amend_all(journal, sender, amendments, note).boxed()
}

async fn enter(journal: &Journal, sender: &Sender) -> Result<()> {
    let db = journal.connection();
    let id = sender.party.source_id();
    // References to the source need not wait for this.
    let locked = || source::Entity::find_by_id(&id).lock(LockType::NoKeyUpdate);
    let stored = locked().one(db).await?;
    if stored.is_none_or(|row| row.name != sender.name || row.priority != sender.priority) {
        let row = source::Model {
            id: id.clone(),
            name: sender.name.clone(),
            connector: INTERFACE.to_owned(),
            kind: sender.party.kind(),
            priority: sender.priority,
            every_secs: 0,
            fresh_for_secs: 0,
            enabled: true,
            last_succeeded_at: None,
            last_status: None,
            next_run_at: None,
            lease_owner: None,
            lease_until: None,
            fence: 0,
            failures: 0,
        };
        sources::write(db, row).await?;
        locked().one(db).await?;
    }
    source::Entity::update_many()
        .col_expr(source::Column::LastSucceededAt, Expr::value(journal.at()))
        .col_expr(source::Column::LastStatus, Expr::value(SyncStatus::Succeeded))
        .filter(source::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

async fn context(journal: &Journal, sender: &Sender, stream: &str, note: Option<String>) -> Result<Context> {
    let priorities = source::Entity::find()
        .select_only()
        .columns([source::Column::Id, source::Column::Priority])
        .into_tuple()
        .all(journal.connection())
        .await?;
    Ok(Context {
        source_id: sender.party.source_id(),
        source_name: sender.name.clone(),
        stream: stream.to_owned(),
        priorities: priorities.into_iter().collect(),
        note,
        ..Context::default()
    })
}

async fn write_all(journal: &mut Journal, sender: &Sender, pushes: Vec<Push>) -> Result<Pushed> {
    let context = context(journal, sender, WRITTEN, None).await?;
    let mut incoming = Vec::with_capacity(pushes.len());
    for push in pushes {
        let external_id = push.external_id;
        incoming.push(Incoming::new(&context.source_id, external_id, push.record, MAPPING_VERSION, &Value::Null)?);
    }
    let keys: HashSet<_> = incoming.iter().map(|each| (each.record_type, each.external_id.clone())).collect();
    let mut heads = claims::heads(journal.connection(), &context.source_id, &keys).await?;
    let mut unchanged = HashMap::new();
    let mut order = Vec::with_capacity(incoming.len());
    let mut changed = Vec::with_capacity(incoming.len());
    for mut each in incoming {
        order.push(each.external_id.clone());
        each.claim = heads.remove(&(each.record_type, each.external_id.clone()));
        match each.claim.as_ref().filter(|_| each.is_unchanged()) {
            Some(head) => {
                unchanged.insert(each.external_id, head.record_id);
            }
            None => changed.push(each),
        }
    }
    let mut pushed = carry_out(journal, &context, changed).await?;
    let outcomes = order.into_iter().map(|external_id| match unchanged.get(&external_id) {
        Some(record_id) => Outcome { record_id: Some(*record_id), action: None, reasons: Vec::new() },
        None => pushed.by_name.remove(&external_id).unwrap_or_else(lost),
    });
    Ok(Pushed { outcomes: outcomes.collect(), changes: pushed.changes })
}

async fn amend_all(
    journal: &mut Journal,
    sender: &Sender,
    amendments: Vec<Amendment>,
    note: Option<String>,
) -> Result<Pushed> {
    let source_id = sender.party.source_id();
    let ids: Vec<Uuid> = amendments.iter().map(|amendment| amendment.record_id).collect();
    let mut told = claims::of_records(journal.connection(), &ids).await?;
    let (mut order, mut whole, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for amendment in amendments {
        let own = told.remove(&amendment.record_id).unwrap_or_default();
        let own = own.into_iter().find(|claim| claim.source_id == source_id);
        let incoming = laid_over(own, amendment);
        order.push(incoming.external_id.clone());
        if is_step(&incoming.content) { steps.push(incoming) } else { whole.push(incoming) }
    }
    let mut pushed = Carried::default();
    for (stream, incoming) in [(WRITTEN, whole), (STEPS, steps)] {
        let context = context(journal, sender, stream, note.clone()).await?;
        let carried = carry_out(journal, &context, incoming).await?;
        pushed.by_name.extend(carried.by_name);
        pushed.changes.extend(carried.changes);
    }
    let outcomes = order.into_iter().map(|name| pushed.by_name.remove(&name).unwrap_or_else(lost));
    Ok(Pushed { outcomes: outcomes.collect(), changes: pushed.changes })
}

/// What the sender then says of the record, all together.
fn laid_over(own: Option<claim::Model>, amendment: Amendment) -> Incoming<'static> {
    let mut content = match own.as_ref().map(|claim| &claim.content) {
        Some(Value::Object(content)) => content.clone(),
        _ => Map::new(),
    };
    let is_step = amendment.fields.contains_key(STATUS);
    content.extend(amendment.fields);
    for name in amendment.cleared {
        content.remove(name);
    }
    let content = Value::Object(content);
    let fingerprint = Fingerprint::of(&content, MAPPING_VERSION);
    let external_id = match &own {
        Some(own) => own.external_id.clone(),
        None => amendment.external_id.unwrap_or_else(|| amendment.record_id.to_string()),
    };
    // One that the sender has said nothing of is found by its identity all the same.
    let head = own.map_or(
        Head {
            id: 0,
            record_type: amendment.record_type,
            external_id: external_id.clone(),
            record_id: amendment.record_id,
            content_hash: Vec::new(),
            changed_at: DateTime::UNIX_EPOCH,
            deleted_at: None,
        },
        |own| Head {
            id: own.id,
            record_type: own.record_type,
            external_id: own.external_id,
            record_id: own.record_id,
            content_hash: own.content_hash,
            changed_at: own.changed_at,
            deleted_at: own.deleted_at,
        },
    );
    Incoming {
        external_id,
        record_type: amendment.record_type,
        content,
        fingerprint,
        raw: &Value::Null,
        claim: Some(head),
        is_step,
        status_at: None,
    }
}

/// Whether it says no more than a status.
fn is_step(content: &Value) -> bool {
    let Value::Object(fields) = content else { return false };
    fields.keys().all(|name| name == STATUS || REFERENCES.contains(&name.as_str()))
}

#[derive(Default)]
struct Carried {
    by_name: HashMap<String, Outcome>,
    changes: Vec<Written>,
}

async fn carry_out(journal: &mut Journal, context: &Context, incoming: Vec<Incoming<'_>>) -> Result<Carried> {
    if incoming.is_empty() {
        return Ok(Carried::default());
    }
    let mut written = writer::Written { changes: Some(Vec::new()), ..writer::Written::default() };
    writer::write(journal, context, incoming, &mut written).await?;
    let mut by_name = HashMap::new();
    for made in written.made {
        let outcome = Outcome { record_id: Some(made.record_id), action: made.action, reasons: Vec::new() };
        by_name.insert(made.external_id, outcome);
    }
    for rejected in written.rejected {
        let outcome = Outcome { record_id: None, action: None, reasons: rejected.reasons };
        by_name.extend(rejected.external_id.map(|name| (name, outcome)));
    }
    Ok(Carried { by_name, changes: written.changes.unwrap_or_default() })
}

/// A record that the writer gave no account of: it gives one of each.
fn lost() -> Outcome {
    let error = Error::new(ErrorKind::Store, "the hub has lost sight of it");
    Outcome { record_id: None, action: None, reasons: vec![error.to_string()] }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_no_more_than_a_status_is_a_step() {
        assert!(is_step(&json!({"school": {"record": "x"}, "status": "OPEN"})));
        assert!(!is_step(&json!({"school": {"record": "x"}, "status": "OPEN", "title": "x"})));
    }

    #[test]
    fn each_party_is_a_source_of_its_own() {
        let board = Party::Board("41775".parse().unwrap());
        let city = Party::Municipality("GM0363".parse().unwrap());
        assert_eq!(board.source_id(), "api-board-41775");
        assert_eq!(city.source_id(), "api-municipality-gm0363");
        assert_eq!(Party::Partner(Uuid::nil()).source_id(), "api-partner-00000000-0000-0000-0000-000000000000");
    }
}
