//! The database schema's history, up and down, on SQLite and PostgreSQL. Frozen: a migration that has been released is
//! never edited, and none imports the entities, which change where history does not.
//!
//! # To add a migration
//! 1. `migration/src/m<date>_<number>_<what>.rs` with `up` and `down`; what is new must work with the code before it
//!    (expand first, contract in a later release).
//! 2. Its line in [`Migrator`].

use sea_orm_migration::prelude::*;

mod dialect;
mod m20261123_000001_store;
mod m20261124_000002_public_changes;
mod m20261124_000003_sync;
mod m20261124_000004_search;
mod m20261124_000005_matching;
mod m20261124_000006_writes;
mod m20261124_000007_webhooks;
mod m20261124_000008_search_places;
mod m20261124_000009_cache;
mod m20261127_000010_search_rows;
mod m20261128_000011_source_grant;
mod m20261128_000012_subgraphs;
mod m20261128_000013_near_homes;
mod m20261128_000014_subgraph_fetches;
mod m20261128_000015_refreshes;
mod m20261201_000016_once;

pub use sea_orm_migration::MigratorTrait;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_store::Migration),
            Box::new(m20261124_000002_public_changes::Migration),
            Box::new(m20261124_000003_sync::Migration),
            Box::new(m20261124_000004_search::Migration),
            Box::new(m20261124_000005_matching::Migration),
            Box::new(m20261124_000006_writes::Migration),
            Box::new(m20261124_000007_webhooks::Migration),
            Box::new(m20261124_000008_search_places::Migration),
            Box::new(m20261124_000009_cache::Migration),
            Box::new(m20261127_000010_search_rows::Migration),
            Box::new(m20261128_000011_source_grant::Migration),
            Box::new(m20261128_000012_subgraphs::Migration),
            Box::new(m20261128_000013_near_homes::Migration),
            Box::new(m20261128_000014_subgraph_fetches::Migration),
            Box::new(m20261128_000015_refreshes::Migration),
            Box::new(m20261201_000016_once::Migration),
        ]
    }
}
