//! Hears of what is done with partner systems: what changed, how runs went, what was asked of whom. Whoever wants to wake
//! somebody, count or trace implements [`Observer`]; nothing here knows what for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use entity::change;
use reqwest::header::HeaderMap;

use crate::error::ErrorKind;
use crate::sync::RunReport;

/// How a run is getting on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The source.
    pub source_id: String,
    /// The stream being read.
    pub stream: String,
    /// Records read so far, over all streams.
    pub read: u64,
    /// How many records the stream has, where the system says so.
    pub total: Option<u64>,
}

/// Hears of what is done with partner systems. Must not block.
pub trait Observer: Send + Sync {
    /// A page has been written.
    fn progressed(&self, _progress: &Progress) {}
    /// Changes have been committed.
    fn committed(&self, _changes: &[change::Model]) {}
    /// A run has ended, which took so long. Not told of a rehearsal, which changes nothing.
    fn ended(&self, _report: &RunReport, _took: Duration) {}
    /// A request is about to leave: headers may be added to it, as those of a trace.
    fn sending(&self, _headers: &mut HeaderMap) {}
    /// A source has answered a request after so long, or failed to.
    fn answered(&self, _source_id: &str, _failure: Option<ErrorKind>, _took: Duration) {}
    /// A source's token endpoint has been asked for a token.
    fn token_fetched(&self, _source_id: &str, _failure: Option<ErrorKind>) {}
    /// A page will be asked for again, because of this.
    fn retried(&self, _source_id: &str, _failure: ErrorKind) {}
}

/// Those who hear. Cheap to clone.
#[derive(Clone, Default)]
pub struct Observers(Arc<[Arc<dyn Observer>]>);

impl Observers {
    /// Tells each of them.
    pub(crate) fn tell(&self, mut what: impl FnMut(&dyn Observer)) {
        self.0.iter().for_each(|observer| what(observer.as_ref()));
    }
}

impl From<Vec<Arc<dyn Observer>>> for Observers {
    fn from(observers: Vec<Arc<dyn Observer>>) -> Self {
        Self(observers.into())
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers").field(&self.0.len()).finish()
    }
}
