//! What a stream's raw records look like, by path: which fields they have and what types these hold. A partner that
//! changes its interface without a word is found out by it ("drift").

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::stream_shape;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Paths that are kept of a stream. What has more is a map by identifiers rather than a record.
const MOST_FIELDS: usize = 400;
/// Levels of a record that are looked at.
const DEEPEST: usize = 6;
/// Items of a list that are looked at.
const MOST_ITEMS: usize = 20;
/// Differences that one run tells of.
const MOST_DIFFERENCES: usize = 40;
/// From so many records on, what all of them have is taken for what each must have.
const ENOUGH: u64 = 10;

/// JSON's types, as bits.
const TYPES: [(u8, &str); 6] =
    [(1, "null"), (2, "yes or no"), (4, "a number"), (8, "a text"), (16, "a list"), (32, "an object")];
const NULL: u8 = 1;

/// What records look like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    records: u64,
    fields: BTreeMap<String, Field>,
}

/// One path of a shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Field {
    /// Types that were met, as bits of [`TYPES`].
    types: u8,
    /// Records that had it.
    records: u64,
}

impl Shape {
    /// The shape that is known of a stream; an empty one where none is.
    pub(crate) async fn load(db: &impl ConnectionTrait, source_id: &str, stream: &str) -> Result<Self, DbErr> {
        let key = (source_id.to_owned(), stream.to_owned());
        let row = stream_shape::Entity::find_by_id(key).one(db).await?;
        // What an older hub wrote otherwise is learned anew.
        Ok(row.and_then(|row| Self::parse(row.records, row.fields)).unwrap_or_default())
    }

    fn parse(records: i64, fields: Value) -> Option<Self> {
        Some(Self { records: u64::try_from(records).ok()?, fields: serde_json::from_value(fields).ok()? })
    }

    /// Writes the shape as what is known.
    pub(crate) async fn save(
        &self,
        db: &impl ConnectionTrait,
        source_id: &str,
        stream: &str,
        now: DateTime<Utc>,
    ) -> Result<(), DbErr> {
        let row = stream_shape::Model {
            source_id: source_id.to_owned(),
            stream: stream.to_owned(),
            records: i64::try_from(self.records).unwrap_or(i64::MAX),
            fields: serde_json::to_value(&self.fields).unwrap_or_default(),
            learned_at: now,
        };
        let columns = [stream_shape::Column::Records, stream_shape::Column::Fields, stream_shape::Column::LearnedAt];
        stream_shape::Entity::insert(row.into_active_model())
            .on_conflict(
                OnConflict::columns([stream_shape::Column::SourceId, stream_shape::Column::Stream])
                    .update_columns(columns)
                    .to_owned(),
            )
            .exec_without_returning(db)
            .await?;
        Ok(())
    }

    /// Whether nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Takes in a record.
    pub(crate) fn learn(&mut self, raw: &Value) {
        let mut of_record = BTreeMap::new();
        collect(raw, "", 0, &mut of_record);
        self.records += 1;
        for (path, types) in of_record {
            self.add(path, Field { types, records: 1 });
        }
    }

    /// Takes in what another shape was learned from.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.records += other.records;
        for (path, field) in &other.fields {
            self.add(path.clone(), *field);
        }
    }

    fn add(&mut self, path: String, field: Field) {
        let is_full = self.is_full();
        match self.fields.get_mut(&path) {
            Some(known) => {
                known.types |= field.types;
                known.records += field.records;
            }
            None if !is_full => {
                self.fields.insert(path, field);
            }
            None => {}
        }
    }

    fn is_full(&self) -> bool {
        self.fields.len() >= MOST_FIELDS
    }

    /// How records that were read now differ from those known, one sentence each. `whole`: these were all there are, so
    /// that what is in none of them is gone.
    pub(crate) fn drift(&self, now: &Self, whole: bool) -> Vec<String> {
        if self.is_empty() || now.is_empty() {
            return Vec::new();
        }
        let mut differences = self.additions(&now.fields);
        if whole {
            let common = |field: &Field| field.records.saturating_mul(2) >= self.records;
            differences.extend(self.absences(&now.fields, common));
        }
        let more = differences.len().saturating_sub(MOST_DIFFERENCES);
        differences.truncate(MOST_DIFFERENCES);
        if more > 0 {
            differences.push(format!("and {more} more differences"));
        }
        differences
    }

    /// How one record differs from those known, one sentence each.
    pub(crate) fn departures(&self, raw: &Value) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut of_record = BTreeMap::new();
        collect(raw, "", 0, &mut of_record);
        let fields = of_record.into_iter().map(|(path, types)| (path, Field { types, records: 1 })).collect();
        let mut differences = self.additions(&fields);
        let in_all = |field: &Field| self.records >= ENOUGH && field.records == self.records;
        differences.extend(self.absences(&fields, in_all));
        differences.truncate(MOST_DIFFERENCES);
        differences
    }

    /// What is to be known from now on: the present shape, with what is rare and may well come again.
    pub(crate) fn followed_by(&self, now: &Self, whole: bool) -> Self {
        let mut known = now.clone();
        if !whole {
            known.merge(self);
            return known;
        }
        for (path, field) in &self.fields {
            let rare = field.records.saturating_mul(2) < self.records;
            if rare || now.fields.contains_key(path) {
                known.add(path.clone(), Field { records: 0, ..*field });
            }
        }
        known
    }

    /// Fields that are new, or hold a type that they did not.
    fn additions(&self, fields: &BTreeMap<String, Field>) -> Vec<String> {
        let mut differences = Vec::new();
        for (path, field) in fields {
            match self.fields.get(path) {
                // Below what is new, everything is.
                None if !self.is_full() && !inside(path, |above| !self.fields.contains_key(above)) => {
                    differences.push(format!("`{path}` is new"));
                }
                None => {}
                Some(known) => {
                    let (before, added) = (known.types & !NULL, field.types & !known.types & !NULL);
                    if before != 0 && added != 0 {
                        differences.push(format!("`{path}` holds {} where it held {}", names(added), names(before)));
                    }
                }
            }
        }
        differences
    }

    /// Fields that are expected and not there.
    fn absences(&self, fields: &BTreeMap<String, Field>, expected: impl Fn(&Field) -> bool) -> Vec<String> {
        let gone = |path: &str, field: &Field| expected(field) && !fields.contains_key(path);
        self.fields
            .iter()
            .filter(|(path, field)| gone(path, field))
            // What stood below something that is gone, or is empty now, is not told of by itself.
            .filter(|(path, _)| !inside(path, |above| !fields.contains_key(above)) && !path.contains("[]"))
            .map(|(path, _)| format!("`{path}` is gone"))
            .collect()
    }
}

