//! The streams that are open, WebSockets and event streams alike: how many there may be, what they keep to, and that
//! they end in order with the process. A request is over when it is answered; these are not.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::config::SubscriptionSettings;
use crate::telemetry::{Inside, Metrics};

/// The open streams of this process. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    /// What they keep to.
    pub(super) settings: Arc<SubscriptionSettings>,
    /// The longest message of a client, in bytes.
    pub(super) message_bytes: usize,
    places: Arc<Semaphore>,
    open: TaskTracker,
    shutdown: CancellationToken,
    metrics: Metrics,
}

/// A stream's place among the open ones, until it is dropped.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _open: TaskTrackerToken,
    _counted: Inside,
}

impl Streams {
    /// None yet. They end when `shutdown` is cancelled.
    #[must_use]
    pub fn new(settings: &SubscriptionSettings, message_bytes: usize, shutdown: CancellationToken) -> Self {
        Self {
            settings: Arc::new(settings.clone()),
            message_bytes,
            places: Arc::new(Semaphore::new(settings.connections.min(Semaphore::MAX_PERMITS))),
            open: TaskTracker::new(),
            shutdown,
            metrics: Metrics::default(),
        }
    }

    /// Counts them there.
    #[must_use]
    pub fn counted(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// A place for one more of this kind. `None` where all are taken.
    pub(super) fn enter(&self, kind: &'static str) -> Option<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { _place: place, _open: self.open.token(), _counted: self.metrics.http().opened(kind) })
    }

    /// Is cancelled when they must end.
    pub(super) fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Waits until none is open.
    pub(super) async fn ended(&self) {
        self.open.close();
        self.open.wait().await;
    }
}
