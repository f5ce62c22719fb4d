//! Writes what one page said: claims, records, their changes, refusals. All within the journal's transaction.
//!
//! A record's row is always made anew from all that is said of it. Writing the same page twice therefore finds equal
//! rows the second time and writes none.

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
use crate::sync::merge::merge;
use crate::sync::municipalities;
use crate::sync::refusals::{self, Rejected};
use crate::sync::resolve::{Known, Wanted};
use crate::sync::rows::{Assemble, Base, Built, Faults, Stamps};
use crate::sync::shape::Shape;

/// Rows in one `IN` list.
const MOST_VALUES: usize = 5_000;

/// Whose page it is.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) source_id: String,
    /// Who is named as having taken the steps that the source tells of.
    pub(crate) source_name: String,
    pub(crate) stream: String,
    /// The priority of every source.
    pub(crate) priorities: HashMap<String, i32>,
    /// What its records must look like, where others are to be refused.
    pub(crate) form: Option<Shape>,
}

impl Context {
    fn priority(&self, source_id: &str) -> i32 {
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
        Ok(Self { external_id, record_type, content, fingerprint, raw, claim: None })
    }

    /// Whether it says what it said before.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.claim
            .as_ref()
            .is_some_and(|claim| claim.deleted_at.is_none() && claim.content_hash == self.fingerprint.stored(true))
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
    Ok(())
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
    Ok(())
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
        let said: R::Said = parse(&incoming.content)?;
        R::wanted(&said, &mut wanted);
        read.push((said, incoming));
    }
    known.look_up(journal.connection(), wanted).await?;
    let named = read.iter().flat_map(|(said, _)| R::municipalities(said));
    municipalities::ensure(journal.connection(), &known, context.priority(&context.source_id), named).await?;

    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    for (said, incoming) in read {
        let claimed = incoming.claim.as_ref().filter(|claim| claim.deleted_at.is_none()).map(|claim| claim.record_id);
        let identity = R::identity(&said, &known);
        let (record_id, is_new) = match (claimed, identity) {
            (Some(claimed), Some(owner)) if claimed != owner => {
                let reason = "its identifier belonged to another record before; the source must give it a new one";
                reject(written, incoming, Faults { reasons: vec![reason.to_owned()], awaits_reference: false });
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
    for group in groups {
        let mut voices = voices(context, others.remove(&group.record_id).unwrap_or_default(), &group.incoming);
        voices.sort_by(|a, b| a.precedence.cmp(&b.precedence));
        let said: Option<R::Said> =
            if voices.is_empty() { None } else { Some(parse(&merge(voices.iter().map(|voice| &voice.content)))?) };
        if let Some(said) = &said {
            R::wanted(said, &mut wanted);
        }
        let first = voices.into_iter().next().map(|voice| voice.precedence);
        drafts.push((group, said, first));
    }
    known.look_up(journal.connection(), wanted).await?;

    let now = journal.at();
    let mut built = Vec::with_capacity(drafts.len());
    let mut gone = Vec::new();
    let mut new_claims = Vec::new();
    for (group, said, first) in drafts {
        let before = before.remove(&group.record_id);
        let (Some(said), Some((_, source_id, external_id))) = (said, first) else {
            // Nobody says anything of it any more.
            gone.extend(before.filter(|row| !row.is_deleted()).map(|row| {
                let stamps = row.stamps();
                let stamps = Stamps { version: stamps.version + 1, updated_at: now, deleted_at: Some(now), ..stamps };
                (ChangeAction::Deleted, row.stamped(stamps))
            }));
            continue;
        };
        let base = Base { id: group.record_id, source_id, external_id: Some(external_id) };
        let assembled = match R::assemble(&said, base, Stamps::first(now), known, before.as_ref()) {
            Ok(assembled) => assembled,
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
            keep(written, &mut new_claims, incoming, group.record_id, assembled.complete);
        }
        built.push(Built { said, row, before, action });
    }
    let rows = built.iter().filter_map(|built| Some((built.action?, built.row.clone()))).collect();
    journal.save(rows).await?;
    journal.save(gone).await?;
    let also_changed = R::follow_up(journal, &context.source_name, &built).await?;
    let rows = built
        .into_iter()
        .filter(|built| built.action.is_none() && also_changed.contains(&built.row.id()))
        .map(|built| {
            let stamps = built.row.stamps();
            let stamps = Stamps { version: stamps.version + 1, updated_at: now, ..stamps };
            (ChangeAction::Updated, built.row.stamped(stamps))
        })
        .collect::<Vec<_>>();
    let moved = count(rows.len()).min(written.unchanged);
    written.updated += moved;
    written.unchanged -= moved;
    journal.save(rows).await?;
    let seen =
        claims::save(journal.connection(), &context.source_id, &context.stream, R::TYPE, new_claims, now).await?;
    written.seen.extend(seen);
    Ok(())
}

/// What one source says of a record.
struct Voice {
    /// Who goes first: priority, then source and identifier, so that the order is total.
    precedence: (i32, String, String),
    content: Value,
}

fn voices(context: &Context, others: Vec<entity::claim::Model>, incoming: &[Incoming<'_>]) -> Vec<Voice> {
    let own: HashSet<&str> = incoming.iter().map(|incoming| incoming.external_id.as_str()).collect();
    let voice = |source_id: &str, external_id: &str, content: Value| Voice {
        precedence: (context.priority(source_id), source_id.to_owned(), external_id.to_owned()),
        content,
    };
    let others = others
        .into_iter()
        .filter(|claim| claim.source_id != context.source_id || !own.contains(claim.external_id.as_str()))
        .map(|claim| voice(&claim.source_id, &claim.external_id, claim.content));
    let incoming =
        incoming.iter().map(|incoming| voice(&context.source_id, &incoming.external_id, incoming.content.clone()));
    others.chain(incoming).collect()
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
            if claim.deleted_at.is_none() && claim.record_id == record_id && claim.content_hash == content_hash =>
        {
            written.seen.push(claim.id);
        }
        _ => new_claims.push(NewClaim {
            external_id: incoming.external_id,
            record_id,
            content_hash,
            content: incoming.content,
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

fn parse<T: serde::de::DeserializeOwned>(content: &Value) -> Result<T> {
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
