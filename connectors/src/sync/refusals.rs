//! Records that could not be taken: kept with why and with what came, without contact details.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::code::Texts;
use entity::{citizen_number, refusal};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A payload longer than this is cut: it is for people to look at.
const LONGEST_PAYLOAD: usize = 8 * 1024;
/// Parts of the names of fields that may tell of people, in any of the standards: their values are not kept.
const PERSONAL: [&str; 18] = [
    "contact",
    "mail",
    "phone",
    "telefoon",
    "mobile",
    "mobiel",
    "sms",
    "fax",
    "givenname",
    "familyname",
    "username",
    "users",
    "agents",
    "iban",
    "bsn",
    "burgerservicenummer",
    "onderwijsnummer",
    "pgn",
];

/// A record set aside.
#[derive(Debug)]
pub(crate) struct Rejected<'a> {
    /// Its identifier in the source, where it has one.
    pub(crate) external_id: Option<String>,
    /// Why, one sentence each.
    pub(crate) reasons: Vec<String>,
    /// Whether it would be taken once another record is known.
    pub(crate) awaits_reference: bool,
    /// What came.
    pub(crate) raw: &'a Value,
}

impl Rejected<'_> {
    /// What tells it from other refusals of its stream.
    pub(crate) fn key(&self) -> String {
        match &self.external_id {
            Some(external_id) => external_id.clone(),
            None => {
                let digest = Sha256::digest(self.raw.to_string());
                digest.iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }
}

/// Since when a refusal that is repeated counts.
const FIRST_SEEN_AT: &str = "CASE WHEN excluded.awaits_reference AND NOT refusal.awaits_reference \
     THEN excluded.first_seen_at ELSE refusal.first_seen_at END";

/// The keys of a stream's refusals.
pub(crate) async fn keys(db: &impl ConnectionTrait, source_id: &str, stream: &str) -> Result<HashSet<String>, DbErr> {
    let keys: Vec<String> =
        of_stream(source_id, stream).select_only().column(refusal::Column::RecordKey).into_tuple().all(db).await?;
    Ok(keys.into_iter().collect())
}

/// Whether a refusal of the stream waits for another record.
pub(crate) async fn any_awaits(db: &impl ConnectionTrait, source_id: &str, stream: &str) -> Result<bool, DbErr> {
    let waiting = of_stream(source_id, stream).filter(refusal::Column::AwaitsReference.eq(true)).one(db).await?;
    Ok(waiting.is_some())
}

/// Writes refusals, new or repeated.
pub(crate) async fn save(
    db: &impl ConnectionTrait,
    source_id: &str,
    stream: &str,
    rejected: &[Rejected<'_>],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    // One row per key: a page may hold the same faulty record twice, and PostgreSQL takes a row once per statement.
    let rows: HashMap<String, refusal::Model> = rejected
        .iter()
        .map(|rejected| {
            let row = refusal::Model {
                id: Uuid::now_v7(),
                source_id: source_id.to_owned(),
                stream: stream.to_owned(),
                record_key: rejected.key(),
                external_id: rejected.external_id.clone(),
                reasons: Texts(rejected.reasons.clone()),
                awaits_reference: rejected.awaits_reference,
                payload: Some(payload(rejected.raw)),
                first_seen_at: now,
                last_seen_at: now,
            };
            (row.record_key.clone(), row)
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    refusal::Entity::insert_many(rows.into_values().map(IntoActiveModel::into_active_model))
        .on_conflict(
            OnConflict::columns([refusal::Column::SourceId, refusal::Column::Stream, refusal::Column::RecordKey])
                .update_columns([
                    refusal::Column::Reasons,
                    refusal::Column::AwaitsReference,
                    refusal::Column::Payload,
                    refusal::Column::LastSeenAt,
                ])
                // One that was refused for something else before waits since now: what it waits for was not looked for yet.
                .value(refusal::Column::FirstSeenAt, Expr::cust(FIRST_SEEN_AT))
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Takes away the refusals of records that have been taken now.
pub(crate) async fn clear(
    db: &impl ConnectionTrait,
    source_id: &str,
    stream: &str,
    keys: &[String],
) -> Result<(), DbErr> {
    for keys in keys.chunks(1000) {
        refusal::Entity::delete_many()
            .filter(refusal::Column::SourceId.eq(source_id))
            .filter(refusal::Column::Stream.eq(stream))
            .filter(refusal::Column::RecordKey.is_in(keys))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Takes away the refusals of records that a full reading begun at `began_at` has not met again.
pub(crate) async fn clear_gone(
    db: &impl ConnectionTrait,
    source_id: &str,
    stream: &str,
    began_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    refusal::Entity::delete_many()
        .filter(refusal::Column::SourceId.eq(source_id))
        .filter(refusal::Column::Stream.eq(stream))
        .filter(refusal::Column::LastSeenAt.lt(began_at))
        .exec(db)
        .await?;
    Ok(())
}

fn of_stream(source_id: &str, stream: &str) -> sea_orm::Select<refusal::Entity> {
    refusal::Entity::find().filter(refusal::Column::SourceId.eq(source_id)).filter(refusal::Column::Stream.eq(stream))
}

/// What came, without contact details, cut where it is long.
fn payload(raw: &Value) -> String {
    let mut text = without_personal(raw).to_string();
    if text.len() > LONGEST_PAYLOAD {
        let end = (0..=LONGEST_PAYLOAD).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    // PostgreSQL's text cannot hold it, and JSON writes it as an escape only in strings that people typed.
    text.replace('\0', "")
}

fn without_personal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let name_of_field: String = name.chars().filter(char::is_ascii_alphabetic).collect();
                let name_of_field = name_of_field.to_ascii_lowercase();
                let personal = PERSONAL.iter().any(|part| name_of_field.contains(part));
                let value = if personal && !value.is_null() { "(not kept)".into() } else { without_personal(value) };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_personal).collect(),
        Value::String(text) => without_addresses(&citizen_number::masked(text)).into(),
        other => other.clone(),
    }
}

/// What people wrote, without what can be written or called to: any word with an `@` in it, and any long number that
/// begins as a telephone number does.
fn without_addresses(text: &str) -> String {
    let is_number = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        (word.starts_with("+31") || word.starts_with("06") || word.starts_with("(0"))
            && digits >= 6
            && word.chars().all(|char| char.is_ascii_digit() || "+-().".contains(char))
    };
    if !text.contains('@') && !text.split_whitespace().any(is_number) {
        return text.to_owned();
    }
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(|char: char| ",;:".contains(char));
        if word.contains('@') || is_number(bare) { "(not kept)" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contact_details_are_not_kept() {
        let raw = json!({"note": "van 999990019", "id": 7, "contact": {"name": "A. Voorbeeld"}, "org": [{"Email": "a@school.example", "x": 1}]});
        let kept = payload(&raw);
        assert!(!kept.contains("999990019"));
        assert!(!kept.contains("Voorbeeld") && !kept.contains("school.example"));
        assert!(kept.contains("\"x\":1"));
    }

    #[test]
    fn contact_details_in_what_people_wrote_are_not_kept_either() {
        let raw =
            json!({"naam": "X", "emailAdres": "a@b.example", "tekst": "Bel 06-12345678, of mail jan@school.example!"});
        let kept = payload(&raw);
        assert!(!kept.contains("12345678") && !kept.contains("jan@") && !kept.contains("a@b"), "{kept}");
        assert!(kept.contains("Bel (not kept) of mail (not kept)"), "{kept}");
        assert!(payload(&json!({"sourcedId": "0612345678", "postcode": "1011 AB"})).contains("1011 AB"));
    }

    #[test]
    fn a_long_payload_is_cut_at_a_character() {
        let kept = payload(&json!({"text": "é".repeat(20_000)}));
        assert!(kept.len() <= LONGEST_PAYLOAD + '…'.len_utf8());
    }
}
