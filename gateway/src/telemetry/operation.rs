//! One request's operation, as far as it is known while it runs: what it is called, and what it costs the store. It goes
//! along with the task that runs it, so that neither the graph nor the store's driver need know of it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Response, Value};
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

tokio::task_local! {
    static CURRENT: Arc<Operation>;
}

/// The longest name that is written into a log or a trace.
const LONGEST: usize = 64;

/// A request's operation.
#[derive(Debug, Default)]
pub(crate) struct Operation {
    told: OnceLock<(Option<String>, OperationType)>,
    span: OnceLock<Span>,
    statements: AtomicU32,
    store_micros: AtomicU64,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Without an error.
    Ok,
    /// With errors in fields.
    Errors,
    /// Not at all: nothing was executed, or nothing of it is told.
    Refused,
}

impl Outcome {
    pub(crate) fn of(response: &Response) -> Self {
        let is_of_a_field = |error: &async_graphql::ServerError| !error.path.is_empty();
        if response.errors.is_empty() {
            Self::Ok
        } else if response.data == Value::Null && !response.errors.iter().any(is_of_a_field) {
            Self::Refused
        } else {
            Self::Errors
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Errors => "errors",
            Self::Refused => "refused",
        }
    }
}

/// Does `work` for this operation.
pub(super) async fn within<T>(operation: Arc<Operation>, work: impl Future<Output = T>) -> T {
    CURRENT.scope(operation, work).await
}

/// Takes a step of what is done for this operation.
pub(super) fn step<T>(operation: &Arc<Operation>, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(Arc::clone(operation), work)
}

/// Does `work`, which is what executes the operation of the request under way, in a span of its own. What is answered
/// without executing anything has none: that would cost more than the answer.
pub(crate) async fn executing<T>(work: impl Future<Output = T>) -> T {
    match CURRENT.try_with(|operation| operation.begin()) {
        Ok(span) => work.instrument(span).await,
        // What the hub asks itself is nobody's operation.
        Err(_) => work.await,
    }
}

/// Says what the operation of the request under way is. Nothing where none is.
pub(crate) fn told(name: Option<&str>, kind: OperationType) {
    // Nothing is lost where there is none: what the hub asks itself is nobody's operation.
    let _nobody = CURRENT.try_with(|operation| operation.told.set((name.map(str::to_owned), kind)));
}

/// A statement was made, for the operation of the request under way or for none.
pub(super) fn stated(took: Duration) {
    let _nobody = CURRENT.try_with(|operation| {
        operation.statements.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        operation.store_micros.fetch_add(micros, Ordering::Relaxed);
    });
}

impl Operation {
    /// The span of its execution, which begins where it has not.
    pub(super) fn begin(&self) -> Span {
        let span = || {
            info_span!(
                "gateway.graphql.execute",
                graphql.operation.name = Empty,
                graphql.operation.type = Empty,
                outcome = Empty,
                db.statements = Empty,
                db.duration_ms = Empty,
            )
        };
        self.span.get_or_init(span).clone()
    }

    /// The span of its execution: one that tells nothing where nothing was executed.
    pub(super) fn span(&self) -> Span {
        self.span.get().cloned().unwrap_or_else(Span::none)
    }

    /// Its name. `None`: it has none, or is not known.
    pub(super) fn name(&self) -> Option<&str> {
        self.told.get().and_then(|(name, _)| name.as_deref())
    }

    /// Its name as it is written: not without end.
    pub(super) fn short_name(&self) -> &str {
        let name = self.name().unwrap_or_default();
        name.get(..LONGEST).unwrap_or(name)
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.told.get() {
            Some((_, OperationType::Query)) => "query",
            Some((_, OperationType::Mutation)) => "mutation",
            Some((_, OperationType::Subscription)) => "subscription",
            None => "unknown",
        }
    }

    pub(super) fn is_subscription(&self) -> bool {
        matches!(self.told.get(), Some((_, OperationType::Subscription)))
    }

    /// Statements that it cost so far.
    pub(super) fn statements(&self) -> u32 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How long they took together.
    pub(super) fn in_store(&self) -> Duration {
        Duration::from_micros(self.store_micros.load(Ordering::Relaxed))
    }
}
