//! Mutations that are sent again: the first of them is done, in one transaction with its answer, and the others are
//! answered the same. Kept in the store, so that it holds after a restart, on another replica, and without Redis.

use async_graphql::{Context, Value};
use chrono::{DateTime, TimeDelta, Utc};
use entity::idempotency_key::{self, Column};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter};
use sha2::{Digest, Sha256};

use super::answer::{Answer, UserError, UserErrorCode};
use crate::error::{Failure, Result};
use crate::graphql::caller::Caller;

/// No key is longer, in bytes.
const LONGEST: usize = 255;
const FIELD: &[&str] = &["idempotencyKey"];

/// What tells a mutation from every other.
#[derive(Clone, Debug)]
pub(super) struct Key {
    organisation: String,
    client: String,
    key: String,
    place: String,
    input_hash: Vec<u8>,
}

/// What is known of a key.
pub(super) enum Met {
    /// It is new; whoever sends the same waits until this transaction ends.
    First,
    /// It was sent before, and answered so.
    Again(Answer),
    /// It was sent before with another input.
    Otherwise,
}

impl Key {
    /// The key of a mutation, from the header or the input. `None` where there is none.
    pub(super) fn of(
        ctx: &Context<'_>,
        caller: &Caller,
        mutation: &str,
        in_input: Option<&str>,
    ) -> Result<std::result::Result<Option<Self>, UserError>> {
        // The header's value is a string in quotes by its draft standard; most clients leave them out.
        let in_header = caller.idempotency_key.as_deref().map(|key| key.trim().trim_matches('"'));
        let key = match (in_header, in_input) {
            (Some(header), Some(input)) if header != input => {
                let message = "The header `Idempotency-Key` says another key than the input.";
                return Ok(Err(UserError::at(FIELD, UserErrorCode::Invalid, message)));
            }
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => return Ok(Ok(None)),
        };
        if key.is_empty() || key.len() > LONGEST || key.chars().any(char::is_control) {
            let message = format!("The key must have 1 to {LONGEST} bytes, none of them a control character.");
            return Ok(Err(UserError::at(FIELD, UserErrorCode::Invalid, message)));
        }
        let identity = caller.identity.as_deref();
        let organisation = identity.and_then(|identity| identity.organisation.as_ref());
        // One document may hold a mutation twice, under two names.
        let name = ctx.field().alias().unwrap_or_else(|| ctx.field().name()).to_owned();
        Ok(Ok(Some(Self {
            organisation: organisation.map(ToString::to_string).unwrap_or_default(),
            client: identity.and_then(|identity| identity.client.clone()).unwrap_or_default(),
            key: key.to_owned(),
            place: format!("{mutation} {name}"),
            input_hash: hash(ctx)?,
        })))
    }

    /// Enters the key, or finds what it was answered. Waits for an equal mutation under way.
    pub(super) async fn meet(&self, db: &DatabaseTransaction, now: DateTime<Utc>, kept_for: TimeDelta) -> Result<Met> {
        // What is past its time is as if it had never been, whether it has been let go or not.
        self.rows_to_delete().filter(Column::CreatedAt.lt(now - kept_for)).exec(db).await?;
        let row = idempotency_key::Model {
            organisation: self.organisation.clone(),
            client: self.client.clone(),
            key: self.key.clone(),
            place: self.place.clone(),
            input_hash: self.input_hash.clone(),
            answer: None,
            created_at: now,
        };
        let entered = idempotency_key::Entity::insert(row.into_active_model())
            .on_conflict(
                OnConflict::columns([Column::Organisation, Column::Client, Column::Key, Column::Place])
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(db)
            .await?;
        if entered == 1 {
            return Ok(Met::First);
        }
        let id = (self.organisation.clone(), self.client.clone(), self.key.clone(), self.place.clone());
        let stored = idempotency_key::Entity::find_by_id(id).one(db).await?;
        let stored = stored.ok_or(Failure::Internal("a key is neither new nor there"))?;
        if stored.input_hash != self.input_hash {
            return Ok(Met::Otherwise);
        }
        let answer = stored.answer.and_then(|answer| serde_json::from_value(answer).ok());
        answer.map(Met::Again).ok_or(Failure::Internal("a key is without its answer"))
    }

    /// Keeps the answer, as part of what is about to be committed.
    pub(super) async fn keep(&self, db: &DatabaseTransaction, answer: &Answer) -> Result<()> {
        let answer = serde_json::to_value(answer).map_err(|_| Failure::Internal("an answer cannot be written"))?;
        idempotency_key::Entity::update_many()
            .col_expr(Column::Answer, Expr::value(answer))
            .filter(Column::Organisation.eq(&self.organisation))
            .filter(Column::Client.eq(&self.client))
            .filter(Column::Key.eq(&self.key))
            .filter(Column::Place.eq(&self.place))
            .exec(db)
            .await?;
        Ok(())
    }

    fn rows_to_delete(&self) -> sea_orm::DeleteMany<idempotency_key::Entity> {
        idempotency_key::Entity::delete_many()
            .filter(Column::Organisation.eq(&self.organisation))
            .filter(Column::Client.eq(&self.client))
            .filter(Column::Key.eq(&self.key))
            .filter(Column::Place.eq(&self.place))
    }
}

/// The answer to a key that was sent with another input.
pub(super) fn otherwise() -> UserError {
    let message = "This key was sent before with another input. Take a new key for a new mutation.";
    UserError::at(FIELD, UserErrorCode::Conflict, message)
}

/// A digest of the input without its key, whatever the order of its fields.
fn hash(ctx: &Context<'_>) -> Result<Vec<u8>> {
    let arguments = ctx.field().arguments().map_err(|_| Failure::Internal("a mutation's arguments cannot be read"))?;
    let mut digest = Sha256::new();
    for (name, value) in arguments {
        digest.update(name.as_bytes());
        update(&mut digest, value, true);
    }
    Ok(digest.finalize().to_vec())
}

fn update(digest: &mut Sha256, value: Value, is_input: bool) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            digest.update("{");
            for (name, value) in fields {
                if is_input && name == FIELD[0] {
                    continue;
                }
                digest.update(name.as_bytes());
                digest.update(":");
                update(digest, value, false);
            }
            digest.update("}");
        }
        Value::List(items) => {
            digest.update("[");
            items.into_iter().for_each(|item| update(digest, item, false));
            digest.update("]");
        }
        // A name of an enumeration comes as a string where it comes in a variable.
        Value::Enum(name) => update(digest, Value::String(name.to_string()), false),
        leaf => {
            digest.update(leaf.to_string());
            digest.update(",");
        }
    }
}
