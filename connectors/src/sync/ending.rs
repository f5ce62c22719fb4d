//! How a run's readings end. What a full one has not met is gone, if that is certain: it is looked for once more, for it
//! may have slipped from one page to another, and nothing is deleted at all where it is more than may go by itself.

use std::collections::{HashMap, HashSet};

use entity::journal::Journal;
use entity::vocabulary::{RecordType, SyncMode};
use roaring::RoaringTreemap;
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::connector::{Mapped, Refused, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::claims::{self, Head};
use crate::sync::engine::Run;
use crate::sync::fetch::{cancelled, fetch};
use crate::sync::intake::number;
use crate::sync::refusals;
use crate::sync::report::RunReport;
use crate::sync::stream::{Signs, StreamRun};
use crate::sync::writer::{self, Written};

/// Claims taken back in one transaction.
const RETIRE_AT_ONCE: usize = 500;

/// How often a stream is read again before what it lacks each time is deleted. A source in which something always moves
/// would else never be rid of anything.
const MOST_LOOKS: usize = 2;

/// What another reading showed.
struct Look {
    /// The claims that it met.
    met: RoaringTreemap,
    /// Whether something was seen to move meanwhile.
    moved: bool,
}

/// A reading that has met all there was to meet.
struct Ending {
    stream: StreamRun,
    /// Live claims that it has not met.
    gone: Vec<Head>,
    /// Why these may not be deleted without somebody's word, where they may not.
    hold: Option<String>,
}

/// Ends the readings of a run, of which none failed. Returns why it is held, where it is: then nothing is deleted.
pub(crate) async fn conclude(run: &Run<'_>, read: Vec<StreamRun>, report: &mut RunReport) -> Result<Vec<String>> {
    let mut endings = Vec::new();
    for stream in read {
        endings.push(stream.weigh(run, &run.engine.db).await?);
    }
    let held: Vec<String> = endings.iter().filter_map(|ending| ending.hold.clone()).collect();
    // What points to others goes before what it points to.
    for Ending { stream, gone, .. } in endings.into_iter().rev() {
        if held.is_empty() || gone.is_empty() {
            stream.conclude(run, gone, report).await?;
        } else {
            stream.start_over(run).await?;
        }
    }
    Ok(held)
}

/// Reads streams into one transaction that is never committed, so that records find those they point to, and says what
/// would be held.
pub(crate) async fn rehearse(run: &Run<'_>, specs: &[StreamSpec], report: &mut RunReport) -> Result<Vec<String>> {
    let mut journal = Journal::begin(&run.engine.db, run.engine.clock.now()).await?;
    let (mut held, mut deleted) = (Vec::new(), 0);
    report.mode = SyncMode::Full;
    for &spec in specs {
        let mut stream = StreamRun::open(run, spec, journal.connection()).await?;
        if !stream.read_pages(run, report, Some(&mut journal)).await? {
            continue;
        }
        let ending = stream.weigh(run, journal.connection()).await?;
        let stream = &ending.stream;
        report.note_drift(spec.name, stream.known_shape.drift(&stream.shape, true));
        match ending.hold {
            Some(reason) => held.push(reason),
            None => deleted += u32::try_from(ending.gone.len()).unwrap_or(u32::MAX),
        }
    }
    drop(journal);
    if held.is_empty() {
        report.tally.deleted += deleted;
    }
    Ok(held)
}

impl StreamRun {
    /// Finds out what is gone, and whether it may be.
    async fn weigh(mut self, run: &Run<'_>, db: &impl ConnectionTrait) -> Result<Ending> {
        if self.reading.mode != SyncMode::Full {
            return Ok(Ending { stream: self, gone: Vec::new(), hold: None });
        }
        let mut gone = self.gone(run, db).await?;
        // Even of one page: a total that is too low ends a reading before its time.
        if !gone.is_empty() {
            gone = self.look_again(run, db, gone).await?;
        }
        let hold = self.hold(run, &gone);
        Ok(Ending { stream: self, gone, hold })
    }

    /// The live claims of the stream that this reading has not met.
    async fn gone(&self, run: &Run<'_>, db: &impl ConnectionTrait) -> Result<Vec<Head>> {
        const AT_ONCE: u64 = 5_000;
        let mut gone = Vec::new();
        let mut after = 0;
        loop {
            let heads = claims::live_heads(db, &run.source.id, self.spec.name, after, AT_ONCE).await?;
            let Some(last) = heads.last() else { return Ok(gone) };
            after = last.id;
            gone.extend(heads.into_iter().filter(|head| !self.reading.seen.contains(number(head.id))));
        }
    }

    /// Reads the stream again, and returns of what seemed gone that which is not there then either. A reading in which
    /// something moved, or something else is missing, is not relied upon alone: then once more.
    async fn look_again(&mut self, run: &Run<'_>, db: &impl ConnectionTrait, gone: Vec<Head>) -> Result<Vec<Head>> {
        let mut missing: HashMap<i64, Head> = gone.into_iter().map(|head| (head.id, head)).collect();
        for _ in 0..MOST_LOOKS {
            let Look { met, moved } = self.look(run, db, &missing).await?;
            for id in met.iter().filter_map(|id| i64::try_from(id).ok()) {
                if missing.remove(&id).is_some() {
                    self.reading.seen.insert(number(id));
                    self.signs.moved = true;
                }
            }
            if missing.is_empty() || (!moved && self.reading.seen.is_subset(&met)) {
                break;
            }
        }
        Ok(missing.into_values().collect())
    }

    /// Reads the stream without writing anything, until all of `missing` has been met.
    async fn look(&self, run: &Run<'_>, db: &impl ConnectionTrait, missing: &HashMap<i64, Head>) -> Result<Look> {
        let mut left = missing.len();
        let (mut met, mut signs) = (RoaringTreemap::new(), Signs::default());
        let mut tokens = HashSet::new();
        let mut token: Option<String> = None;
        while left > 0 {
            if run.options.cancel.is_cancelled() {
                return Err(cancelled());
            }
            let page = fetch(run, &self.spec, None, token.as_deref()).await?;
            signs.note(page.total);
            let keys = page.records.iter().flat_map(|raw| self.keys(run, raw)).collect();
            for head in claims::heads(db, &run.source.id, &keys).await?.into_values() {
                let is_new = met.insert(number(head.id));
                signs.moved |= !is_new;
                left -= usize::from(is_new && missing.contains_key(&head.id));
            }
            match page.next {
                None => break,
                Some(next) if tokens.insert(next.clone()) => token = Some(next),
                Some(_) => {
                    let message = "the system's paging goes in a circle: a page came again";
                    return Err(Error::new(ErrorKind::Paging, message));
                }
            }
        }
        Ok(Look { met, moved: signs.moved })
    }

    /// What a raw record shows to be there.
    fn keys(&self, run: &Run<'_>, raw: &Value) -> Vec<(RecordType, String)> {
        match run.connector.map(self.spec.name, raw) {
            Ok(Mapped::Record { external_id, record, .. }) => vec![(record.record_type(), external_id)],
            Err(Refused { external_id: Some(external_id), .. }) => {
                self.spec.records.iter().map(|record_type| (*record_type, external_id.clone())).collect()
            }
            Ok(Mapped::Deleted { .. } | Mapped::Ignored(_)) | Err(Refused { external_id: None, .. }) => Vec::new(),
        }
    }

    /// Why these may not be deleted without somebody's word, where they may not.
    fn hold(&self, run: &Run<'_>, gone: &[Head]) -> Option<String> {
        let settings = &run.engine.settings;
        let met = usize::try_from(self.reading.seen.len()).unwrap_or(usize::MAX);
        let total = met.saturating_add(gone.len());
        #[expect(clippy::cast_precision_loss, reason = "a share of counts far below 2^52")]
        let share = gone.len() as f64 / total.max(1) as f64;
        let too_many = gone.len() > settings.allowed_delete_count && share > settings.allowed_delete_share;
        // A list that is empty all of a sudden says more of the system than of its records.
        let emptied = met == 0 && gone.len() > 1;
        ((too_many || emptied) && !run.options.allow_mass_delete).then(|| {
            format!(
                "stream `{}` has lost {} of {total} records; nothing was deleted. If that is right, run `hub sync {} \
                 --allow-mass-delete`.",
                self.spec.name,
                gone.len(),
                run.source.id
            )
        })
    }

    /// Ends the reading: what is gone is deleted, what was learned is kept, and the next one starts from here.
    async fn conclude(self, run: &Run<'_>, gone: Vec<Head>, report: &mut RunReport) -> Result<()> {
        let engine = run.engine;
        let full = self.reading.mode == SyncMode::Full;
        for heads in gone.chunks(RETIRE_AT_ONCE) {
            let mut journal = Journal::begin(&engine.db, engine.clock.now()).await?;
            run.lease.renew(journal.connection(), journal.at()).await?;
            let mut written = Written::default();
            writer::retire(&mut journal, &self.context, heads.to_vec(), &mut written).await?;
            engine.commit(journal).await?;
            report.tally.deleted += written.deleted;
        }
        let journal = Journal::begin(&engine.db, engine.clock.now()).await?;
        let db = journal.connection();
        run.lease.renew(db, journal.at()).await?;
        if full {
            refusals::clear_gone(db, &run.source.id, self.spec.name, self.reading.began_at).await?;
        }
        // A reading that was taken up again has not seen all of its pages' records itself.
        let whole = full && !self.reading.resumed;
        if !self.shape.is_empty() {
            report.note_drift(self.spec.name, self.known_shape.drift(&self.shape, whole));
            let known = self.known_shape.followed_by(&self.shape, whole);
            known.save(db, &run.source.id, self.spec.name, journal.at()).await?;
        }
        let now = journal.at();
        self.reading.conclude(db, now, !self.signs.moved).await?;
        engine.commit(journal).await
    }
}
