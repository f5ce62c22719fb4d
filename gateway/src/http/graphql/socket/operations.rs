//! The operations that run on one socket, each in a task of its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request, ServerError, Value};
use axum::extract::ws::Message;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::Instrument;

use super::Close;
use super::message::ServerMessage;
use crate::error::{Code, set_code};
use crate::graphql::operation_type;
use crate::graphql::{Answer, was_not_executed};

/// The operations that run on one socket. They end when this is dropped.
pub(super) struct Operations {
    running: Arc<Mutex<HashMap<String, Running>>>,
    most: usize,
    begun: u64,
}

struct Running {
    /// Tells the operation from a later one with the same id.
    number: u64,
    task: AbortHandle,
}

/// An operation's claim to its id.
struct Ticket {
    running: Arc<Mutex<HashMap<String, Running>>>,
    id: String,
    number: u64,
}

type Queue = mpsc::Sender<Message>;

impl Operations {
    pub(super) fn new(most: usize) -> Self {
        Self { running: Arc::default(), most, begun: 0 }
    }

    /// Begins an operation, whose messages go to `queue`. `Some` is said to the client instead where too many run.
    ///
    /// # Errors
    /// 4409 where one with this id is running.
    pub(super) fn begin<E: Executor>(
        &mut self,
        executor: E,
        id: String,
        request: Request,
        queue: &Queue,
    ) -> Result<Option<Message>, Close> {
        let mut running = lock(&self.running);
        let count = running.len();
        match running.entry(id.clone()) {
            Entry::Occupied(_) => Err(Close::exists(&id)),
            Entry::Vacant(_) if count >= self.most => {
                let message = format!("{count} operations run on this socket, and no more may. Complete one first.");
                error_message(&id, &[error(message, Code::TooManyOperations)]).map(Some)
            }
            Entry::Vacant(place) => {
                self.begun += 1;
                let ticket = Ticket { running: Arc::clone(&self.running), id, number: self.begun };
                // Under the lock: an operation that ends at once finds itself among those that run.
                let told = run(executor, request, ticket, queue.clone()).in_current_span();
                place.insert(Running { number: self.begun, task: tokio::spawn(told).abort_handle() });
                Ok(None)
            }
        }
    }

    /// Ends an operation that the client no longer wants. Ids that are not known are no error: it may just have ended.
    pub(super) fn complete(&self, id: &str) {
        if let Some(running) = lock(&self.running).remove(id) {
            running.task.abort();
        }
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        lock(&self.running).drain().for_each(|(_, running)| running.task.abort());
    }
}

impl Ticket {
    /// Gives the id back, before the client is told of the end: it may use it again at once. `false` where the client
    /// has ended the operation itself, and wants to hear no more of it.
    fn give_back(&self) -> bool {
        let mut running = lock(&self.running);
        let is_mine = running.get(&self.id).is_some_and(|running| running.number == self.number);
        if is_mine {
            running.remove(&self.id);
        }
        is_mine
    }
}

/// An operation from its first answer to its last message.
async fn run<E: Executor>(executor: E, request: Request, ticket: Ticket, queue: Queue) {
    let told = AssertUnwindSafe(tell(executor, request, &ticket.id, &queue)).catch_unwind().await;
    let last = match told {
        Ok(Told::Completed) => ServerMessage::Complete { id: &ticket.id }.write(),
        Ok(Told::Failed(errors)) => error_message(&ticket.id, &errors),
        Ok(Told::ToNobody) => return,
        Err(_) => {
            tracing::error!("an operation panicked");
            error_message(&ticket.id, &[error("Internal error".to_owned(), Code::Internal)])
        }
    };
    if ticket.give_back() {
        // Nobody takes it where the socket has gone in the meantime.
        queue.send(last.unwrap_or_else(|close| (&close).into())).await.ok();
    }
}

/// How an operation ended.
enum Told {
    Completed,
    Failed(Vec<ServerError>),
    ToNobody,
}

async fn tell<E: Executor>(executor: E, mut request: Request, id: &str, queue: &Queue) -> Told {
    let is_subscription = operation_type(&mut request) == Some(OperationType::Subscription);
    let mut responses = executor.execute_stream(request, None);
    while let Some(response) = responses.next().await {
        // What cannot be told of a subscription ends it; a query whose data is null was executed all the same.
        let failed = was_not_executed(&response) || (is_subscription && response.data == Value::Null);
        if failed {
            return Told::Failed(response.errors);
        }
        let next = ServerMessage::Next { id, payload: Answer::of(&response) }.write();
        if queue.send(next.unwrap_or_else(|close| (&close).into())).await.is_err() {
            return Told::ToNobody;
        }
    }
    Told::Completed
}

fn error_message(id: &str, errors: &[ServerError]) -> Result<Message, Close> {
    ServerMessage::Error { id, payload: errors }.write()
}

fn error(message: String, code: Code) -> ServerError {
    let mut error = ServerError::new(message, None);
    set_code(&mut error, code);
    error
}

fn lock(running: &Mutex<HashMap<String, Running>>) -> MutexGuard<'_, HashMap<String, Running>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
