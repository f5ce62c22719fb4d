//! Writes what one page said: claims, records, their changes, refusals. All within the journal's transaction.
//!
//! A record's row is always made anew from all that is said of it. Writing the same page twice therefore finds equal
//! rows the second time and writes none. What a record is made of may say less than it did: where what is left does not
//! make a record any more, it goes.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::journal::Journal;
use entity::vocabulary::{ChangeAction, RecordType};
use entity::{commitment, housing_option, housing_scheme, need, offer, partner, school, school_board};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::record::Record;
use crate::sync::claims::{self, Fingerprint, Head, NewClaim};
use crate::sync::difference::{self, Written as Change};
use crate::sync::refusals::{self, Rejected};
use crate::sync::resolve::{Known, Wanted};
use crate::sync::rows::{Assemble, Base, Built, Faults, Stamps};
use crate::sync::shape::Shape;
use crate::sync::voices::{self, Voice};
use crate::sync::{municipalities, namesakes, personal};

/// Rows in one `IN` list.
const MOST_VALUES: usize = 5_000;

/// The stream of what a party writes of its own records through the hub's interface.
pub(crate) const WRITTEN: &str = "written";
/// The stream of steps that a party takes, through the hub's interface, in records of which others tell. They say nothing
/// but a status: no record stands by them alone, and they come last in all but that.
pub(crate) const STEPS: &str = "steps";

/// Whose page it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    pub(crate) source_id: String,
    /// Who is named as having taken the steps that the source tells of.
    pub(crate) source_name: String,
    pub(crate) stream: String,
    /// The priority of every source.
    pub(crate) priorities: HashMap<String, i32>,
    /// What its records must look like, where others are to be refused.
    pub(crate) form: Option<Shape>,
    /// What is said with a step that is taken.
    pub(crate) note: Option<String>,
}

impl Context {
    /// Whether it was written through the hub's interface, and not read from a system.
    pub(crate) fn is_interface(&self) -> bool {
        matches!(self.stream.as_str(), WRITTEN | STEPS)
    }

    pub(super) fn priority(&self, source_id: &str) -> i32 {
        self.priorities.get(source_id).copied().unwrap_or(i32::MAX)
    }
}

/// A record that came, with what is known of it already.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) external_id: String,
    pub(crate) record_type: RecordType,
    /// The canonical record, its references qualified.
    pub(crate) content: Value,
    pub(crate) fingerprint: Fingerprint,
    /// What came.
    pub(crate) raw: &'a Value,
    /// What the source said of it before.
    pub(crate) claim: Option<Head>,
    /// Whether its status is a step, though the source may have said the same before.
    pub(crate) is_step: bool,
    /// Since when it says its status; found out when the record is made.
    pub(crate) status_at: Option<DateTime<Utc>>,
}

impl<'a> Incoming<'a> {
    /// Prepares a record that came.
    pub(crate) fn new(
        source_id: &str,
        external_id: String,
        mut record: Record,
        mapping_version: u32,
        raw: &'a Value,
    ) -> Result<Self> {
        record.qualify(source_id);
        let record_type = record.record_type();
        let content = match serde_json::to_value(record) {
            // A record is written as its one variant: { "school": { … } }.
            Ok(Value::Object(variant)) => variant.into_iter().next().map_or(Value::Null, |(_, content)| content),
            Ok(other) => other,
            Err(error) => {
                return Err(Error::new(ErrorKind::Malformed, "a record cannot be written as JSON").because(error));
            }
        };
        let fingerprint = Fingerprint::of(&content, mapping_version);
        Ok(Self { external_id, record_type, content, fingerprint, raw, claim: None, is_step: false, status_at: None })
    }

    /// What the source still says of it.
    fn live_claim(&self) -> Option<&Head> {
        self.claim.as_ref().filter(|claim| claim.deleted_at.is_none())
    }

    /// Whether it says what it said before.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.live_claim().is_some_and(|claim| claim.content_hash == self.fingerprint.stored(true))
    }
}

