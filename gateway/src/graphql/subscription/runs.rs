//! `syncRuns`: runs of sources as they begin, get on and end.
//!
//! Runs are not in the journal, and are carried out in whichever process has their source's lease. So the store is asked,
//! in one statement that the primary key answers: for runs that are under way, and for those since the newest that is
//! known. Who follows is an operator; there are few.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use entity::vocabulary::SyncStatus;
use entity::{source, sync_run};
use futures::Stream;
use futures::stream::try_unfold;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::sleep;

use crate::auth::scope;
use crate::error::{Failure, Result};
use crate::graphql::level::Level;
use crate::graphql::reader::Reader;
use crate::graphql::types::source::SyncRun;

/// Time between looks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Processes' clocks, by which runs are numbered, are no further apart than this, in milliseconds.
const APART: u64 = 60_000;
/// Runs that are told at a look.
const MOST: u64 = 100;

/// Somebody who follows runs.
struct Following {
    reader: Arc<Reader>,
    /// Only of this one.
    source: Option<String>,
    /// Runs from here on are looked for, beside those under way.
    since: Uuid,
    /// How the runs that are looked for were when they were told.
    told: HashMap<Uuid, sync_run::Model>,
    waiting: VecDeque<sync_run::Model>,
}

pub(super) async fn follow(
    reader: Arc<Reader>,
    source: Option<String>,
) -> Result<impl Stream<Item = Result<Option<SyncRun>>> + use<>> {
    // Each event is held to the rule as well. Who may not follow is told so at once, and not when something happens.
    if !reader.viewer.may(scope::SYNC_READ) {
        return Err(Failure::Forbidden(scope::SYNC_READ.to_owned()));
    }
    if let Some(id) = &source
        && source::Entity::find_by_id(id).one(&reader.db).await?.is_none()
    {
        return Err(Failure::bad_user_input("`source`: there is none of this identifier."));
    }
    let (told, waiting) = (HashMap::new(), VecDeque::new());
    let mut following = Following { reader, source, since: Uuid::max(), told, waiting };
    following.since = following.newest().await?;
    following.look().await?;
    // What has ended before is not told: only what is under way.
    following.waiting.retain(|run| run.status == SyncStatus::Running);
    Ok(try_unfold(following, async |mut following| {
        let run = following.next().await?;
        following.reader.renew();
        Ok(Some((Level::members(vec![run]).pop().map(SyncRun), following)))
    }))
}

impl Following {
    async fn next(&mut self) -> Result<sync_run::Model> {
        loop {
            if let Some(run) = self.waiting.pop_front() {
                return Ok(run);
            }
            sleep(LOOK_AGAIN).await;
            self.look().await?;
        }
    }

    /// From where runs are looked for that may yet begin.
    async fn newest(&self) -> Result<Uuid> {
        let newest = sync_run::Entity::find()
            .select_only()
            .column(sync_run::Column::Id)
            .order_by_desc(sync_run::Column::Id)
            .limit(1)
            .into_tuple::<Uuid>()
            .one(&self.reader.db)
            .await?;
        Ok(newest.map_or(Uuid::nil(), before))
    }

    /// Finds out which runs are another than they were told, in the order in which they began.
    async fn look(&mut self) -> Result<()> {
        let mut asked = Condition::all().add(
            Condition::any()
                .add(sync_run::Column::Id.gte(self.since))
                .add(sync_run::Column::Id.is_in(self.told.keys().copied()))
                .add(sync_run::Column::Status.eq(SyncStatus::Running)),
        );
        if let Some(source) = &self.source {
            asked = asked.add(sync_run::Column::SourceId.eq(source));
        }
        let mut runs = sync_run::Entity::find()
            .filter(asked)
            .order_by_desc(sync_run::Column::Id)
            .limit(MOST)
            .all(&self.reader.db)
            .await?;
        runs.reverse();
        if let Some(newest) = runs.last() {
            self.since = self.since.max(before(newest.id));
        }
        let since = self.since;
        self.told.retain(|id, run| *id >= since || run.status == SyncStatus::Running);
        for run in runs {
            if self.told.get(&run.id) != Some(&run) {
                self.told.insert(run.id, run.clone());
                self.waiting.push_back(run);
            }
        }
        Ok(())
    }
}

/// The least identity of a run that another process may give yet, where this one is known.
fn before(run_id: Uuid) -> Uuid {
    let millis = run_id.get_timestamp().map_or(0, |at| at.to_unix().0 * 1000 + u64::from(at.to_unix().1) / 1_000_000);
    uuid::Builder::from_unix_timestamp_millis(millis.saturating_sub(APART), &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_begins_by_a_clock_that_is_slow_is_still_looked_for() {
        let known = Uuid::now_v7();
        let bound = before(known);
        assert!(bound < known);
        let (seconds, nanos) = known.get_timestamp().unwrap().to_unix();
        let slow = seconds * 1000 + u64::from(nanos) / 1_000_000 - APART + 1;
        assert!(uuid::Builder::from_unix_timestamp_millis(slow, &[0; 10]).into_uuid() > bound);
        assert_eq!(before(Uuid::nil()), uuid::Builder::from_unix_timestamp_millis(0, &[0; 10]).into_uuid());
    }
}
