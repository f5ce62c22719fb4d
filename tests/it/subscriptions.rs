//! What is told as it happens: what is told, how it is told by WebSocket and by events, and with the clients that apps
//! use.

mod changes;
mod events;
mod feed;
mod npm;
mod protocol;
mod runs;
mod school;

use anyhow::Result;
use entity::journal::Journal;
use entity::vocabulary::ChangeAction;
use entity::{Clock, school_board};
use gateway::config::SubscriptionSettings;
use sea_orm::DatabaseConnection;
use tests::invented::source;
use uuid::Uuid;

/// Follows the whole feed.
const CHANGES: &str = "subscription($after: String) { changes(after: $after) { cursor sequence action recordId } }";

/// Never looks by itself: what it knows, it was told.
fn only_told() -> SubscriptionSettings {
    SubscriptionSettings { poll_ms: 3_600_000, ..SubscriptionSettings::default() }
}

/// Looks often.
fn looking() -> SubscriptionSettings {
    SubscriptionSettings { poll_ms: 50, ..SubscriptionSettings::default() }
}

fn settings_of(backend: tests::store::Backend) -> SubscriptionSettings {
    match backend {
        tests::store::Backend::Postgres => only_told(),
        tests::store::Backend::Sqlite => looking(),
    }
}

fn board(number: u32) -> school_board::Model {
    let now = Clock::system().now();
    school_board::Model {
        id: Uuid::now_v7(),
        number: format!("{number:05}"),
        name: "Stichting Verzonnen Scholen".to_owned(),
        kvk: None,
        source_id: "test".to_owned(),
        external_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

/// Writes boards with these numbers, in one transaction; says nothing to any feed.
async fn write(db: &DatabaseConnection, numbers: impl IntoIterator<Item = u32>) -> Result<Vec<school_board::Model>> {
    let boards: Vec<_> = numbers.into_iter().map(board).collect();
    let mut journal = Journal::begin(db, Clock::system().now()).await?;
    journal.save(boards.iter().cloned().map(|board| (ChangeAction::Created, board)).collect()).await?;
    journal.commit().await?;
    Ok(boards)
}