/// What came of a page.
#[derive(Debug, Default)]
pub(crate) struct Written<'a> {
    /// Records that came; not counting what is none of ours, and word that one is gone.
    pub(crate) read: u32,
    pub(crate) created: u32,
    pub(crate) updated: u32,
    pub(crate) unchanged: u32,
    pub(crate) deleted: u32,
    pub(crate) rejected: Vec<Rejected<'a>>,
    /// Numbers of the claims that were met.
    pub(crate) seen: Vec<i64>,
    /// Identifiers of the records that were taken.
    pub(crate) taken: Vec<String>,
    /// What the records looked like.
    pub(crate) shape: Shape,
    /// Whether a record was met on an earlier page of this reading.
    pub(crate) repeated: bool,
    /// The record that each one taken was made part of, and what happened to it.
    pub(crate) made: Vec<Made>,
    /// The needs whose status may follow.
    pub(crate) needs: BTreeSet<Uuid>,
    /// What changed, where somebody keeps account of it.
    pub(crate) changes: Option<Vec<Change>>,
}

/// What became of a record that came.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) external_id: String,
    pub(crate) record_id: Uuid,
    /// `None`: it came out as it stood.
    pub(crate) action: Option<ChangeAction>,
}

/// Writes the records of a page.
pub(crate) async fn write<'a>(
    journal: &mut Journal,
    context: &Context,
    incoming: Vec<Incoming<'a>>,
    written: &mut Written<'a>,
) -> Result<()> {
    let mut by_type: HashMap<RecordType, Vec<Incoming<'a>>> = HashMap::new();
    for incoming in incoming {
        by_type.entry(incoming.record_type).or_default().push(incoming);
    }
    // In the order in which records point to each other.
    for record_type in ORDER {
        let Some(incoming) = by_type.remove(&record_type) else { continue };
        match record_type {
            RecordType::SchoolBoard => take::<school_board::Model>(journal, context, incoming, written).await?,
            RecordType::School => take::<school::Model>(journal, context, incoming, written).await?,
            RecordType::Partner => take::<partner::Model>(journal, context, incoming, written).await?,
            RecordType::Need => take::<need::Model>(journal, context, incoming, written).await?,
            RecordType::Offer => take::<offer::Model>(journal, context, incoming, written).await?,
            RecordType::Commitment => take::<commitment::Model>(journal, context, incoming, written).await?,
            RecordType::HousingScheme => take::<housing_scheme::Model>(journal, context, incoming, written).await?,
            RecordType::HousingOption => take::<housing_option::Model>(journal, context, incoming, written).await?,
        }
    }
    let needs = std::mem::take(&mut written.needs);
    remake::<need::Model>(journal, context, needs, written).await
}

/// Takes back what the source said in these claims. A record of which nobody says anything any more is deleted; another
/// is made anew of what others say.
pub(crate) async fn retire<'a>(
    journal: &mut Journal,
    context: &Context,
    heads: Vec<Head>,
    written: &mut Written<'a>,
) -> Result<()> {
    let ids: Vec<i64> = heads.iter().map(|head| head.id).collect();
    claims::retire(journal.connection(), &ids, journal.at()).await?;
    written.deleted += count(ids.len());
    let mut by_type: HashMap<RecordType, BTreeSet<Uuid>> = HashMap::new();
    for head in heads {
        by_type.entry(head.record_type).or_default().insert(head.record_id);
    }
    // What points to others goes before what it points to.
    for record_type in ORDER.into_iter().rev() {
        let Some(ids) = by_type.remove(&record_type) else { continue };
        match record_type {
            RecordType::SchoolBoard => remake::<school_board::Model>(journal, context, ids, written).await?,
            RecordType::School => remake::<school::Model>(journal, context, ids, written).await?,
            RecordType::Partner => remake::<partner::Model>(journal, context, ids, written).await?,
            RecordType::Need => remake::<need::Model>(journal, context, ids, written).await?,
            RecordType::Offer => remake::<offer::Model>(journal, context, ids, written).await?,
            RecordType::Commitment => remake::<commitment::Model>(journal, context, ids, written).await?,
            RecordType::HousingScheme => remake::<housing_scheme::Model>(journal, context, ids, written).await?,
            RecordType::HousingOption => remake::<housing_option::Model>(journal, context, ids, written).await?,
        }
    }
    let needs = std::mem::take(&mut written.needs);
    remake::<need::Model>(journal, context, needs, written).await
}

