//! One reading of one stream: page after page, written while the next are on their way. How it ends stands in
//! [`super::ending`].

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use entity::journal::Journal;
use entity::vocabulary::SyncMode;
use sea_orm::ConnectionTrait;

use crate::connector::StreamSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::observer::Progress;
use crate::settings::Drift;
use crate::sync::ahead::{Ahead, Batch, Ended};
use crate::sync::checkpoint::{Plan, Position, Reading};
use crate::sync::claims;
use crate::sync::engine::Run;
use crate::sync::fetch::{cancelled, fetch};
use crate::sync::intake::{self, Intake, number};
use crate::sync::report::RunReport;
use crate::sync::shape::Shape;
use crate::sync::writer::{self, Context, Written};
use crate::sync::{policy, refusals};

/// A page is written again this often where the store failed: another writer may have been in the way.
const WRITE_ATTEMPTS: u32 = 3;

/// A reading of a stream.
pub(crate) struct StreamRun {
    pub(crate) spec: StreamSpec,
    pub(crate) context: Context,
    pub(crate) reading: Reading,
    /// Keys of the stream's refusals.
    refused: HashSet<String>,
    /// What its records looked like before.
    pub(crate) known_shape: Shape,
    /// What they look like in this reading.
    pub(crate) shape: Shape,
    /// What shows whether records moved from page to page while it read.
    pub(crate) signs: Signs,
}

/// What a reading can tell of whether its source held still. Pages that are numbered or counted shift when a record comes
/// or goes: one record is then met twice, or another not at all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signs {
    /// How many records there are, as the first page said.
    total: Option<u64>,
    /// Whether anything was seen to move.
    pub(crate) moved: bool,
}

impl Signs {
    pub(crate) fn note(&mut self, total: Option<u64>) {
        self.moved |= self.total.is_some() && total.is_some() && self.total != total;
        self.total = self.total.or(total);
    }
}

/// Where a page's writes go.
enum Target<'a> {
    /// Into a transaction of its own.
    Store,
    /// Into one that is never committed.
    Nowhere(&'a mut Journal),
}

impl StreamRun {
    /// Opens the reading to do now, through `db`: while a dry run holds SQLite's one writer, that is its transaction.
    pub(crate) async fn open(run: &Run<'_>, spec: StreamSpec, db: &impl ConnectionTrait) -> Result<Self> {
        let source_id = &run.source.id;
        let incomplete = refusals::any_awaits(db, source_id, spec.name).await?
            || claims::any_incomplete(db, source_id, spec.name).await?;
        let plan = Plan {
            replication: spec.replication,
            // A dry run starts over: it has no business with a reading that was broken off.
            full: run.options.full || run.options.dry_run,
            incomplete,
            full_every: run.engine.settings.full_every,
            overlap: run.engine.settings.overlap,
            mapping_version: run.connector.manifest().mapping_version.into(),
        };
        let reading = Reading::open(db, source_id, spec.name, plan, run.engine.clock.now()).await?;
        let known_shape = Shape::load(db, source_id, spec.name).await?;
        let context = Context {
            source_id: source_id.clone(),
            source_name: run.source.display_name().to_owned(),
            stream: spec.name.to_owned(),
            priorities: run.priorities.clone(),
            form: (run.source.drift == Drift::Refuse).then(|| known_shape.clone()),
            ..Context::default()
        };
        let refused = refusals::keys(db, source_id, spec.name).await?;
        // Between two runs anything may have moved.
        let signs = Signs { moved: reading.position != Position::Start, ..Signs::default() };
        Ok(Self { spec, context, reading, refused, known_shape, shape: Shape::default(), signs })
    }

    /// Reads a stream to its end. `None` where the system does not offer it.
    pub(crate) async fn read(run: &Run<'_>, spec: StreamSpec, report: &mut RunReport) -> Result<Option<Self>> {
        let mut stream = Self::open(run, spec, &run.engine.db).await?;
        if stream.reading.mode == SyncMode::Full {
            report.mode = SyncMode::Full;
        }
        let offered = stream.read_pages(run, report, None).await?;
        Ok(offered.then_some(stream))
    }

