//! From a page's raw records to what can be written: mapped, told apart, matched with what is known already.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::vocabulary::RecordType;
use roaring::RoaringTreemap;
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::connector::{Connector, Mapped, Refused};
use crate::error::Result;
use crate::sync::ahead::Batch;
use crate::sync::claims::{self, Head};
use crate::sync::refusals::Rejected;
use crate::sync::shape::Shape;
use crate::sync::writer::{Context, Incoming};

/// A record by what its source calls it.
type Key = (RecordType, String);

/// A page, sorted.
#[derive(Debug, Default)]
pub(crate) struct Intake<'a> {
    /// Records that came; not counting what is none of ours, and word that one is gone.
    pub(crate) read: u32,
    /// New or changed.
    pub(crate) changed: Vec<Incoming<'a>>,
    /// Claims whose records are gone, by word of the source.
    pub(crate) gone: Vec<Head>,
    pub(crate) rejected: Vec<Rejected<'a>>,
    /// Numbers of claims that were met and say nothing new.
    pub(crate) seen: Vec<i64>,
    /// Identifiers of the records that say nothing new.
    pub(crate) unchanged: Vec<String>,
    /// The latest change that a record is dated with.
    pub(crate) latest_change: Option<DateTime<Utc>>,
    /// What the records looked like.
    pub(crate) shape: Shape,
    /// Whether a record was met on an earlier page of this reading.
    pub(crate) repeated: bool,
}

/// A record, and when it last changed by its source's word.
struct Dated<'a> {
    incoming: Incoming<'a>,
    at: Option<DateTime<Utc>>,
}

/// What a page says, with one voice for each identifier.
#[derive(Default)]
struct Told<'a> {
    records: HashMap<Key, Dated<'a>>,
    /// Keys of records in the order in which they came.
    order: Vec<Key>,
    gone: HashMap<Key, Option<DateTime<Utc>>>,
    /// The page on which each was met last.
    on_page: HashMap<Key, usize>,
}

/// Sorts pages. `met` are the claims that this reading has met on earlier pages.
pub(crate) async fn sort<'a>(
    db: &impl ConnectionTrait,
    connector: &dyn Connector,
    context: &Context,
    batch: &'a Batch,
    met: &RoaringTreemap,
) -> Result<Intake<'a>> {
    let mut intake = Intake::default();
    let mut told = Told::default();
    for (page, raw) in batch.numbered() {
        listen(&mut intake, &mut told, connector, context, (page, raw))?;
    }
    // A record whose new version is refused still stands: it was met.
    let types: Vec<RecordType> = connector
        .manifest()
        .streams
        .iter()
        .filter(|stream| stream.name == context.stream)
        .flat_map(|stream| stream.records.iter().copied())
        .collect();
    let refused = intake.rejected.iter().filter_map(|rejected| rejected.external_id.clone());
    let refused: Vec<Key> =
        refused.flat_map(|id| types.iter().map(move |record_type| (*record_type, id.clone()))).collect();
    let keys: HashSet<Key> = told.records.keys().chain(told.gone.keys()).chain(refused.iter()).cloned().collect();
    let mut heads = claims::heads(db, &context.source_id, &keys).await?;
    intake.repeated |= keys.iter().filter_map(|key| heads.get(key)).any(|head| met.contains(number(head.id)));
    intake.seen.extend(refused.iter().filter_map(|key| heads.get(key)).map(|head| head.id));

    // What was written since a page was asked for, and not by this reading, is of a record that was asked for by itself
    // meanwhile: the page may be the older of the two. The next run finds out, for it goes back behind this one's start.
    let overtakes = |head: &Head| head.written_at() > batch.asked_at;
    for key in told.order {
        let Some(Dated { mut incoming, at }) = told.records.remove(&key) else { continue };
        incoming.claim = heads.remove(&key);
        let met_before = incoming.claim.as_ref().is_some_and(|claim| met.contains(number(claim.id)));
        let is_overtaken = !met_before && incoming.claim.as_ref().is_some_and(overtakes);
        if incoming.is_unchanged() || is_overtaken {
            intake.seen.extend(incoming.claim.map(|claim| claim.id));
            intake.unchanged.push(incoming.external_id);
        } else if met_before && at.is_none() && incoming.claim.as_ref().is_some_and(|claim| claim.deleted_at.is_none())
        {
            intake.rejected.push(contradiction(incoming));
        } else {
            intake.changed.push(incoming);
        }
    }
    let gone = told.gone.keys().filter_map(|key| heads.remove(key));
    let is_own = |head: &Head| met.contains(number(head.id));
    intake.gone = gone.filter(|head| head.deleted_at.is_none() && (is_own(head) || !overtakes(head))).collect();
    Ok(intake)
}

