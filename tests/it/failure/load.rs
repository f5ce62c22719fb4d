//! Clients that read and write all the time, and remember what they were told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::ChangeAction;
use entity::{change, need};
use futures::future::try_join_all;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use tests::until;
use uuid::Uuid;

use super::stage::{Stage, Told};
use super::tally::Tally;

/// Clients that write: those before the last send again what they were told to, under the same key.
const WRITERS: usize = 3;
/// A client that was told to come again waits so long, which is less than it was told: this is to be hard on the hub.
const PAUSE: Duration = Duration::from_millis(100);

/// What clients were told.
#[derive(Default)]
pub(super) struct Load {
    has_ended: AtomicBool,
    pub(super) answered: AtomicUsize,
    /// Answered as it was last known.
    pub(super) stale: AtomicUsize,
    /// Told to come again, of those who read and of those who write.
    pub(super) refused: AtomicUsize,
    pub(super) not_written: AtomicUsize,
    /// The titles of what was sent to be written.
    sent: Mutex<Vec<String>>,
    tally: OnceLock<Tally>,
    /// The titles of what they were told to be written, with the id that they were told.
    written: Mutex<Vec<(String, String)>>,
}

impl Load {
    /// Reads and writes as long as `script` runs.
    pub(super) async fn during(&self, stage: &Stage, script: impl Future<Output = Result<()>>) -> Result<()> {
        // There is something to be given as it was last known.
        stage.ask_kept().await?;
        let tally = Tally::begin(stage).await?;
        let tally = self.tally.get_or_init(|| tally);
        let script = async {
            let done = script.await;
            self.has_ended.store(true, Ordering::Relaxed);
            done
        };
        let readers = try_join_all((0..4).map(|place| self.read(stage, tally, place % 2 == 0)));
        let writers = try_join_all((0..WRITERS).map(|place| self.write(stage, place)));
        let clients = async {
            let told = tokio::try_join!(readers, writers, self.count(stage, tally));
            // What waits for them shall not wait for ever.
            ensure!(told.is_ok() || !self.has_ended(), "{:?}", told.err());
            told.map(drop).with_context(|| stage.log())
        };
        tokio::try_join!(script, clients)?;
        println!(
            "{} answered, {} of them as last known; {} reads and {} writes told to come again; {} written",
            count(&self.answered),
            count(&self.stale),
            count(&self.refused),
            count(&self.not_written),
            self.lock(&self.written).len()
        );
        Ok(())
    }

    /// Waits until so many more were written.
    pub(super) async fn writes(&self, more: usize) -> Result<()> {
        let before = self.lock(&self.written).len();
        until("more was written", async || self.lock(&self.written).len() >= before + more).await
    }

    /// Waits until this count has grown.
    pub(super) async fn sees(&self, what: &str, count_of: impl Fn(&Self) -> &AtomicUsize) -> Result<()> {
        let before = count(count_of(self));
        until(what, async || count(count_of(self)) > before).await
    }

    async fn count(&self, stage: &Stage, tally: &Tally) -> Result<()> {
        while !self.has_ended() {
            tally.count(stage, || self.has_ended(), PAUSE).await?;
        }
        Ok(())
    }

    async fn read(&self, stage: &Stage, tally: &Tally, is_kept: bool) -> Result<()> {
        let mut seen = 0;
        while !self.has_ended() {
            match tally.read(stage, is_kept, &mut seen).await? {
                Told::Answer { stale_for, .. } => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    self.stale.fetch_add(usize::from(stale_for.is_some()), Ordering::Relaxed);
                }
                Told::Later => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn write(&self, stage: &Stage, place: usize) -> Result<()> {
        let sends_again = place + 1 < WRITERS;
        let mut number = 0;
        while !self.has_ended() {
            let title = format!("Onder druk {place}-{number}");
            number += 1;
            self.lock(&self.sent).push(title.clone());
            loop {
                if let Some(id) = stage.create(&title, sends_again.then_some(title.as_str())).await? {
                    self.lock(&self.written).push((title, id));
                    break;
                }
                self.not_written.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
                if !sends_again || self.has_ended() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Holds what clients were told against what is stored and what the change feed says.
    pub(super) async fn is_kept_in(&self, db: &DatabaseConnection) -> Result<()> {
        let mut stored: HashMap<String, Vec<Uuid>> = HashMap::new();
        let mut of_load = HashMap::new();
        for need in need::Entity::find().filter(need::Column::Title.starts_with("Onder druk ")).all(db).await? {
            of_load.insert(need.id, 0);
            stored.entry(need.title).or_default().push(need.id);
        }
        for title in self.lock(&self.sent).iter() {
            ensure!(stored.get(title).is_none_or(|ids| ids.len() == 1), "{title} is stored twice");
        }
        let written = self.lock(&self.written).clone();
        ensure!(!written.is_empty());
        for (title, id) in &written {
            let told = GlobalId::parse(id).ok().and_then(|id| id.uuid_of(Kind::Need)).context("an id of a need")?;
            ensure!(stored.get(title) == Some(&vec![told]), "{title} was told to be written as {told}, and is not");
        }
        for change in change::Entity::find().all(db).await? {
            if let Some(changes) = of_load.get_mut(&change.record_id) {
                ensure!(change.action == ChangeAction::Created, "{change:?}");
                *changes += 1;
            }
        }
        ensure!(of_load.values().all(|changes| *changes == 1), "the change feed does not tell of each once");
        self.tally.get().context("what was counted")?.is_kept_in(db).await?;
        println!("{} were told to be written, and are; {} are stored", written.len(), of_load.len());
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    fn lock<'a, T>(&self, shared: &'a Mutex<T>) -> std::sync::MutexGuard<'a, T> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(of: &AtomicUsize) -> usize {
    of.load(Ordering::Relaxed)
}