const ORDER: [RecordType; 8] = [
    RecordType::SchoolBoard,
    RecordType::School,
    RecordType::Partner,
    RecordType::Need,
    RecordType::Offer,
    RecordType::Commitment,
    RecordType::HousingScheme,
    RecordType::HousingOption,
];

/// A record to be made, and what came of it on this page.
struct Group<'a> {
    record_id: Uuid,
    is_new: bool,
    incoming: Vec<Incoming<'a>>,
}

async fn take<'a, R: Assemble>(
    journal: &mut Journal,
    context: &Context,
    incoming: Vec<Incoming<'a>>,
    written: &mut Written<'a>,
) -> Result<()> {
    let mut known = Known::default();
    let mut wanted = Wanted::default();
    let mut read = Vec::with_capacity(incoming.len());
    for incoming in incoming {
        if let Some(reason) = personal::reason(&incoming.content, incoming.raw) {
            reject(written, incoming, Faults::of(reason));
            continue;
        }
        let said: R::Said = parse(&incoming.content)?;
        R::wanted(&said, &mut wanted);
        read.push((said, incoming));
    }
    known.look_up(journal.connection(), wanted).await?;
    let named = read.iter().flat_map(|(said, _)| R::municipalities(said));
    municipalities::ensure(journal.connection(), &known, context.priority(&context.source_id), named).await?;

    let unknown = read.iter().filter(|(_, incoming)| incoming.live_claim().is_none());
    let asked = unknown.filter_map(|(said, incoming)| R::namesake(said, &incoming.external_id, &known)).collect();
    let namesakes = namesakes::find(journal.connection(), context, R::TYPE, asked).await?;

    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    for (said, incoming) in read {
        let claimed = incoming.live_claim().map(|claim| claim.record_id);
        let namesake = || namesakes.get(&R::namesake(&said, &incoming.external_id, &known)?).copied();
        let identity = R::identity(&said, &known).or_else(|| if claimed.is_none() { namesake() } else { None });
        let (record_id, is_new) = match (claimed, identity) {
            (Some(claimed), Some(owner)) if claimed != owner => {
                let reason = "its identifier belonged to another record before; the source must give it a new one";
                reject(written, incoming, Faults::of(reason));
                continue;
            }
            (Some(id), _) | (None, Some(id)) => (id, places.get(&id).is_some_and(|place| groups[*place].is_new)),
            // A record that comes back keeps its identity.
            (None, None) => match &incoming.claim {
                Some(claim) => (claim.record_id, false),
                None => (Uuid::now_v7(), true),
            },
        };
        R::learn(&said, &mut known, record_id);
        let place = *places.entry(record_id).or_insert_with(|| {
            groups.push(Group { record_id, is_new, incoming: Vec::new() });
            groups.len() - 1
        });
        groups[place].incoming.push(incoming);
    }
    settle::<R>(journal, context, groups, &mut known, written).await
}

async fn remake<'a, R: Assemble>(
    journal: &mut Journal,
    context: &Context,
    record_ids: BTreeSet<Uuid>,
    written: &mut Written<'a>,
) -> Result<()> {
    let groups = record_ids.into_iter().map(|record_id| Group { record_id, is_new: false, incoming: Vec::new() });
    settle::<R>(journal, context, groups.collect(), &mut Known::default(), written).await
}