/// Takes in one raw record.
fn listen<'a>(
    intake: &mut Intake<'a>,
    told: &mut Told<'a>,
    connector: &dyn Connector,
    context: &Context,
    (page, raw): (usize, &'a Value),
) -> Result<()> {
    let (external_id, at, record) = match connector.map(&context.stream, raw) {
        Ok(Mapped::Ignored(reason)) => {
            tracing::debug!(source.id = context.source_id, stream = context.stream, reason, "record ignored");
            return Ok(());
        }
        Ok(Mapped::Deleted { external_id, record_type, modified_at }) => {
            intake.latest_change = intake.latest_change.max(modified_at);
            told.meet(intake, (record_type, external_id.clone()), page);
            told.is_gone(intake, (record_type, external_id), modified_at);
            return Ok(());
        }
        Ok(Mapped::Record { external_id, modified_at, record }) => (external_id, modified_at, record),
        Err(Refused { external_id, reasons }) => {
            intake.read += 1;
            intake.shape.learn(raw);
            intake.rejected.push(Rejected { external_id, reasons, awaits_reference: false, raw });
            return Ok(());
        }
    };
    intake.read += 1;
    intake.latest_change = intake.latest_change.max(at);
    let departures = context.form.as_ref().map(|form| form.departures(raw)).unwrap_or_default();
    if !departures.is_empty() {
        let reasons = departures.into_iter().map(|what| format!("not in the form known so far: {what}")).collect();
        let external_id = Some(external_id);
        intake.rejected.push(Rejected { external_id, reasons, awaits_reference: false, raw });
        return Ok(());
    }
    intake.shape.learn(raw);
    let version = connector.manifest().mapping_version;
    let incoming = Incoming::new(&context.source_id, external_id, *record, version, raw)?;
    told.meet(intake, (incoming.record_type, incoming.external_id.clone()), page);
    told.is_there(intake, Dated { incoming, at });
    Ok(())
}

impl<'a> Told<'a> {
    /// Notes on which page a record was met: one that was on another before has moved.
    fn meet(&mut self, intake: &mut Intake<'a>, key: Key, page: usize) {
        intake.repeated |= self.on_page.insert(key, page).is_some_and(|before| before != page);
    }

    /// A record came. Where another of the same identifier came before it on this page, the same content counts once;
    /// where both are dated, the later one stands; else nobody can tell which is right.
    fn is_there(&mut self, intake: &mut Intake<'a>, new: Dated<'a>) {
        let key = (new.incoming.record_type, new.incoming.external_id.clone());
        if let Some(gone_at) = self.gone.get(&key) {
            if gone_at.zip(new.at).is_some_and(|(gone_at, at)| gone_at >= at) {
                intake.unchanged.push(new.incoming.external_id);
                return;
            }
            self.gone.remove(&key);
        }
        match self.records.get_mut(&key) {
            None => {
                self.order.push(key.clone());
                self.records.insert(key, new);
            }
            Some(first) if first.incoming.fingerprint == new.incoming.fingerprint => {
                intake.unchanged.push(new.incoming.external_id);
            }
            Some(first) => match first.at.zip(new.at) {
                Some((first_at, at)) if at >= first_at => {
                    intake.unchanged.push(key.1);
                    *first = new;
                }
                Some(_) => intake.unchanged.push(key.1),
                None => intake.rejected.push(contradiction(new.incoming)),
            },
        }
    }

    /// Word came that a record is gone.
    fn is_gone(&mut self, intake: &mut Intake<'a>, key: Key, at: Option<DateTime<Utc>>) {
        if let Some(first) = self.records.get(&key) {
            if first.at.zip(at).is_some_and(|(first_at, at)| first_at > at) {
                return;
            }
            self.records.remove(&key);
            intake.unchanged.push(key.1.clone());
        }
        self.gone.insert(key, at);
    }
}

fn contradiction(incoming: Incoming<'_>) -> Rejected<'_> {
    Rejected {
        external_id: Some(incoming.external_id),
        reasons: vec!["its identifier came twice in one reading, with different content".to_owned()],
        awaits_reference: false,
        raw: incoming.raw,
    }
}

/// A claim's number in a bitmap.
pub(crate) fn number(claim_id: i64) -> u64 {
    u64::try_from(claim_id).unwrap_or(0)
}
