//! What a write changed in a record, for those who keep account of it: the fields that differ, before and after. Contact
//! details are left out: an account that cannot be changed must not hold what somebody may have a right to have taken
//! away. It tells that they changed, not into what. Pure.

use entity::journal::Record;
use entity::vocabulary::{ChangeAction, RecordType};
use sea_orm::sea_query::sea_value_to_json_value;
use sea_orm::{EntityTrait, IdenStatic, Iterable};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What happened to a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Its type.
    pub record_type: RecordType,
    /// The record.
    pub record_id: Uuid,
    /// What happened to it.
    pub action: ChangeAction,
    /// The fields that changed, as they were. Null where it was not there.
    pub before: Value,
    /// The fields that changed, as they are. Null where it is gone.
    pub after: Value,
}

/// Counters and instants of each write, and what other columns say in another way.
const NOT_TOLD: [&str; 7] = ["id", "version", "created_at", "updated_at", "geo_x", "geo_y", "geo_z"];
/// What stands for contact details.
const REDACTED: &str = "(not kept)";

/// The fields that differ, before and after.
pub(crate) fn between<R: Record>(before: Option<&R>, after: &R) -> (Value, Value) {
    let (mut was, mut is) = (Map::new(), Map::new());
    for column in <R::Table as EntityTrait>::Column::iter() {
        let name = column.as_str();
        let now = after.get(column);
        let then = before.map(|row| row.get(column));
        if NOT_TOLD.contains(&name) || then.as_ref() == Some(&now) {
            continue;
        }
        let told = |value: &sea_orm::Value| match sea_value_to_json_value(value) {
            Value::Null => Value::Null,
            _ if name.starts_with("contact_") => REDACTED.into(),
            told => told,
        };
        if let Some(then) = &then {
            was.insert(name.to_owned(), told(then));
        }
        let told = told(&now);
        if before.is_some() || !told.is_null() {
            is.insert(name.to_owned(), told);
        }
    }
    (if before.is_some() { Value::Object(was) } else { Value::Null }, Value::Object(is))
}
