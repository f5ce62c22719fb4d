//! One page, asked for again as the policy says, while the source's lease is kept.

use chrono::{DateTime, Utc};

use tracing::Instrument;

use crate::connector::{Page, ReadRequest, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::engine::Run;

/// Reads the page at `token`; the first where there is none.
pub(crate) async fn fetch(
    run: &Run<'_>,
    spec: &StreamSpec,
    since: Option<DateTime<Utc>>,
    token: Option<&str>,
) -> Result<Page> {
    let pace = &run.engine.pace;
    let mut attempt = 0;
    loop {
        let request = ReadRequest { stream: spec.name, since, token };
        let span = tracing::info_span!(
            "connectors.page.read",
            source.id = run.source.id,
            stream = spec.name,
            attempt,
            records = tracing::field::Empty,
            error.kind = tracing::field::Empty
        );
        let error = match with_lease(run, run.connector.read(run.api, request)).instrument(span.clone()).await {
            Ok(page) => {
                span.record("records", page.records.len());
                run.patience.succeeded();
                return Ok(page);
            }
            Err(error) => error,
        };
        span.record("error.kind", error.kind().name());
        drop(span);
        attempt += 1;
        let Some(wait) = run.patience.wait_before_retry(&error, attempt, pace.draw()) else { return Err(error) };
        run.engine.observers.tell(|observer| observer.retried(&run.source.id, error.kind()));
        tracing::debug!(stream = spec.name, kind = ?error.kind(), attempt, ?wait, "a page is asked for again");
        with_lease(run, async {
            pace.sleep(wait).await;
            Ok(())
        })
        .await?;
    }
}

/// Does `work` unless the run is told to stop, and keeps the source's lease meanwhile, however long it takes.
async fn with_lease<T>(run: &Run<'_>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            () = run.options.cancel.cancelled() => return Err(cancelled()),
            // By real time, whatever the run's clock says: what is kept here is this process's own liveliness.
            () = tokio::time::sleep(run.engine.settings.lease / 3), if !run.options.dry_run => {
                match run.lease.renew(&run.engine.db, run.engine.clock.now()).await {
                    Err(error) if error.kind() == ErrorKind::LeaseLost => return Err(error),
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "the lease could not be prolonged");
                    }
                    Ok(()) => {}
                }
            }
        }
    }
}

/// The run was told to stop.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped before its end; the next run goes on from there")
}