/// Whether `is_so` of anything that the path lies in.
fn inside(path: &str, is_so: impl Fn(&str) -> bool) -> bool {
    path.match_indices(['.', '[']).any(|(end, _)| is_so(&path[..end]))
}

fn collect(value: &Value, path: &str, depth: usize, fields: &mut BTreeMap<String, u8>) {
    if depth >= DEEPEST || fields.len() >= MOST_FIELDS {
        return;
    }
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                // What separates the steps of a path cannot stand in one.
                let name = name.replace(['.', '['], "_");
                let name: String = name.chars().take(60).collect();
                let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                *fields.entry(path.clone()).or_default() |= bit(value);
                collect(value, &path, depth + 1, fields);
            }
        }
        Value::Array(items) => {
            let path = format!("{path}[]");
            for item in items.iter().take(MOST_ITEMS) {
                *fields.entry(path.clone()).or_default() |= bit(item);
                collect(item, &path, depth + 1, fields);
            }
        }
        _ => {}
    }
}

fn bit(value: &Value) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => 2,
        Value::Number(_) => 4,
        Value::String(_) => 8,
        Value::Array(_) => 16,
        Value::Object(_) => 32,
    }
}

fn names(types: u8) -> String {
    let names: Vec<_> = TYPES.iter().filter(|(bit, _)| types & bit != 0).map(|(_, name)| *name).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(records: &[Value]) -> Shape {
        let mut shape = Shape::default();
        records.iter().for_each(|raw| shape.learn(raw));
        shape
    }

    #[test]
    fn what_appears_vanishes_or_changes_its_type_is_told_of() {
        let before = shape(&[json!({"id": 1, "name": "a", "pupils": 3, "at": {"street": "x"}})]);
        let now = shape(&[json!({"id": 1, "pupils": "3", "at": {"street": "x"}, "where": {"city": "y", "zip": "z"}})]);
        assert_eq!(
            before.drift(&now, true),
            ["`pupils` holds a text where it held a number", "`where` is new", "`name` is gone"]
        );
        assert!(!before.drift(&now, false).contains(&"`name` is gone".to_owned()));
        assert!(before.drift(&before, true).is_empty());
    }

    #[test]
    fn nothing_known_and_nothing_read_differ_from_nothing() {
        let some = shape(&[json!({"id": 1})]);
        assert!(Shape::default().drift(&some, true).is_empty());
        assert!(some.drift(&Shape::default(), true).is_empty());
    }

    #[test]
    fn what_is_null_or_rare_is_no_drift() {
        let before = shape(&[json!({"id": 1, "note": "x", "site": null}), json!({"id": 2}), json!({"id": 3})]);
        let now = shape(&[json!({"id": null, "site": "y"})]);
        assert!(before.drift(&now, true).is_empty());
        // What was rare is still known afterwards.
        let known = before.followed_by(&now, true);
        assert!(known.drift(&shape(&[json!({"id": 1, "note": "z", "site": "y"})]), true).is_empty());
    }

    #[test]
    fn one_record_departs_from_what_all_had() {
        let records: Vec<_> = (0..12).map(|id| json!({"id": id, "tags": ["a"]})).collect();
        let known = shape(&records);
        assert!(known.departures(&json!({"id": 99, "tags": []})).is_empty());
        assert_eq!(known.departures(&json!({"id": 99})), ["`tags` is gone"]);
        assert_eq!(known.departures(&json!({"id": "x", "tags": [1]})).len(), 2);
    }

    #[test]
    fn a_map_by_identifiers_does_not_grow_without_end() {
        let records: Vec<_> = (0..2_000).map(|id| json!({"prices": {format!("home-{id}"): 1}})).collect();
        let known = shape(&records);
        assert_eq!(known.fields.len(), MOST_FIELDS);
        assert!(known.drift(&shape(&[json!({"prices": {"home-x": 1}})]), true).is_empty());
    }

    #[test]
    fn a_shape_is_kept_as_it_was() {
        let known = shape(&[json!({"id": 1, "list": [{"a": true}]})]);
        let fields = serde_json::to_value(&known.fields).unwrap();
        assert_eq!(Shape::parse(1, fields), Some(known));
    }
}
