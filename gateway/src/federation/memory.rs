//! What the store remembers of partners' graphs: the schemas that they were last joined with, so that a start does without
//! those that are down, and what is wrong with them, for operators.

use std::collections::HashMap;

use entity::{Clock, subgraph};
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseConnection, DbErr, EntityTrait, Set};
use tracing::warn;

use super::compose::Part;

/// The store's rows, and what was last written of each: nothing is written that it knows.
pub(super) struct Memory {
    db: DatabaseConnection,
    clock: Clock,
    known: HashMap<String, subgraph::Model>,
}

impl Memory {
    pub(super) fn new(db: DatabaseConnection, clock: Clock) -> Self {
        Self { db, clock, known: HashMap::new() }
    }

    /// The schema that each was last joined with, of those that are asked where they were. A store that cannot be read has
    /// none.
    pub(super) async fn recall(&mut self, addresses: &HashMap<&str, String>) -> HashMap<String, String> {
        match subgraph::Entity::find().all(&self.db).await {
            Ok(rows) => self.known = rows.into_iter().map(|row| (row.name.clone(), row)).collect(),
            Err(error) => warn!(error = &error as &dyn std::error::Error, "known schemas of subgraphs cannot be read"),
        }
        let is_there = |row: &&subgraph::Model| addresses.get(row.name.as_str()).is_some_and(|url| *url == row.url);
        let rows = self.known.values().filter(is_there);
        rows.filter_map(|row| Some((row.name.clone(), row.sdl.clone()?))).collect()
    }

    /// They are joined with these schemas.
    pub(super) async fn joined(&mut self, parts: &[Part]) {
        let now = self.clock.now();
        for part in parts.iter().filter(|part| !part.url.is_empty()) {
            let before = self.known.get(&part.name).filter(|row| row.sdl.as_ref() == Some(&part.sdl));
            let live_since = before.and_then(|row| row.live_since).unwrap_or(now);
            let (name, url) = (part.name.clone(), part.url.clone());
            let (sdl, live_since) = (Some(part.sdl.clone()), Some(live_since));
            self.write(subgraph::Model { name, url, sdl, live_since, problem: None, looked_at: now }).await;
        }
    }

    /// One cannot be joined with the schema that it has now, or does not tell it.
    pub(super) async fn failed(&mut self, name: &str, url: &str, problem: &str) {
        let (url, problem, looked_at) = (url.to_owned(), Some(problem.to_owned()), self.clock.now());
        let row = match self.known.get(name).filter(|row| row.url == url) {
            Some(row) => subgraph::Model { problem, looked_at, ..row.clone() },
            None => subgraph::Model { name: name.to_owned(), url, sdl: None, live_since: None, problem, looked_at },
        };
        self.write(row).await;
    }

    async fn write(&mut self, row: subgraph::Model) {
        let same = |known: &subgraph::Model| subgraph::Model { looked_at: row.looked_at, ..known.clone() } == row;
        if self.known.get(&row.name).is_some_and(same) {
            return;
        }
        match self.upsert(&row).await {
            Ok(()) => drop(self.known.insert(row.name.clone(), row)),
            Err(error) => warn!(
                subgraph.name = row.name,
                error = &error as &dyn std::error::Error,
                "what is known of a subgraph cannot be kept"
            ),
        }
    }

    async fn upsert(&self, row: &subgraph::Model) -> Result<(), DbErr> {
        use subgraph::Column::{LiveSince, LookedAt, Name, Problem, Sdl, Url};
        let subgraph::Model { name, url, sdl, live_since, problem, looked_at } = row.clone();
        let row = subgraph::ActiveModel {
            name: Set(name),
            url: Set(url),
            sdl: Set(sdl),
            live_since: Set(live_since),
            problem: Set(problem),
            looked_at: Set(looked_at),
        };
        let latest = OnConflict::column(Name).update_columns([Url, Sdl, LiveSince, Problem, LookedAt]).to_owned();
        subgraph::Entity::insert(row).on_conflict(latest).exec_without_returning(&self.db).await.map(|_| ())
    }
}

/// How a subgraph is, for operators.
pub(crate) fn state(row: Option<&subgraph::Model>) -> &'static str {
    match row {
        None => "not looked at",
        Some(subgraph::Model { problem: None, .. }) => "live",
        Some(subgraph::Model { sdl: Some(_), .. }) => "live as before",
        Some(_) => "left out",
    }
}
