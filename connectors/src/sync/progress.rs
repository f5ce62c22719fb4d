//! What a run has come to so far, written to its record now and then, for whoever watches it from another process.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use entity::sync_run;
use entity::vocabulary::SyncStatus;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::sync::report::RunReport;

/// It is written no more often than this: people watch, and a run that finds nothing new is to write next to nothing.
const EVERY: Duration = Duration::from_millis(500);

/// Where a run notes how far it has come.
pub(crate) struct Milestones {
    /// `None`: a rehearsal, of which no record is kept.
    run_id: Option<Uuid>,
    last: Mutex<Instant>,
}

impl Milestones {
    /// Those of this run, which begins now.
    pub(crate) fn new(run_id: Option<Uuid>) -> Self {
        Self { run_id, last: Mutex::new(Instant::now()) }
    }

    /// Notes how far the run has come, where it was not noted just now. What cannot be noted is let go: the run's end
    /// tells the whole.
    pub(crate) async fn note(&self, db: &DatabaseConnection, report: &RunReport) {
        let Some(run_id) = self.run_id.filter(|_| self.is_due()) else { return };
        let count = |number: u32| Expr::value(i32::try_from(number).unwrap_or(i32::MAX));
        let tally = report.tally;
        let noted = sync_run::Entity::update_many()
            .col_expr(sync_run::Column::Mode, Expr::value(report.mode))
            .col_expr(sync_run::Column::Read, count(tally.read))
            .col_expr(sync_run::Column::Created, count(tally.created))
            .col_expr(sync_run::Column::Updated, count(tally.updated))
            .col_expr(sync_run::Column::Unchanged, count(tally.unchanged))
            .col_expr(sync_run::Column::Deleted, count(tally.deleted))
            .col_expr(sync_run::Column::Refused, count(tally.refused))
            .filter(sync_run::Column::Id.eq(run_id))
            // Of a worker that was taken over, another may have written the end already.
            .filter(sync_run::Column::Status.eq(SyncStatus::Running))
            .exec(db)
            .await;
        if let Err(error) = noted {
            tracing::debug!(error = &error as &dyn std::error::Error, "how far a run has come is not noted");
        }
    }

    fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.elapsed() >= EVERY;
        if is_due {
            *last = Instant::now();
        }
        is_due
    }
}
