//! How far the reading of a stream has come. Written in the transaction of the page it speaks of, so that a run that
//! dies anywhere is taken up where its last committed page ended.

use chrono::{DateTime, TimeDelta, Utc};
use entity::checkpoint;
use entity::vocabulary::SyncMode;
use roaring::RoaringTreemap;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable};

use crate::connector::Replication;
use crate::error::{Error, ErrorKind, Result};

/// A reading that was broken off longer ago than this starts over: its page tokens are hardly good any more.
const RESUME_WITHIN: TimeDelta = TimeDelta::hours(1);
/// What stands in `page_token` once the last page has been written, and the stream has not been concluded yet.
const AT_END: &str = "end";
/// What page tokens are stored behind, so that none is taken for [`AT_END`].
const PAGE: &str = "page:";

/// Where a reading stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Before its first page.
    Start,
    /// Before the page of this token.
    Page(String),
    /// Behind its last page.
    End,
}

/// A reading of a stream under way.
#[derive(Debug)]
pub(crate) struct Reading {
    row: checkpoint::Model,
    /// How it reads.
    pub(crate) mode: SyncMode,
    /// When it began.
    pub(crate) began_at: DateTime<Utc>,
    /// Where it stands.
    pub(crate) position: Position,
    /// The claims it has seen.
    pub(crate) seen: RoaringTreemap,
    /// The latest change it has seen.
    pub(crate) latest_change: Option<DateTime<Utc>>,
    /// Whether it goes on with one that was broken off.
    pub(crate) resumed: bool,
    overlap: TimeDelta,
    mapping_version: i64,
}

/// What decides how a stream is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// What the stream can do.
    pub(crate) replication: Replication,
    /// Whether somebody asked for a full reading.
    pub(crate) full: bool,
    /// Whether records were set aside that a full reading may bring in.
    pub(crate) incomplete: bool,
    /// A full reading is due this long after the last.
    pub(crate) full_every: TimeDelta,
    /// An incremental reading asks for changes from so long before the watermark.
    pub(crate) overlap: TimeDelta,
    /// The version of the connector's mapping. Records that went through another one are all read again.
    pub(crate) mapping_version: i64,
}

impl Reading {
    /// The reading to do now: the one that was broken off, where it still makes sense, else a new one.
    pub(crate) async fn open(
        db: &impl ConnectionTrait,
        source_id: &str,
        stream: &str,
        plan: Plan,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let key = (source_id.to_owned(), stream.to_owned());
        let row = checkpoint::Entity::find_by_id(key).one(db).await?.unwrap_or_else(|| checkpoint::Model {
            source_id: source_id.to_owned(),
            stream: stream.to_owned(),
            page_token: None,
            mode: None,
            reading_since: None,
            reading_watermark: None,
            seen: None,
            watermark: None,
            confirmed_at: None,
            full_at: None,
            mapping_version: None,
        });
        let same_mapping = row.mapping_version == Some(plan.mapping_version);
        if !plan.full
            && (same_mapping || row.mode == Some(SyncMode::Full))
            && let Some(reading) = Self::resume(&row, plan, now)?
        {
            return Ok(reading);
        }
        let full_is_due = row.full_at.is_none_or(|full_at| now - full_at >= plan.full_every);
        let incremental = plan.replication == Replication::Since
            && !plan.full
            && !plan.incomplete
            && !full_is_due
            && same_mapping
            && row.watermark.is_some();
        Ok(Self {
            mode: if incremental { SyncMode::Incremental } else { SyncMode::Full },
            began_at: now,
            position: Position::Start,
            seen: RoaringTreemap::new(),
            latest_change: None,
            resumed: false,
            overlap: plan.overlap,
            mapping_version: plan.mapping_version,
            row,
        })
    }

    fn resume(row: &checkpoint::Model, plan: Plan, now: DateTime<Utc>) -> Result<Option<Self>> {
        let (Some(token), Some(mode), Some(began_at)) = (&row.page_token, row.mode, row.reading_since) else {
            return Ok(None);
        };
        if now - began_at > RESUME_WITHIN {
            return Ok(None);
        }
        let position = match token.strip_prefix(PAGE) {
            Some(token) => Position::Page(token.to_owned()),
            None => Position::End,
        };
        let seen = match &row.seen {
            Some(bytes) => RoaringTreemap::deserialize_from(bytes.as_slice()).map_err(|error| {
                Error::new(ErrorKind::Store, "a checkpoint is damaged; run with --full").because(error)
            })?,
            None => RoaringTreemap::new(),
        };
        Ok(Some(Self {
            row: row.clone(),
            mode,
            began_at,
            position,
            seen,
            latest_change: row.reading_watermark,
            resumed: true,
            overlap: plan.overlap,
            mapping_version: plan.mapping_version,
        }))
    }

    /// From when on an incremental reading asks for changes, inclusive. A while before the watermark: a system may date a
    /// change when it begins to write it, and show it only later.
    pub(crate) fn since(&self) -> Option<DateTime<Utc>> {
        match self.mode {
            SyncMode::Incremental => self.row.watermark.map(|watermark| watermark - self.overlap),
            SyncMode::Full => None,
        }
    }

    /// Takes note of a change that a record was dated with.
    pub(crate) fn note_change(&mut self, at: Option<DateTime<Utc>>) {
        self.latest_change = self.latest_change.max(at);
    }

    /// Writes where the reading stands.
    pub(crate) async fn save(&mut self, db: &impl ConnectionTrait) -> Result<()> {
        let mut seen = Vec::new();
        self.seen
            .serialize_into(&mut seen)
            .map_err(|error| Error::new(ErrorKind::Store, "a checkpoint could not be written").because(error))?;
        self.row.page_token = match &self.position {
            Position::Start => None,
            Position::Page(token) => Some(format!("{PAGE}{token}")),
            Position::End => Some(AT_END.to_owned()),
        };
        self.row.mode = Some(self.mode);
        self.row.reading_since = Some(self.began_at);
        self.row.reading_watermark = self.latest_change;
        self.row.seen = Some(seen);
        Ok(write(db, &self.row).await?)
    }

    /// Writes that the reading has come to its end: the next one starts at what this one saw. The watermark never
    /// goes past the start of the reading: what changed meanwhile is asked for again. Where records moved from page to
    /// page (not `steady`) one may have slipped through: the watermark then stays where it was.
    pub(crate) async fn conclude(
        mut self,
        db: &impl ConnectionTrait,
        now: DateTime<Utc>,
        steady: bool,
    ) -> Result<(), DbErr> {
        if steady {
            self.row.watermark = self.latest_change.map(|at| at.min(self.began_at)).max(self.row.watermark);
        }
        self.row.confirmed_at = Some(now);
        if self.mode == SyncMode::Full {
            self.row.full_at = Some(now);
            // The pages before a break may have gone through another version.
            if !self.resumed {
                self.row.mapping_version = Some(self.mapping_version);
            }
        }
        self.forget(db).await
    }

    /// Writes that no reading is under way: the next one starts over.
    pub(crate) async fn forget(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let row = checkpoint::Model {
            page_token: None,
            mode: None,
            reading_since: None,
            reading_watermark: None,
            seen: None,
            ..self.row.clone()
        };
        write(db, &row).await
    }
}

async fn write(db: &impl ConnectionTrait, row: &checkpoint::Model) -> Result<(), DbErr> {
    checkpoint::Entity::insert(row.clone().into_active_model())
        .on_conflict(
            OnConflict::columns([checkpoint::Column::SourceId, checkpoint::Column::Stream])
                .update_columns(checkpoint::Column::iter().skip(2))
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}
