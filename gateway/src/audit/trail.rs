//! Tells the trail of what was read. An answer waits for that only a moment; what takes longer is seen to beside it, and
//! what cannot be written at all is told to the log, entry by entry: nothing is lost silently.

use std::sync::Arc;
use std::time::Duration;

use entity::audit_entry;
use sea_orm::DatabaseConnection;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

/// An answer waits this long for its entries.
const PATIENCE: Duration = Duration::from_millis(250);
/// Pauses before the store is asked again: it may be restarting.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20)];

/// Tells the trail. Cheap to clone.
#[derive(Clone)]
pub struct Trail {
    db: DatabaseConnection,
    tasks: TaskTracker,
}

impl Trail {
    /// The trail in this store.
    #[must_use]
    pub fn new(db: DatabaseConnection) -> Self {
        Self { db, tasks: TaskTracker::new() }
    }

    /// Tells of these, and returns once they are written or their time is over.
    pub async fn tell(&self, entries: Vec<audit_entry::Model>) {
        if entries.is_empty() {
            return;
        }
        let entries = Arc::new(entries);
        let written = self.tasks.spawn(write(self.db.clone(), Arc::clone(&entries)));
        if timeout(PATIENCE, written).await.is_err() {
            warn!(
                entries = entries.len(),
                "the audit trail is slow; an answer went out before its entries were written"
            );
        }
    }

    /// Waits for what is still being written. Call it when nothing more will be told.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn write(db: DatabaseConnection, entries: Arc<Vec<audit_entry::Model>>) {
    let mut pauses = PAUSES.into_iter();
    while let Err(error) = super::append(&db, &entries).await {
        let Some(pause) = pauses.next() else {
            error!(error = &error as &dyn std::error::Error, "the audit trail cannot be written; its entries follow");
            entries.iter().for_each(log);
            return;
        };
        sleep(pause).await;
    }
}

/// The log is what is left where the store is not there. An entry holds no contact details.
fn log(entry: &audit_entry::Model) {
    error!(
        at = %entry.at, trace.id = entry.trace_id, span.id = entry.span_id, action = ?entry.action,
        subject = entry.subject, client = entry.client, organisation = entry.organisation, address = entry.address,
        record.id = ?entry.record_id, activity = entry.processing_activity, "an entry of the audit trail"
    );
}
