//! What executes requests, with each of them counted, traced and, where it is slow, told of in the log: never its query,
//! nor its variables.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Data, Executor, Request, Response};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::Instant;
use tracing::{record_all, warn};

use super::Metrics;
use super::operation::{self, Operation, Outcome};
use crate::error::Code;
use crate::graphql::{Answered, Answering};

/// An executor that is measured. Cheap to clone where what it measures is.
#[derive(Clone, Debug)]
pub struct Measured<E> {
    executor: E,
    metrics: Metrics,
    slow: Duration,
}

/// A request under way.
struct Asked {
    operation: Arc<Operation>,
    began: Instant,
}

impl Asked {
    fn new() -> Self {
        Self { operation: Arc::default(), began: Instant::now() }
    }
}

impl<E> Measured<E> {
    /// Measures `executor`. What takes longer than `slow` is told of in the log.
    pub fn new(executor: E, metrics: &Metrics, slow: Duration) -> Self {
        Self { executor, metrics: metrics.clone(), slow }
    }

    /// Counts an answer: of several, the first.
    fn answered(&self, asked: &Asked, outcome: Outcome) {
        let Asked { operation, began } = asked;
        let took = began.elapsed();
        let metrics = self.metrics.graphql();
        metrics.answered(operation, outcome, took);
        let (statements, in_store_ms) = (operation.statements(), millis(operation.in_store()));
        let span = operation.span();
        record_all!(
            span,
            graphql.operation.name = operation.short_name(),
            graphql.operation.type = operation.kind(),
            outcome = outcome.word(),
            db.statements = statements,
            db.duration_ms = in_store_ms
        );
        if took >= self.slow && !operation.is_subscription() {
            span.in_scope(|| {
                warn!(
                    graphql.operation.name = operation.short_name(),
                    graphql.operation.r#type = operation.kind(),
                    duration_ms = millis(took),
                    db.statements = statements,
                    db.duration_ms = in_store_ms,
                    "a slow {}: {} ms, {statements} statements took {in_store_ms} ms of them",
                    operation.kind(),
                    millis(took)
                );
            });
        }
    }

    fn failures(&self, response: &Response) {
        for error in &response.errors {
            let code = error.extensions.as_ref().and_then(|extensions| match extensions.get("code") {
                Some(async_graphql::Value::String(code)) => Code::of(code),
                _ => None,
            });
            self.metrics.graphql().failed(code.unwrap_or(Code::Internal));
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl<E: Executor> Executor for Measured<E> {
    async fn execute(&self, request: Request) -> Response {
        let asked = Asked::new();
        let executed = operation::executing(self.executor.execute(request));
        let response = operation::within(Arc::clone(&asked.operation), executed).await;
        self.answered(&asked, Outcome::of(&response));
        self.failures(&response);
        response
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let (measured, asked) = (self.clone(), Asked::new());
        let span = asked.operation.begin();
        let mut responses = operation::step(&asked.operation, || self.executor.execute_stream(request, session));
        let mut is_first = true;
        let polled = move |context: &mut std::task::Context<'_>| {
            let polled = span.in_scope(|| operation::step(&asked.operation, || responses.poll_next_unpin(context)));
            if let std::task::Poll::Ready(Some(response)) = &polled {
                if std::mem::take(&mut is_first) {
                    measured.answered(&asked, Outcome::of(response));
                }
                measured.failures(response);
                if asked.operation.is_subscription() {
                    measured.metrics.graphql().told(&asked.operation);
                }
            }
            polled
        };
        stream::poll_fn(polled).boxed()
    }
}

impl<E: Answering> Answering for Measured<E> {
    async fn answer(&self, request: Request) -> Answered {
        let asked = Asked::new();
        let answered = operation::within(Arc::clone(&asked.operation), self.executor.answer(request)).await;
        match &answered {
            Answered::Response(response) => {
                self.answered(&asked, Outcome::of(response));
                self.failures(response);
            }
            Answered::Kept(..) => self.answered(&asked, Outcome::Ok),
        }
        answered
    }
}
