//! What every mutation goes through: who asks, one transaction with the answer that is kept and the account that is
//! given, another try where the store was in the way, and word to those who listen.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use async_trait::async_trait;
use chrono::TimeDelta;
use connectors::sync::Observer;
use connectors::sync::push::{self, Amendment, Push, Pushed, Sender};
use entity::audit_entry::{self, AuditAction, AuditStatus};
use entity::journal::Journal;
use entity::vocabulary::ChangeAction;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::Syncs;
use super::answer::{Answer, UserError, UserErrorCode};
use super::author::Author;
use super::idempotency::{self, Key, Met};
use crate::audit::{self, Actor, Deed};
use crate::error::{Failure, Result};
use crate::graphql::caller::Caller;
use crate::graphql::reader::Reader;
use crate::webhooks::Hooks;

/// A mutation is tried so often where the store was in the way: two that wait for each other, say.
const ATTEMPTS: u32 = 5;
/// Before the second try; before the third twice this, and so on.
const PAUSE: Duration = Duration::from_millis(20);

/// Mutations that PostgreSQL carries out at once: fewer than there are connections, which those who read need too.
const AT_ONCE: usize = 4;

/// Where mutations wait for their turn, in order. SQLite has one writer, and its own way of waiting is unfair: of many,
/// some never come to it. In PostgreSQL many that want the same row would each hold a connection meanwhile.
#[derive(Clone)]
pub(crate) struct Line(Arc<Semaphore>);

impl Line {
    /// The line before this database.
    pub(crate) fn before(db: &DatabaseConnection) -> Self {
        let at_once = if db.get_database_backend() == DbBackend::Sqlite { 1 } else { AT_ONCE };
        Self(Arc::new(Semaphore::new(at_once)))
    }
}

/// How the graph writes.
#[derive(Clone)]
pub struct Writes {
    /// The precedence of what is written through the hub, where systems tell of the same record.
    pub priority: i32,
    /// Answers to mutations with a key are kept for so long.
    pub kept_for: TimeDelta,
    /// What the operator's register of processing activities begins its identifiers with.
    pub register: String,
    /// Who hears of what was committed.
    pub observers: Vec<Arc<dyn Observer>>,
    /// What can be read on request. `None`: nothing, from here.
    pub syncs: Option<Arc<Syncs>>,
    /// What webhooks' endpoints need. `None`: there are none.
    pub hooks: Option<Hooks>,
}

impl Default for Writes {
    fn default() -> Self {
        Self {
            priority: 50,
            kept_for: TimeDelta::hours(24),
            register: String::new(),
            observers: Vec::new(),
            syncs: None,
            hooks: None,
        }
    }
}

/// What a mutation does in its transaction, as its input says. Tried again as a whole where the store was in the way.
#[async_trait]
pub(super) trait Work: Sync {
    /// The mutation.
    fn name(&self) -> &'static str;

    /// The scope that it needs.
    fn scope(&self) -> &'static str;

    /// The client's key for sending it again, where it is in the input.
    fn idempotency_key(&self) -> Option<&str>;

    /// Does it.
    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer>;
}

/// A transaction of a mutation.
pub(super) struct Writing<'a> {
    pub(super) journal: Journal,
    pub(super) writes: &'a Writes,
    caller: &'a Caller,
    actor: &'a Actor,
    scope: &'static str,
    entries: Vec<audit_entry::Model>,
}