    /// Reads and writes page after page. `false` where the system does not offer the stream.
    pub(crate) async fn read_pages(
        &mut self,
        run: &Run<'_>,
        report: &mut RunReport,
        mut dry: Option<&mut Journal>,
    ) -> Result<bool> {
        let first = match &self.reading.position {
            Position::End => return Ok(true),
            Position::Start => None,
            Position::Page(token) => Some(token.clone()),
        };
        let since = self.reading.since();
        let spec = self.spec;
        let asked_at = run.engine.clock.now();
        let mut batch = match fetch(run, &spec, since, first.as_deref()).await {
            Ok(page) => Batch::of(page, asked_at),
            Err(error) if self.spec.optional && first.is_none() && error.kind() == ErrorKind::NotFound => {
                tracing::info!(stream = self.spec.name, "the system does not offer this stream");
                return Ok(false);
            }
            // The place where an earlier run was broken off is no longer good: the next run starts over.
            Err(error) if first.is_some() && !policy::place_may_be_good(error.kind()) => {
                self.start_over(run).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let mut ahead = Ahead::new(run, spec, since);
        loop {
            if run.options.cancel.is_cancelled() {
                return Err(cancelled());
            }
            batch.totals.iter().for_each(|total| self.signs.note(*total));
            self.reading.position = batch.next.clone().map_or(Position::End, Position::Page);
            let target = dry.as_deref_mut().map_or(Target::Store, Target::Nowhere);
            let is_written = AtomicBool::new(false);
            let write = async {
                let written = self.write(run, &batch, target, report).await;
                is_written.store(true, Ordering::Relaxed);
                written
            };
            // The next pages are fetched while these are written.
            let (written, following) = tokio::join!(write, ahead.fetch(batch.next.as_deref(), &is_written));
            written?;
            match following {
                Some(following) => batch = following,
                None => break,
            }
        }
        match ahead.end {
            Ended::Whole => Ok(true),
            Ended::Failed(error) => Err(error),
            Ended::InACircle => {
                // Going on in a circle helps nobody: the next run starts over.
                if dry.is_none() {
                    self.start_over(run).await?;
                }
                Err(Error::new(ErrorKind::Paging, "the system's paging goes in a circle: a page came again"))
            }
        }
    }

    async fn write(
        &mut self,
        run: &Run<'_>,
        page: &Batch,
        mut target: Target<'_>,
        report: &mut RunReport,
    ) -> Result<()> {
        let mut attempt = 1;
        let written = loop {
            let outcome = match &mut target {
                Target::Store => self.write_once(run, page).await,
                Target::Nowhere(journal) => self.write_into(run, page, journal).await,
            };
            match outcome {
                // Another writer may have taken the same key, or both waited for each other.
                Err(error)
                    if error.kind() == ErrorKind::Store
                        && attempt < WRITE_ATTEMPTS
                        && matches!(target, Target::Store) =>
                {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a page is written again");
                    attempt += 1;
                }
                outcome => break outcome?,
            }
        };
        self.refused.extend(written.rejected.iter().map(refusals::Rejected::key));
        self.shape.merge(&written.shape);
        self.signs.moved |= written.repeated;
        let tally = &mut report.tally;
        tally.created += written.created;
        tally.updated += written.updated;
        tally.unchanged += written.unchanged;
        tally.deleted += written.deleted;
        tally.refused += u32::try_from(written.rejected.len()).unwrap_or(u32::MAX);
        tally.read += written.read;
        run.engine.progressed(&Progress {
            source_id: run.source.id.clone(),
            stream: self.spec.name.to_owned(),
            read: tally.read.into(),
            total: page.totals.last().copied().flatten(),
        });
        run.milestones.note(&run.engine.db, report).await;
        Ok(())
    }

    /// Writes a page in a transaction of its own, with the checkpoint. A page that says nothing new writes nothing: the
    /// checkpoint then stays at an earlier page, and what was met since is met again.
    async fn write_once<'p>(&mut self, run: &Run<'_>, page: &'p Batch) -> Result<Written<'p>> {
        let engine = run.engine;
        let db = &engine.db;
        let intake = intake::sort(db, run.connector, &self.context, page, &self.reading.seen).await?;
        let taken_again = intake.unchanged.iter().any(|key| self.refused.contains(key));
        if intake.changed.is_empty() && intake.gone.is_empty() && intake.rejected.is_empty() && !taken_again {
            self.note(&intake.seen, intake.latest_change);
            run.lease.renew_when_half_over(db, engine.clock.now()).await?;
            return Ok(Written {
                read: intake.read,
                unchanged: count(intake.unchanged.len()),
                shape: intake.shape,
                repeated: intake.repeated,
                ..Written::default()
            });
        }
        let mut journal = Journal::begin(db, engine.clock.now()).await?;
        run.lease.renew(journal.connection(), journal.at()).await?;
        let latest_change = intake.latest_change;
        let written = self.write_intake(&mut journal, intake).await?;
        // Noted before the commit, since the checkpoint in it must hold them; and taken back where that fails, or a
        // page that is written again would find its own records met already.
        let before = (self.reading.seen.clone(), self.reading.latest_change);
        self.note(&written.seen, latest_change);
        let committed = async {
            self.reading.save(journal.connection()).await?;
            engine.commit(journal).await
        };
        if let Err(error) = committed.await {
            (self.reading.seen, self.reading.latest_change) = before;
            return Err(error);
        }
        Ok(written)
    }

    async fn write_into<'p>(&mut self, run: &Run<'_>, page: &'p Batch, journal: &mut Journal) -> Result<Written<'p>> {
        let intake = intake::sort(journal.connection(), run.connector, &self.context, page, &self.reading.seen).await?;
        let latest_change = intake.latest_change;
        let written = self.write_intake(journal, intake).await?;
        self.note(&written.seen, latest_change);
        Ok(written)
    }

    async fn write_intake<'p>(&self, journal: &mut Journal, intake: Intake<'p>) -> Result<Written<'p>> {
        let mut written = Written {
            read: intake.read,
            unchanged: count(intake.unchanged.len()),
            rejected: intake.rejected,
            seen: intake.seen,
            taken: intake.unchanged,
            shape: intake.shape,
            repeated: intake.repeated,
            ..Written::default()
        };
        writer::write(journal, &self.context, intake.changed, &mut written).await?;
        writer::retire(journal, &self.context, intake.gone, &mut written).await?;
        writer::write_refusals(journal, &self.context, &written, &self.refused).await?;
        Ok(written)
    }

    fn note(&mut self, seen: &[i64], latest_change: Option<DateTime<Utc>>) {
        self.reading.seen.extend(seen.iter().copied().map(number));
        self.reading.note_change(latest_change);
    }

    /// Writes that no reading is under way: the next run starts over.
    pub(crate) async fn start_over(&self, run: &Run<'_>) -> Result<()> {
        let journal = Journal::begin(&run.engine.db, run.engine.clock.now()).await?;
        run.lease.renew(journal.connection(), journal.at()).await?;
        self.reading.forget(journal.connection()).await?;
        run.engine.commit(journal).await
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
