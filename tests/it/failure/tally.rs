//! A need whose title and description count on, written by one client and held against by all who read it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use entity::change;
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::ChangeAction;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::stage::{Stage, Told};

/// An answer says how old it may be in whole seconds.
const ROUNDED: Duration = Duration::from_secs(1);

/// What was counted.
pub(super) struct Tally {
    /// The need, by global id.
    need: String,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    /// The last number that was sent to be written.
    sent: u64,
    /// When each number was told to be written.
    told: Vec<Instant>,
}

impl Tally {
    /// Begins with 0.
    pub(super) async fn begin(stage: &Stage) -> Result<Self> {
        let need = stage.create("Stand 0", None).await?.context("it begins when nothing is wrong")?;
        let tally = Self { need, counted: Mutex::default() };
        while !tally.write(stage, 0).await? {}
        tally.lock().told.push(Instant::now());
        Ok(tally)
    }

    /// Counts one on, as often as it takes. `false`: that is given up, for it is over.
    pub(super) async fn count(&self, stage: &Stage, is_over: impl Fn() -> bool, pause: Duration) -> Result<bool> {
        let number = {
            let mut counted = self.lock();
            counted.sent += 1;
            counted.sent
        };
        while !self.write(stage, number).await? {
            if is_over() {
                return Ok(false);
            }
            tokio::time::sleep(pause).await;
        }
        self.lock().told.push(Instant::now());
        Ok(true)
    }

    /// Under a key of its own, so that what was written and not told is written once.
    async fn write(&self, stage: &Stage, number: u64) -> Result<bool> {
        let query = "mutation ($input: UpdateNeedInput!) { updateNeed(input: $input) { need { title } userErrors { message } } }";
        let (title, description) = (format!("Stand {number}"), format!("Het is {number}"));
        let input = json!({ "id": self.need, "title": title, "description": description });
        let body = json!({ "query": query, "variables": { "input": input } });
        match stage.ask(body, Some(Some(&format!("tally {number}")))).await? {
            Told::Later => Ok(false),
            Told::Answer { data, .. } => {
                ensure!(data["updateNeed"]["userErrors"] == json!([]), "{data}");
                Ok(true)
            }
        }
    }

    /// Asks for it, as it is kept or anew, and holds the answer against what was written; `seen` is what whoever asks was
    /// told before.
    pub(super) async fn read(&self, stage: &Stage, is_kept: bool, seen: &mut u64) -> Result<Told> {
        let asked = Instant::now();
        let told = stage.ask_need(&self.need, is_kept).await?;
        if let Told::Answer { data, stale_for } = &told {
            let need = &data["node"];
            let number: u64 = need["title"]
                .as_str()
                .and_then(|title| title.strip_prefix("Stand ")?.parse().ok())
                .with_context(|| data.to_string())?;
            ensure!(need["description"] == format!("Het is {number}"), "two states in one answer: {data}");
            let counted = self.lock();
            ensure!(number <= counted.sent, "{number} was never written: {data}");
            // As old as it says, and no older.
            let since = stale_for.map_or(Some(asked), |age| asked.checked_sub(age + ROUNDED));
            let told_before = counted.told.iter().filter(|told| since.is_some_and(|since| **told <= since)).count();
            let least = u64::try_from(told_before)?.saturating_sub(1);
            ensure!(
                number >= least,
                "{number}, where {least} was told to be written before, in an answer {stale_for:?} old:\n{}",
                stage.log()
            );
            if stale_for.is_none() {
                ensure!(number >= *seen, "{number} after {seen} was told");
                *seen = number;
            }
        }
        Ok(told)
    }

    /// Holds what was told against what is stored and what the change feed says.
    pub(super) async fn is_kept_in(&self, db: &DatabaseConnection) -> Result<()> {
        let id = GlobalId::parse(&self.need).ok().and_then(|id| id.uuid_of(Kind::Need)).context("an id of a need")?;
        let need = entity::need::Entity::find_by_id(id).one(db).await?.context("the need that was counted in")?;
        let number: u64 = need.title.strip_prefix("Stand ").context("its title")?.parse()?;
        let (told, sent) = {
            let counted = self.lock();
            (u64::try_from(counted.told.len())? - 1, counted.sent)
        };
        ensure!(
            (told..=sent).contains(&number),
            "{number} is stored, of {told} that were told and {sent} that were sent"
        );
        let changes = change::Entity::find().filter(change::Column::RecordId.eq(id));
        let updates = changes.filter(change::Column::Action.eq(ChangeAction::Updated)).count(db).await?;
        // The first gave it its description.
        ensure!(updates == number + 1, "{updates} changes for {number} numbers");
        println!("counted to {number}, {told} of which were told");
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