/// Does what a mutation says, once for each key.
pub(super) async fn once(ctx: &Context<'_>, work: &dyn Work) -> Result<Answer> {
    let reader = Reader::of(ctx)?;
    if !reader.viewer.may(work.scope()) {
        return Err(Failure::Forbidden(work.scope().to_owned()));
    }
    let unknown = Caller::default();
    let caller = ctx.data_opt::<Caller>().unwrap_or(&unknown);
    let writes = ctx.data::<Arc<Writes>>().map_err(|_| Failure::Internal("a request came without its way to write"))?;
    let key = match Key::of(ctx, caller, work.name(), work.idempotency_key())? {
        Ok(key) => key,
        Err(error) => return Ok(Answer::refused(vec![error])),
    };
    let line = ctx.data::<Line>().map_err(|_| Failure::Internal("a request came without its line"))?;
    let mut attempt = 1;
    loop {
        let turn = line.0.acquire().await.map_err(|_| Failure::Internal("the line of mutations is closed"))?;
        let outcome = async {
            let journal = Journal::begin(&reader.db, reader.now()).await?;
            let scope = work.scope();
            let writing = Writing { journal, writes, caller, actor: &reader.actor, scope, entries: Vec::new() };
            writing.carry_out(work, key.as_ref()).await
        };
        let outcome = outcome.await;
        drop(turn);
        match outcome {
            Err(error @ (Failure::Store(_) | Failure::Write(_))) if attempt < ATTEMPTS => {
                tracing::debug!(mutation = work.name(), attempt, error = ?error, "a mutation is tried again");
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

impl Writing<'_> {
    async fn carry_out(mut self, work: &dyn Work, key: Option<&Key>) -> Result<Answer> {
        if let Some(key) = key {
            match key.meet(self.journal.connection(), self.journal.at(), self.writes.kept_for).await? {
                Met::First => {}
                Met::Again(answer) => return Ok(answer),
                Met::Otherwise => return Ok(Answer::refused(vec![idempotency::otherwise()])),
            }
        }
        let answer = work.carry_out(&mut self).await?;
        self.note_refusals(work.name(), &answer);
        audit::append(self.journal.connection(), &self.entries).await?;
        if let Some(key) = key {
            key.keep(self.journal.connection(), &answer).await?;
        }
        let changes = self.journal.commit().await?;
        if !changes.is_empty() {
            self.writes.observers.iter().for_each(|observer| observer.committed(&changes));
        }
        Ok(answer)
    }

    /// The open transaction.
    pub(super) fn db(&self) -> &DatabaseTransaction {
        self.journal.connection()
    }

    /// Whether whoever writes holds this scope.
    pub(super) fn holds(&self, scope: &str) -> bool {
        self.caller.identity.as_deref().is_some_and(|identity| identity.holds(scope))
    }

    /// For whom the mutation writes; what is wrong where that is nobody.
    pub(super) async fn author(&self) -> Result<std::result::Result<Author, UserError>> {
        let organisation = self.caller.identity.as_deref().and_then(|identity| identity.organisation.as_ref());
        Author::find(self.db(), organisation).await
    }

    /// Makes sure that nobody else writes for this organisation until the transaction ends.
    pub(super) async fn arrive(&self, author: &Author) -> Result<Sender> {
        let sender = author.sender(self.writes.priority)?;
        push::arrive(&self.journal, &sender).await?;
        Ok(sender)
    }

    /// Writes records, each with all that the sender says of it.
    pub(super) async fn write(&mut self, sender: &Sender, pushes: Vec<Push>) -> Result<Pushed> {
        let pushed = push::write(&mut self.journal, sender, pushes).await?;
        self.note_changes(&pushed, None);
        Ok(pushed)
    }

    /// Writes parts of what the sender says of records that are there.
    pub(super) async fn amend(
        &mut self,
        sender: &Sender,
        amendments: Vec<Amendment>,
        note: Option<String>,
    ) -> Result<Pushed> {
        let pushed = push::amend(&mut self.journal, sender, amendments, note.clone()).await?;
        self.note_changes(&pushed, note.as_deref());
        Ok(pushed)
    }

    /// Gives account of something.
    pub(super) fn note(&mut self, deed: Deed) {
        self.entries.push(deed.by(self.actor, self.journal.at(), &self.writes.register));
    }

    fn note_changes(&mut self, pushed: &Pushed, said: Option<&str>) {
        for change in &pushed.changes {
            let action = match change.action {
                ChangeAction::Created => AuditAction::Created,
                ChangeAction::Updated => AuditAction::Updated,
                ChangeAction::Deleted => AuditAction::Deleted,
            };
            let mut details = json!({ "before": change.before, "after": change.after });
            if let Some(said) = said {
                details["note"] = json!(said);
            }
            self.note(Deed {
                activity: self.scope,
                action,
                status: AuditStatus::Ok,
                record: Some((change.record_type, change.record_id)),
                details: Some(details),
            });
        }
    }

    fn note_refusals(&mut self, mutation: &str, answer: &Answer) {
        let of_records = answer.results.iter().flat_map(|result| &result.errors);
        let errors: Vec<&UserError> = answer.errors.iter().chain(of_records).collect();
        if errors.is_empty() {
            return;
        }
        // What was sent is not kept: it may be what it was refused for.
        let mut codes: Vec<UserErrorCode> = Vec::new();
        for error in &errors {
            if !codes.contains(&error.code) {
                codes.push(error.code);
            }
        }
        let details: Value = json!({ "mutation": mutation, "errors": errors.len(), "codes": codes });
        self.note(Deed {
            activity: self.scope,
            action: AuditAction::Refused,
            status: AuditStatus::Error,
            record: None,
            details: Some(details),
        });
    }
}
