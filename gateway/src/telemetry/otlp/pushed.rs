//! Metrics on their way to a collector, every so often and when the process ends. They are cumulative: of a push that was
//! not taken, the next tells all the same, so none is repeated.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::points::{Counted, request};
use super::{Collector, Signal, exposition};
use crate::telemetry::Metrics;

/// How long the last push may take when the process ends.
const LAST: Duration = Duration::from_secs(5);

/// What sends metrics, in a task of its own: nobody waits for it.
#[must_use = "the last metrics are sent when it is finished"]
#[derive(Debug)]
pub(crate) struct Pushed(Option<(CancellationToken, JoinHandle<()>)>);

impl Pushed {
    /// Sends these from now on, where there is a collector and they are to be sent at all.
    pub(crate) fn every(interval: Option<Duration>, metrics: &Metrics, collector: Option<&Arc<Collector>>) -> Self {
        let (Some(interval), Some(collector)) = (interval, collector) else { return Self(None) };
        let stop = CancellationToken::new();
        let pushing = push_every(interval, metrics.clone(), Arc::clone(collector), stop.clone());
        Self(Some((stop, tokio::spawn(pushing))))
    }

    /// Sends what there is at last, if that does not take too long.
    pub(crate) async fn finish(self) {
        let Some((stop, pushing)) = self.0 else { return };
        stop.cancel();
        if pushing.await.is_err() {
            tracing::debug!("the last metrics were not sent");
        }
    }
}

async fn push_every(interval: Duration, metrics: Metrics, collector: Arc<Collector>, stop: CancellationToken) {
    let signal = Signal::new("metrics", "and is told all of them once it does");
    let push = || async {
        let families = exposition::read(&metrics.tell().await);
        let counted = Counted { since: metrics.since(), until: metrics.now() };
        // The signal tells of a failure, once.
        let _told = collector.send(&signal, request(&collector, &families, counted)).await;
    };
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let pushes = async {
        loop {
            ticks.tick().await;
            push().await;
        }
    };
    stop.run_until_cancelled(pushes).await;
    if timeout(LAST, push()).await.is_err() {
        tracing::debug!("the collector did not take the last metrics in time");
    }
}
