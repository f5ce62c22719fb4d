//! What the store remembers of partners' graphs: the schemas that they were last joined with, so that a start does without
//! those that are down, and what is wrong with them, for operators ([`roster`](super::roster)).

use std::collections::HashMap;

use entity::{Clock, subgraph};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr, EntityTrait};
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

    /// One has told its schema.
    pub(super) async fn fetched(&mut self, name: &str, url: &str) {
        let now = self.clock.now();
        let told = |row: &mut subgraph::Model| (row.fetched_at, row.fetch_problem) = (Some(now), None);
        self.learn(name, url, told).await;
    }

    /// One has not told its schema.
    pub(super) async fn is_silent(&mut self, name: &str, url: &str, problem: &str) {
        self.learn(name, url, |row| row.fetch_problem = Some(problem.to_owned())).await;
    }

    /// They are joined with these schemas.
    pub(super) async fn joined(&mut self, parts: &[Part]) {
        let now = self.clock.now();
        for part in parts.iter().filter(|part| !part.url.is_empty()) {
            let joined = |row: &mut subgraph::Model| {
                if row.sdl.as_ref() != Some(&part.sdl) {
                    (row.sdl, row.live_since) = (Some(part.sdl.clone()), Some(now));
                }
                row.problem = None;
            };
            self.learn(&part.name, &part.url, joined).await;
        }
    }

    /// One cannot be joined with the schema that it has now.
    pub(super) async fn failed(&mut self, name: &str, url: &str, problem: &str) {
        self.learn(name, url, |row| row.problem = Some(problem.to_owned())).await;
    }

    /// Something new of one. Who is asked elsewhere now is somebody else.
    async fn learn(&mut self, name: &str, url: &str, new: impl FnOnce(&mut subgraph::Model)) {
        let looked_at = self.clock.now();
        let nothing = || subgraph::Model {
            name: name.to_owned(),
            url: url.to_owned(),
            sdl: None,
            live_since: None,
            problem: None,
            fetched_at: None,
            fetch_problem: None,
            looked_at,
        };
        let mut row = self.known.get(name).filter(|row| row.url == url).cloned().unwrap_or_else(nothing);
        new(&mut row);
        self.write(subgraph::Model { looked_at, ..row }).await;
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
        use subgraph::Column::{FetchProblem, FetchedAt, LiveSince, LookedAt, Name, Problem, Sdl, Url};
        let latest = [Url, Sdl, LiveSince, Problem, FetchedAt, FetchProblem, LookedAt];
        let latest = OnConflict::column(Name).update_columns(latest).to_owned();
        let row = subgraph::ActiveModel::from(row.clone()).reset_all();
        subgraph::Entity::insert(row).on_conflict(latest).exec_without_returning(&self.db).await.map(|_| ())
    }
}