/// Makes each record anew of all that is said of it, and writes those that came out otherwise than they stand.
async fn settle<'a, R: Assemble>(
    journal: &mut Journal,
    context: &Context,
    groups: Vec<Group<'a>>,
    known: &mut Known,
    written: &mut Written<'a>,
) -> Result<()> {
    let existing: Vec<Uuid> = groups.iter().filter(|group| !group.is_new).map(|group| group.record_id).collect();
    let mut before = load_locked::<R>(journal, &existing).await?;
    let mut others = claims::of_records(journal.connection(), &existing).await?;

    let mut drafts = Vec::with_capacity(groups.len());
    let mut wanted = Wanted::default();
    for mut group in groups {
        let others = others.remove(&group.record_id).unwrap_or_default();
        voices::date_statuses::<R>(context, before.get(&group.record_id), &others, &mut group.incoming, journal.at())?;
        let mut voices = voices::of_record(context, others, &group.incoming);
        voices.sort_by(|a, b| a.precedence.cmp(&b.precedence));
        if group.incoming.is_empty() && voices.iter().all(Voice::is_step) {
            voices.clear();
        }
        let said: Option<R::Said> =
            if voices.is_empty() { None } else { Some(parse(&voices::taken_together(&voices))?) };
        if let Some(said) = &said {
            R::wanted(said, &mut wanted);
        }
        let first = voices.into_iter().next().map(|voice| voice.precedence);
        drafts.push((group, said, first));
    }
    known.look_up(journal.connection(), wanted).await?;
    R::prepare(journal.connection(), &existing, known).await?;

    let now = journal.at();
    let mut built = Vec::with_capacity(drafts.len());
    let mut gone: Vec<R> = Vec::new();
    let mut new_claims = Vec::new();
    for (group, said, first) in drafts {
        let before = before.remove(&group.record_id);
        let (Some(said), Some((_, _, source_id, external_id))) = (said, first) else {
            // Nobody says anything of it any more.
            gone.extend(before.filter(|row| !row.is_deleted()));
            continue;
        };
        let base = Base { id: group.record_id, source_id, external_id: Some(external_id) };
        let assembled = match R::assemble(&said, base, Stamps::first(now), known, before.as_ref()) {
            Ok(assembled) => assembled,
            // What others still say of it is no record.
            Err(faults) if group.incoming.is_empty() && faults.lacks => {
                gone.extend(before.filter(|row| !row.is_deleted()));
                continue;
            }
            Err(faults) => {
                for incoming in group.incoming {
                    reject(written, incoming, faults.clone());
                }
                continue;
            }
        };
        let (row, action) = stamp(assembled.row, before.as_ref(), now);
        for (index, incoming) in group.incoming.into_iter().enumerate() {
            match action {
                Some(ChangeAction::Created) if index == 0 => written.created += 1,
                Some(ChangeAction::Updated) if index == 0 => written.updated += 1,
                _ => written.unchanged += 1,
            }
            written.made.push(Made {
                external_id: incoming.external_id.clone(),
                record_id: group.record_id,
                action: action.filter(|_| index == 0),
            });
            keep(written, &mut new_claims, incoming, group.record_id, assembled.complete);
        }
        built.push(Built { said, row, before, action });
    }
    let gone: Vec<R> = gone.into_iter().map(|row: R| row.again(now, Some(now))).collect();
    note(written, &built, &gone);
    let rows = built.iter().filter_map(|built| Some((built.action?, built.row.clone()))).collect();
    journal.save(rows).await?;
    journal.save(gone.into_iter().map(|row| (ChangeAction::Deleted, row)).collect()).await?;
    let also_changed = R::follow_up(journal, context, &built).await?;
    built.retain(|built| built.action.is_none() && also_changed.contains(&built.row.id()));
    for built in &mut built {
        built.row = built.row.clone().again(now, None);
        built.action = Some(ChangeAction::Updated);
        if let Some(made) = written.made.iter_mut().find(|made| made.record_id == built.row.id()) {
            made.action = built.action;
            written.updated += 1;
            written.unchanged -= 1;
        }
    }
    note(written, &built, &[]);
    journal.save(built.into_iter().map(|built| (ChangeAction::Updated, built.row)).collect()).await?;
    let seen =
        claims::save(journal.connection(), &context.source_id, &context.stream, R::TYPE, new_claims, now).await?;
    written.seen.extend(seen);
    Ok(())
}

/// Notes which needs may follow, and what changed where that is kept account of.
fn note<R: Assemble>(written: &mut Written<'_>, built: &[Built<R>], gone: &[R]) {
    let changed = built.iter().filter(|built| built.action.is_some());
    let rows = changed.clone().flat_map(|built| built.before.iter().chain([&built.row])).chain(gone);
    written.needs.extend(rows.filter_map(R::answers));
    let Some(changes) = &mut written.changes else { return };
    changes.extend(changed.filter_map(|built| {
        let (before, after) = difference::between(built.before.as_ref(), &built.row);
        Some(Change { record_type: R::TYPE, record_id: built.row.id(), action: built.action?, before, after })
    }));
    changes.extend(gone.iter().map(|row| Change {
        record_type: R::TYPE,
        record_id: row.id(),
        action: ChangeAction::Deleted,
        before: Value::Null,
        after: Value::Null,
    }));
}

