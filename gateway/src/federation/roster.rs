//! The subgraphs that are set, and what is known of each, for operators: `hub subgraphs` and `Query.subgraphs` tell the same,
//! and read it here.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use connectors::api::{BreakerState, Subgraph};
use connectors::settings::SubgraphSettings;
use entity::subgraph;
use sea_orm::{DatabaseConnection, DbErr, EntityTrait};
use sha2::{Digest, Sha256};

use super::partner::Partner;

/// The subgraphs of this process, and how those that it asks do. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Roster(Arc<RwLock<Listed>>);

#[derive(Default)]
struct Listed {
    /// In the order of the configuration.
    subgraphs: Vec<SubgraphSettings>,
    partners: HashMap<String, Arc<Partner>>,
}

/// How a subgraph is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "SubgraphState")]
pub(crate) enum State {
    /// It is joined with the schema that it has now.
    Live,
    /// It is joined with an earlier schema than it has now, or may have: see its errors.
    LiveAsBefore,
    /// It is not joined: see its errors.
    LeftOut,
    /// Nobody has looked at it yet where it is asked now.
    NotLookedAt,
}

impl State {
    /// As commands write it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::LiveAsBefore => "live as before",
            Self::LeftOut => "left out",
            Self::NotLookedAt => "not looked at",
        }
    }
}

/// A subgraph that is set.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its name in the configuration.
    pub(crate) name: String,
    /// Where it is asked.
    pub(crate) url: String,
    /// What the hubs on this store have found. `None`: nobody has looked.
    pub(crate) row: Option<subgraph::Model>,
    /// Whether this process sends it queries at present. `None`: it is not joined here.
    pub(crate) breaker: Option<BreakerState>,
    /// Whether this process subscribes to it at present. `None`: it is not joined here.
    pub(crate) breaker_of_subscriptions: Option<BreakerState>,
}

impl Known {
    /// How it is.
    pub(crate) fn state(&self) -> State {
        match &self.row {
            None => State::NotLookedAt,
            Some(subgraph::Model { sdl: None, .. }) => State::LeftOut,
            Some(subgraph::Model { problem: None, fetch_problem: None, .. }) => State::Live,
            Some(_) => State::LiveAsBefore,
        }
    }

    /// Tells apart the schemas that it was joined with. `None`: it never was.
    pub(crate) fn schema_hash(&self) -> Option<String> {
        let digest = Sha256::digest(self.row.as_ref()?.sdl.as_ref()?.as_bytes());
        Some(digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Roster {
    /// These subgraphs, of which nothing is known in this process.
    pub(crate) fn of(subgraphs: &[SubgraphSettings]) -> Self {
        let roster = Self::default();
        roster.list(subgraphs);
        roster
    }

    /// Lists these.
    pub(super) fn list(&self, subgraphs: &[SubgraphSettings]) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).subgraphs = subgraphs.to_vec();
    }

    /// Those are asked from now on.
    pub(super) fn ask(&self, partners: &HashMap<String, Arc<Partner>>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).partners.clone_from(partners);
    }

    /// What is known of each, in the order of the configuration.
    ///
    /// # Errors
    /// That of a store that cannot be read.
    pub(crate) async fn read(&self, db: &DatabaseConnection) -> Result<Vec<Known>, DbErr> {
        let rows = subgraph::Entity::find().all(db).await?;
        let mut rows: HashMap<String, subgraph::Model> = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
        let listed = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = listed.subgraphs.iter().map(|SubgraphSettings { name, url, .. }| {
            let asked = listed.partners.get(name).map(|partner| partner.subgraph());
            Known {
                name: name.clone(),
                url: url.to_string(),
                // One that is asked elsewhere now has not been looked at there.
                row: rows.remove(name).filter(|row| row.url == url.as_str()),
                breaker: asked.map(Subgraph::breaker),
                breaker_of_subscriptions: asked.map(Subgraph::breaker_of_subscriptions),
            }
        });
        Ok(known.collect())
    }
}

#[cfg(test)]
mod tests {
    use entity::Clock;

    use super::*;

    #[test]
    fn a_state_says_what_is_joined_and_whether_that_is_the_latest() {
        let now = Clock::system().now();
        let some = |is: bool, text: &str| is.then(|| text.to_owned());
        let state = |sdl: bool, problem: bool, silent: bool| {
            let row = subgraph::Model {
                name: "a".to_owned(),
                url: "http://127.0.0.1/".to_owned(),
                sdl: some(sdl, "type Query { a: Int }"),
                live_since: sdl.then_some(now),
                problem: some(problem, "It does not compose."),
                fetched_at: (!silent).then_some(now),
                fetch_problem: some(silent, "It is down."),
                looked_at: now,
            };
            Known {
                name: row.name.clone(),
                url: row.url.clone(),
                row: Some(row),
                breaker: None,
                breaker_of_subscriptions: None,
            }
            .state()
        };
        assert_eq!(state(true, false, false), State::Live);
        for (problem, silent) in [(true, false), (false, true), (true, true)] {
            assert_eq!(state(true, problem, silent), State::LiveAsBefore);
            assert_eq!(state(false, problem, silent), State::LeftOut);
        }
        assert_eq!(state(false, false, false), State::LeftOut, "it has told its schema, and is not joined yet");
        let unknown =
            Known { name: String::new(), url: String::new(), row: None, breaker: None, breaker_of_subscriptions: None };
        assert_eq!((unknown.state(), unknown.schema_hash()), (State::NotLookedAt, None));
    }
}
