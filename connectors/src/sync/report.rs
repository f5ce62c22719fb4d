//! What came of a run: its report, and the record that is kept of it.

use chrono::{DateTime, Utc};
use entity::code::Texts;
use entity::journal::Journal;
use entity::vocabulary::{SyncMode, SyncStatus};
use entity::{source, sync_run};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::settings::SourceSettings;
use crate::sync::awaited;
use crate::sync::engine::Engine;
use crate::sync::lease::Lease;
use crate::sync::policy::{self, Ended};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The source.
    pub source_id: String,
    /// How it ended.
    pub status: SyncStatus,
    /// How it read: full where any stream was read in full.
    pub mode: SyncMode,
    /// What came of it.
    pub tally: Tally,
    /// Why it did not succeed, in a sentence.
    pub error: Option<String>,
    /// How records differed in form from those before, one sentence each.
    pub drift: Vec<String>,
}

impl RunReport {
    pub(crate) fn note_drift(&mut self, stream: &str, differences: Vec<String>) {
        self.drift.extend(differences.into_iter().map(|what| format!("stream `{stream}`: {what}")));
    }
}

/// Counts of a run. Read is created, updated, unchanged and refused together. Word from the source that a record is gone
/// is no record read: it counts as deleted where the record was there, and nowhere where it was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records read.
    pub read: u32,
    /// Records new to the hub.
    pub created: u32,
    /// Records changed.
    pub updated: u32,
    /// Records that said nothing new.
    pub unchanged: u32,
    /// Records no longer told of.
    pub deleted: u32,
    /// Records set aside.
    pub refused: u32,
}

impl Engine {
    /// How the run ended, from what came of its streams.
    pub(super) fn judge(&self, report: &mut RunReport, outcome: Result<Vec<String>>) -> (SyncStatus, Option<Error>) {
        match outcome {
            Ok(held) if !held.is_empty() => {
                report.error = Some(held.join(" "));
                (SyncStatus::Held, None)
            }
            Ok(_) => {
                let allowed = self.settings.allowed_refusal_share * f64::from(report.tally.read);
                if f64::from(report.tally.refused) > allowed {
                    let Tally { refused, read, .. } = report.tally;
                    report.error = Some(format!("{refused} of {read} records were refused; see the source's refusals"));
                    (SyncStatus::Partial, None)
                } else {
                    (SyncStatus::Succeeded, None)
                }
            }
            Err(error) => {
                let cancelled = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::LeaseLost);
                if !cancelled {
                    tracing::warn!(error = &error as &dyn std::error::Error, kind = ?error.kind(), "run failed");
                }
                report.error = Some(error.to_string());
                (if cancelled { SyncStatus::Cancelled } else { SyncStatus::Failed }, Some(error))
            }
        }
    }

    /// Notes that the run has begun, and that one which still stands as running (its worker died) has not ended.
    pub(super) async fn begin(&self, run_id: Uuid, source: &SourceSettings, now: DateTime<Utc>) -> Result<()> {
        sync_run::Entity::update_many()
            .col_expr(sync_run::Column::Status, Expr::value(SyncStatus::Cancelled))
            .col_expr(sync_run::Column::FinishedAt, Expr::value(now))
            .col_expr(sync_run::Column::Error, Expr::value("its worker stopped in the middle"))
            .filter(sync_run::Column::SourceId.eq(&source.id))
            .filter(sync_run::Column::Status.eq(SyncStatus::Running))
            .exec(&self.db)
            .await?;
        let row = sync_run::Model {
            id: run_id,
            source_id: source.id.clone(),
            status: SyncStatus::Running,
            mode: SyncMode::Incremental,
            started_at: now,
            finished_at: None,
            read: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            deleted: 0,
            refused: 0,
            error: None,
            drift: None,
        };
        sync_run::Entity::insert(row.into_active_model()).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// Notes how the run ended and when the source is due again, if the lease is still held.
    pub(super) async fn finish(
        &self,
        run_id: Uuid,
        source: &SourceSettings,
        lease: &Lease,
        report: &RunReport,
        ended: Ended<'_>,
    ) -> Result<()> {
        let now = self.clock.now();
        let journal = Journal::begin(&self.db, now).await?;
        let db = journal.connection();
        lease.renew(db, now).await?;
        let count = |number: u32| Expr::value(i32::try_from(number).unwrap_or(i32::MAX));
        let drift = (!report.drift.is_empty()).then(|| Texts(report.drift.clone()));
        sync_run::Entity::update_many()
            .col_expr(sync_run::Column::Status, Expr::value(report.status))
            .col_expr(sync_run::Column::Mode, Expr::value(report.mode))
            .col_expr(sync_run::Column::FinishedAt, Expr::value(now))
            .col_expr(sync_run::Column::Read, count(report.tally.read))
            .col_expr(sync_run::Column::Created, count(report.tally.created))
            .col_expr(sync_run::Column::Updated, count(report.tally.updated))
            .col_expr(sync_run::Column::Unchanged, count(report.tally.unchanged))
            .col_expr(sync_run::Column::Deleted, count(report.tally.deleted))
            .col_expr(sync_run::Column::Refused, count(report.tally.refused))
            .col_expr(sync_run::Column::Error, Expr::value(report.error.clone()))
            .col_expr(sync_run::Column::Drift, Expr::value(drift))
            .filter(sync_run::Column::Id.eq(run_id))
            .exec(db)
            .await?;
        let failures = policy::failures(lease.failures, ended);
        let mut update = source::Entity::update_many()
            .col_expr(source::Column::LastStatus, Expr::value(report.status))
            .col_expr(source::Column::Failures, count(failures))
            .filter(source::Column::Id.eq(&source.id));
        let is_read = matches!(report.status, SyncStatus::Succeeded | SyncStatus::Partial);
        if let Some(pause) = policy::pause(source.every, ended, failures, self.pace.draw()) {
            update = update.col_expr(source::Column::NextRunAt, Expr::value(now + pause));
        }
        if is_read {
            update = update.col_expr(source::Column::LastSucceededAt, Expr::value(now));
        }
        update.exec(db).await?;
        self.commit(journal).await?;
        // Behind the commit, where of two runs that end together one sees the other, and neither waits for the other's row.
        let has_told = report.tally.created + report.tally.updated > 0;
        if let Err(error) = awaited::hasten(&self.db, &source.id, run_id, now, is_read, has_told).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "who waits for records is read at its usual time");
        }
        Ok(())
    }
}