/// The row with its right stamps, and what happens to it.
fn stamp<R: Assemble>(row: R, before: Option<&R>, now: DateTime<Utc>) -> (R, Option<ChangeAction>) {
    let Some(before) = before else { return (row, Some(ChangeAction::Created)) };
    let was = before.stamps();
    let as_it_was = row.clone().stamped(was);
    if was.deleted_at.is_none() && as_it_was == *before {
        return (as_it_was, None);
    }
    let action = if was.deleted_at.is_some() { ChangeAction::Created } else { ChangeAction::Updated };
    let stamps = Stamps { version: was.version + 1, created_at: was.created_at, updated_at: now, deleted_at: None };
    (row.stamped(stamps), Some(action))
}

/// Takes a record's claim into the page's writes.
fn keep<'a>(
    written: &mut Written<'a>,
    new_claims: &mut Vec<NewClaim>,
    incoming: Incoming<'a>,
    record_id: Uuid,
    complete: bool,
) {
    let content_hash = incoming.fingerprint.stored(complete);
    written.taken.push(incoming.external_id.clone());
    match incoming.claim {
        Some(claim)
            if claim.deleted_at.is_none()
                && claim.record_id == record_id
                && claim.content_hash == content_hash
                && !incoming.is_step =>
        {
            written.seen.push(claim.id);
        }
        _ => new_claims.push(NewClaim {
            external_id: incoming.external_id,
            record_id,
            content_hash,
            content: incoming.content,
            status_at: incoming.status_at,
        }),
    }
}

/// Sets a record aside. What the source said of it before still stands.
fn reject<'a>(written: &mut Written<'a>, incoming: Incoming<'a>, faults: Faults) {
    written.seen.extend(incoming.claim.map(|claim| claim.id));
    written.rejected.push(Rejected {
        external_id: Some(incoming.external_id),
        reasons: faults.reasons,
        awaits_reference: faults.awaits_reference,
        raw: incoming.raw,
    });
}

/// The rows as they stand, locked until the transaction ends, in the order of their ids so that two workers never wait
/// for each other in a circle. (SQLite has one writer and needs no lock.)
async fn load_locked<R: Assemble>(journal: &Journal, ids: &[Uuid]) -> Result<HashMap<Uuid, R>> {
    use sea_orm::{Iterable, PrimaryKeyToColumn, QueryOrder};
    let mut rows = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(MOST_VALUES) {
        let Some(key) = <R::Table as EntityTrait>::PrimaryKey::iter().next().map(PrimaryKeyToColumn::into_column)
        else {
            continue;
        };
        let found = R::Table::find()
            .filter(key.is_in(ids.iter().copied()))
            .order_by_asc(key)
            .lock(LockType::Update)
            .all(journal.connection())
            .await?;
        rows.extend(found.into_iter().map(|row| (row.id(), row)));
    }
    Ok(rows)
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(content: &Value) -> Result<T> {
    T::deserialize(content)
        .map_err(|error| Error::new(ErrorKind::Store, "a stored claim cannot be read; run with --full").because(error))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Writes the refusals of a page, and takes away those of records that have been taken now.
pub(crate) async fn write_refusals(
    journal: &Journal,
    context: &Context,
    written: &Written<'_>,
    standing: &HashSet<String>,
) -> Result<()> {
    let db = journal.connection();
    refusals::save(db, &context.source_id, &context.stream, &written.rejected, journal.at()).await?;
    // One of an identifier that came twice may have been taken, and the other refused: that stands.
    let refused: HashSet<String> = written.rejected.iter().map(Rejected::key).collect();
    let cleared = written.taken.iter().filter(|key| standing.contains(*key) && !refused.contains(*key));
    let cleared: Vec<String> = cleared.cloned().collect();
    refusals::clear(db, &context.source_id, &context.stream, &cleared).await?;
    Ok(())
}
