//! From a page's raw records to what can be written: mapped, told apart, matched with what is known already.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::vocabulary::RecordType;
use roaring::RoaringTreemap;
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::connector::{Connector, Mapped, Refused};
use crate::error::Result;
use crate::sync::claims::{self, Head};
use crate::sync::refusals::Rejected;
use crate::sync::writer::{Context, Incoming};

/// A page, sorted.
#[derive(Debug, Default)]
pub(crate) struct Intake<'a> {
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
}

/// Sorts a page. `met` are the claims that this reading has met on earlier pages.
pub(crate) async fn sort<'a>(
    db: &impl ConnectionTrait,
    connector: &dyn Connector,
    context: &Context,
    raw: &'a [Value],
    met: &RoaringTreemap,
) -> Result<Intake<'a>> {
    let mut intake = Intake::default();
    let mut mapped: Vec<(Incoming<'a>, bool)> = Vec::with_capacity(raw.len());
    let mut gone: Vec<(RecordType, String)> = Vec::new();
    let mut places: HashMap<(RecordType, String), usize> = HashMap::new();
    for raw in raw {
        match connector.map(&context.stream, raw) {
            Ok(Mapped::Record { external_id, modified_at, record }) => {
                intake.latest_change = intake.latest_change.max(modified_at);
                let version = connector.manifest().mapping_version;
                let incoming = Incoming::new(&context.source_id, external_id, *record, version, raw)?;
                let key = (incoming.record_type, incoming.external_id.clone());
                match places.get(&key) {
                    None => {
                        places.insert(key, mapped.len());
                        mapped.push((incoming, modified_at.is_some()));
                    }
                    Some(place) => twice(&mut intake, &mut mapped[*place], incoming, modified_at.is_some()),
                }
            }
            Ok(Mapped::Deleted { external_id, record_type, modified_at }) => {
                intake.latest_change = intake.latest_change.max(modified_at);
                gone.push((record_type, external_id));
            }
            Ok(Mapped::Ignored(reason)) => {
                tracing::debug!(source.id = context.source_id, stream = context.stream, reason, "record ignored");
            }
            Err(Refused { external_id, reasons }) => {
                intake.rejected.push(Rejected { external_id, reasons, awaits_reference: false, raw });
            }
        }
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
    let refused: Vec<(RecordType, String)> =
        refused.flat_map(|id| types.iter().map(move |record_type| (*record_type, id.clone()))).collect();
    let keys: HashSet<_> = places.into_keys().chain(gone.iter().cloned()).chain(refused.iter().cloned()).collect();
    let mut heads = claims::heads(db, &context.source_id, &keys).await?;

    for (mut incoming, dated) in mapped {
        let key = (incoming.record_type, incoming.external_id.clone());
        incoming.claim = heads.remove(&key);
        let met_before = incoming.claim.as_ref().is_some_and(|claim| met.contains(number(claim.id)));
        if incoming.is_unchanged() {
            intake.seen.extend(incoming.claim.map(|claim| claim.id));
            intake.unchanged.push(incoming.external_id);
        } else if met_before && !dated && incoming.claim.as_ref().is_some_and(|claim| claim.deleted_at.is_none()) {
            intake.rejected.push(contradiction(incoming));
        } else {
            intake.changed.push(incoming);
        }
    }
    intake.gone = gone.iter().filter_map(|key| heads.remove(key)).filter(|head| head.deleted_at.is_none()).collect();
    intake.seen.extend(refused.iter().filter_map(|key| heads.get(key)).map(|head| head.id));
    Ok(intake)
}

/// Two records of one page have one identifier: the same content counts once; where records are dated, the later one
/// stands; else nobody can tell which is right.
fn twice<'a>(intake: &mut Intake<'a>, first: &mut (Incoming<'a>, bool), second: Incoming<'a>, dated: bool) {
    if first.0.fingerprint == second.fingerprint {
        intake.unchanged.push(second.external_id);
    } else if dated && first.1 {
        intake.unchanged.push(first.0.external_id.clone());
        first.0 = second;
    } else {
        intake.rejected.push(contradiction(second));
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
