//! One reading of one stream: page after page while the next is on its way, and its conclusion.

use std::collections::HashSet;

use entity::journal::Journal;
use entity::vocabulary::SyncMode;
use sea_orm::ConnectionTrait;

use crate::connector::{Page, ReadRequest, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::checkpoint::{Plan, Position, Reading};
use crate::sync::claims::{self, Head};
use crate::sync::engine::{Progress, Run, RunReport};
use crate::sync::intake::{self, Intake, number};
use crate::sync::writer::{self, Context, Written};
use crate::sync::{policy, refusals};

/// Claims taken back in one transaction.
const RETIRE_AT_ONCE: usize = 500;
/// A page is written again this often where the store failed: another writer may have been in the way.
const WRITE_ATTEMPTS: u32 = 3;

/// A reading of a stream.
pub(crate) struct StreamRun {
    spec: &'static StreamSpec,
    context: Context,
    reading: Reading,
    /// Keys of the stream's refusals when the reading began.
    refused: HashSet<String>,
    /// Tokens of pages read: one that comes again would go on for ever.
    tokens: HashSet<String>,
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
    async fn open(run: &Run<'_>, spec: &'static StreamSpec, db: &impl ConnectionTrait) -> Result<Self> {
        let source_id = &run.source.id;
        let incomplete = refusals::any_awaits(db, source_id, spec.name).await?
            || claims::any_incomplete(db, source_id, spec.name).await?;
        let plan = Plan {
            replication: spec.replication,
            // A dry run starts over: it has no business with a reading that was broken off.
            full: run.options.full || run.options.dry_run,
            incomplete,
            full_every: run.engine.settings.full_every,
        };
        let reading = Reading::open(db, source_id, spec.name, plan, run.engine.clock.now()).await?;
        let context = Context {
            source_id: source_id.clone(),
            source_name: run.source.display_name().to_owned(),
            stream: spec.name.to_owned(),
            priorities: run.priorities.clone(),
        };
        let refused = refusals::keys(db, source_id, spec.name).await?;
        Ok(Self { spec, context, reading, refused, tokens: HashSet::new() })
    }

    /// Reads a stream to its end. `None` where the system does not offer it.
    pub(crate) async fn read(run: &Run<'_>, spec: &'static StreamSpec, report: &mut RunReport) -> Result<Option<Self>> {
        let mut stream = Self::open(run, spec, &run.engine.db).await?;
        if stream.reading.mode == SyncMode::Full {
            report.mode = SyncMode::Full;
        }
        let offered = stream.read_pages(run, report, None).await?;
        Ok(offered.then_some(stream))
    }

    /// Reads streams into one transaction that is never committed, so that records find those they point to.
    pub(crate) async fn dry(
        run: &Run<'_>,
        specs: &[&'static StreamSpec],
        report: &mut RunReport,
    ) -> Result<Vec<String>> {
        let mut journal = Journal::begin(&run.engine.db, run.engine.clock.now()).await?;
        let mut held = Vec::new();
        report.mode = SyncMode::Full;
        for spec in specs {
            let mut stream = Self::open(run, spec, journal.connection()).await?;
            if !stream.read_pages(run, report, Some(&mut journal)).await? {
                continue;
            }
            let gone = stream.gone(run, journal.connection()).await?;
            match stream.hold(run, &gone) {
                Some(reason) => held.push(reason),
                None => report.tally.deleted += u32::try_from(gone.len()).unwrap_or(u32::MAX),
            }
        }
        drop(journal);
        Ok(held)
    }

    /// Reads and writes page after page. `false` where the system does not offer the stream.
    async fn read_pages(
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
        let mut page = match fetch(run, spec, since, first.as_deref()).await {
            Ok(page) => page,
            Err(error) if self.spec.optional && first.is_none() && error.kind() == ErrorKind::NotFound => {
                tracing::info!(stream = self.spec.name, "the system does not offer this stream");
                return Ok(false);
            }
            // The place where an earlier run was broken off is no longer good: the next run starts over.
            Err(error) if first.is_some() && !matches!(error.kind(), ErrorKind::Cancelled) => {
                self.start_over(run).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        loop {
            if run.options.cancel.is_cancelled() {
                return Err(Error::new(
                    ErrorKind::Cancelled,
                    "stopped before its end; the next run goes on from there",
                ));
            }
            let next = page.next.take();
            if let Some(token) = &next
                && !self.tokens.insert(token.clone())
            {
                return Err(Error::new(ErrorKind::Paging, "the system's paging goes in a circle: a page came again"));
            }
            self.reading.position = next.clone().map_or(Position::End, Position::Page);
            let target = dry.as_deref_mut().map_or(Target::Store, Target::Nowhere);
            let write = self.write(run, &page, target, report);
            // The next page is fetched while this one is written.
            let following = async {
                match &next {
                    Some(token) => fetch(run, spec, since, Some(token)).await.map(Some),
                    None => Ok(None),
                }
            };
            let (written, following) = tokio::join!(write, following);
            written?;
            match following? {
                Some(following) => page = following,
                None => return Ok(true),
            }
        }
    }

    async fn write(
        &mut self,
        run: &Run<'_>,
        page: &Page,
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
        let refused = u32::try_from(written.rejected.len()).unwrap_or(u32::MAX);
        let tally = &mut report.tally;
        tally.created += written.created;
        tally.updated += written.updated;
        tally.unchanged += written.unchanged;
        tally.deleted += written.deleted;
        tally.refused += refused;
        tally.read += written.created + written.updated + written.unchanged + refused;
        run.engine.progressed(&Progress {
            source_id: run.source.id.clone(),
            stream: self.spec.name.to_owned(),
            read: tally.read.into(),
            total: page.total,
        });
        Ok(())
    }

    /// Writes a page in a transaction of its own, with the checkpoint. A page that says nothing new writes nothing: the
    /// checkpoint then stays at an earlier page, and what was met since is met again.
    async fn write_once<'p>(&mut self, run: &Run<'_>, page: &'p Page) -> Result<Written<'p>> {
        let engine = run.engine;
        let db = &engine.db;
        let intake = intake::sort(db, run.connector, &self.context, &page.records, &self.reading.seen).await?;
        let taken_again = intake.unchanged.iter().any(|key| self.refused.contains(key));
        if intake.changed.is_empty() && intake.gone.is_empty() && intake.rejected.is_empty() && !taken_again {
            let written = Written { unchanged: count(intake.unchanged.len()), ..Written::default() };
            self.note(&intake.seen, intake.latest_change);
            run.lease.renew_when_half_over(db, engine.clock.now()).await?;
            return Ok(written);
        }
        let mut journal = Journal::begin(db, engine.clock.now()).await?;
        run.lease.renew(journal.connection(), journal.at()).await?;
        let latest_change = intake.latest_change;
        let written = self.write_intake(&mut journal, intake).await?;
        // Noted before the commit, since the checkpoint in it must hold them; a page that is written again notes them
        // again, which changes nothing.
        self.note(&written.seen, latest_change);
        self.reading.save(journal.connection()).await?;
        engine.commit(journal).await?;
        Ok(written)
    }

    async fn write_into<'p>(&mut self, run: &Run<'_>, page: &'p Page, journal: &mut Journal) -> Result<Written<'p>> {
        let intake =
            intake::sort(journal.connection(), run.connector, &self.context, &page.records, &self.reading.seen).await?;
        let latest_change = intake.latest_change;
        let written = self.write_intake(journal, intake).await?;
        self.note(&written.seen, latest_change);
        Ok(written)
    }

    async fn write_intake<'p>(&self, journal: &mut Journal, intake: Intake<'p>) -> Result<Written<'p>> {
        let mut written = Written {
            unchanged: count(intake.unchanged.len()),
            rejected: intake.rejected,
            seen: intake.seen,
            taken: intake.unchanged,
            ..Written::default()
        };
        writer::write(journal, &self.context, intake.changed, &mut written).await?;
        writer::retire(journal, &self.context, intake.gone, &mut written).await?;
        writer::write_refusals(journal, &self.context, &written, &self.refused).await?;
        Ok(written)
    }

    fn note(&mut self, seen: &[i64], latest_change: Option<chrono::DateTime<chrono::Utc>>) {
        self.reading.seen.extend(seen.iter().copied().map(number));
        self.reading.note_change(latest_change);
    }

    /// Ends the reading: what a full one has not met is gone, unless that is more than may be. Then the reason.
    pub(crate) async fn conclude(self, run: &Run<'_>, report: &mut RunReport) -> Result<Option<String>> {
        let engine = run.engine;
        let full = self.reading.mode == SyncMode::Full;
        if full {
            let gone = self.gone(run, &engine.db).await?;
            if let Some(reason) = self.hold(run, &gone) {
                self.start_over(run).await?;
                return Ok(Some(reason));
            }
            for heads in gone.chunks(RETIRE_AT_ONCE) {
                let mut journal = Journal::begin(&engine.db, engine.clock.now()).await?;
                run.lease.renew(journal.connection(), journal.at()).await?;
                let mut written = Written::default();
                writer::retire(&mut journal, &self.context, heads.to_vec(), &mut written).await?;
                engine.commit(journal).await?;
                report.tally.deleted += written.deleted;
            }
        }
        let journal = Journal::begin(&engine.db, engine.clock.now()).await?;
        run.lease.renew(journal.connection(), journal.at()).await?;
        if full {
            let began_at = self.reading.began_at;
            refusals::clear_gone(journal.connection(), &run.source.id, self.spec.name, began_at).await?;
        }
        let now = journal.at();
        self.reading.conclude(journal.connection(), now).await?;
        engine.commit(journal).await?;
        Ok(None)
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

    /// Why these may not be deleted without somebody's word, where they may not.
    fn hold(&self, run: &Run<'_>, gone: &[Head]) -> Option<String> {
        let settings = &run.engine.settings;
        let met = usize::try_from(self.reading.seen.len()).unwrap_or(usize::MAX);
        let total = met.saturating_add(gone.len());
        #[expect(clippy::cast_precision_loss, reason = "a share of counts far below 2^52")]
        let share = gone.len() as f64 / total.max(1) as f64;
        let too_many = gone.len() > settings.allowed_delete_count && share > settings.allowed_delete_share;
        (too_many && !run.options.allow_mass_delete).then(|| {
            format!(
                "stream `{}` has lost {} of {total} records; nothing of it was deleted. If that is right, run `hub sync {} \
                 --allow-mass-delete`.",
                self.spec.name,
                gone.len(),
                run.source.id
            )
        })
    }

    async fn start_over(&self, run: &Run<'_>) -> Result<()> {
        let journal = Journal::begin(&run.engine.db, run.engine.clock.now()).await?;
        run.lease.renew(journal.connection(), journal.at()).await?;
        self.reading.forget(journal.connection()).await?;
        run.engine.commit(journal).await
    }
}

/// One page, asked for again as the policy says.
async fn fetch(
    run: &Run<'_>,
    spec: &StreamSpec,
    since: Option<chrono::DateTime<chrono::Utc>>,
    token: Option<&str>,
) -> Result<Page> {
    let mut attempt = 0;
    loop {
        let request = ReadRequest { stream: spec.name, since, token };
        let outcome = tokio::select! {
            outcome = run.connector.read(run.api, request) => outcome,
            () = run.options.cancel.cancelled() => {
                Err(Error::new(ErrorKind::Cancelled, "stopped before its end; the next run goes on from there"))
            }
        };
        let error = match outcome {
            Ok(page) => return Ok(page),
            Err(error) => error,
        };
        attempt += 1;
        let Some(wait) = policy::wait_before_retry(&error, attempt) else { return Err(error) };
        tracing::debug!(stream = spec.name, kind = ?error.kind(), attempt, ?wait, "a page is asked for again");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = run.options.cancel.cancelled() => return Err(error),
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
