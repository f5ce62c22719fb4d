//! One record asked for by itself, because somebody reads it and what is stored may be out of date. It is mapped, judged
//! and written as a page of a run is, in a transaction of its own.
//!
//! It takes no lease: it writes behind a lock on its source's row, as each page of a run does, and only where nothing was
//! written of the record since before it was asked for. What is not there is not deleted: one record that is missing
//! cannot be told from a system that has lost its way, and runs have guards for that.

use std::collections::HashSet;

use entity::journal::Journal;
use entity::source;
use futures::FutureExt;
use futures::future::BoxFuture;
use roaring::RoaringTreemap;
use sea_orm::sea_query::LockType;
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect};

use crate::connector::{Connector, Page};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Drift, SourceSettings};
use crate::sync::ahead::Batch;
use crate::sync::claims;
use crate::sync::engine::Engine;
use crate::sync::intake::{self, Intake};
use crate::sync::shape::Shape;
use crate::sync::writer::{self, Context, Written};
use crate::systems;

/// What came of asking for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rechecked {
    /// It is as it is stored.
    Unchanged,
    /// It was another, and is written.
    Changed,
    /// The system does not know it by itself. The next run finds out what that means.
    Unknown,
}

impl Engine {
    /// Asks a source for one record of a stream, and writes what it says. Asks once; the source's places and rate hold.
    ///
    /// # Errors
    /// What the system fails with, and [`ErrorKind::Malformed`] where it gives a record that cannot be taken.
    pub fn recheck<'a>(
        &'a self,
        source: &'a SourceSettings,
        stream: &'a str,
        external_id: &'a str,
    ) -> BoxFuture<'a, Result<Rechecked>> {
        self.ask_for_one(source, stream, external_id).boxed()
    }

    async fn ask_for_one(&self, source: &SourceSettings, stream: &str, external_id: &str) -> Result<Rechecked> {
        let connector = systems::connector(source)?;
        let connector = connector.as_ref();
        let context = self.context_of(source, stream).await?;
        let before = stored(&self.db, connector, &context, external_id).await?;
        let asked_at = self.clock.now();
        let Some(raw) = connector.read_one(&self.api(source)?, stream, external_id).await? else {
            return Ok(Rechecked::Unknown);
        };
        let batch = Batch::of(Page { records: vec![raw], ..Page::default() }, asked_at);
        // Most say what they said: that takes no transaction.
        if !is_news(&sort(&self.db, connector, &context, &batch).await?, external_id)? {
            // A run may have been faster, and have written what is passed by here.
            let is_same = stored(&self.db, connector, &context, external_id).await? == before;
            return Ok(if is_same { Rechecked::Unchanged } else { Rechecked::Changed });
        }
        let mut journal = Journal::begin(&self.db, self.clock.now()).await?;
        source::Entity::find_by_id(&source.id).lock(LockType::NoKeyUpdate).one(journal.connection()).await?;
        let intake = sort(journal.connection(), connector, &context, &batch).await?;
        if stored(journal.connection(), connector, &context, external_id).await? != before {
            // A run was faster, and may know better.
            return Ok(Rechecked::Changed);
        }
        if !is_news(&intake, external_id)? {
            return Ok(Rechecked::Unchanged);
        }
        let mut written = Written::default();
        writer::write(&mut journal, &context, intake.changed, &mut written).await?;
        writer::retire(&mut journal, &context, intake.gone, &mut written).await?;
        if !written.rejected.is_empty() {
            return Err(untaken());
        }
        self.commit(journal).await?;
        Ok(Rechecked::Changed)
    }

    async fn context_of(&self, source: &SourceSettings, stream: &str) -> Result<Context> {
        let form = match source.drift {
            Drift::Refuse => Some(Shape::load(&self.db, &source.id, stream).await?),
            Drift::Accept => None,
        };
        Ok(Context {
            source_id: source.id.clone(),
            source_name: source.display_name().to_owned(),
            stream: stream.to_owned(),
            priorities: self.priorities().await?,
            form,
            ..Context::default()
        })
    }
}

async fn sort<'a>(
    db: &impl ConnectionTrait,
    connector: &dyn Connector,
    context: &Context,
    batch: &'a Batch,
) -> Result<Intake<'a>> {
    intake::sort(db, connector, context, batch, &RoaringTreemap::new()).await
}

/// What is stored of what the source said of a record: its fingerprint, and whether it still tells of it.
async fn stored(
    db: &impl ConnectionTrait,
    connector: &dyn Connector,
    context: &Context,
    external_id: &str,
) -> Result<Vec<(Vec<u8>, bool)>> {
    let streams = connector.manifest().streams.iter().filter(|spec| spec.name == context.stream);
    let types = streams.flat_map(|spec| spec.records.iter().copied());
    let keys: HashSet<_> = types.map(|record_type| (record_type, external_id.to_owned())).collect();
    let mut heads: Vec<_> = claims::heads(db, &context.source_id, &keys).await?.into_values().collect();
    heads.sort_by_key(|head| head.id);
    Ok(heads.into_iter().map(|head| (head.content_hash, head.deleted_at.is_none())).collect())
}

/// Whether it says something new of the record that was asked for.
///
/// # Errors
/// Where it cannot be taken, or is of another record.
fn is_news(intake: &Intake<'_>, external_id: &str) -> Result<bool> {
    if !intake.rejected.is_empty() {
        return Err(untaken());
    }
    let changed = intake.changed.iter().map(|incoming| &incoming.external_id);
    let gone = intake.gone.iter().map(|head| &head.external_id);
    let mut met = changed.chain(gone).chain(&intake.unchanged);
    if met.any(|id| id != external_id) {
        return Err(Error::new(ErrorKind::Malformed, "another record came than the one that was asked for"));
    }
    Ok(!intake.changed.is_empty() || !intake.gone.is_empty())
}

fn untaken() -> Error {
    Error::new(ErrorKind::Malformed, "a record was asked for by itself, and what came cannot be taken")
}
