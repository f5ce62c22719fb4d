//! What is stored of what sources say.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::vocabulary::RecordType;
use entity::{Code, claim};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Statement,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Values in one `IN` list.
const MOST_VALUES: usize = 5_000;

/// A claim without its content.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Head {
    pub(crate) id: i64,
    pub(crate) record_type: RecordType,
    pub(crate) external_id: String,
    pub(crate) record_id: Uuid,
    pub(crate) content_hash: Vec<u8>,
    pub(crate) changed_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

impl Head {
    /// When it was last written that the source says something else of it, or nothing any more.
    pub(crate) fn written_at(&self) -> DateTime<Utc> {
        self.deleted_at.map_or(self.changed_at, |deleted_at| deleted_at.max(self.changed_at))
    }
}

/// What tells the same content from another: a digest of it and of the version of the mapping that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(content: &Value, mapping_version: u32) -> Self {
        let mut digest = Sha256::new();
        digest.update(mapping_version.to_be_bytes());
        digest.update(content.to_string());
        Self(digest.finalize().into())
    }

    /// As it is stored: behind 1 where the record is complete, behind 0 where it points to something that is not known
    /// yet. A record that was incomplete is thereby never taken for unchanged.
    pub(crate) fn stored(&self, complete: bool) -> Vec<u8> {
        let mut bytes = vec![u8::from(complete)];
        bytes.extend(self.0);
        bytes
    }
}

/// The claims of a source with these identifiers.
pub(crate) async fn heads(
    db: &impl ConnectionTrait,
    source_id: &str,
    keys: &HashSet<(RecordType, String)>,
) -> Result<HashMap<(RecordType, String), Head>, DbErr> {
    let mut by_type: HashMap<RecordType, Vec<&str>> = HashMap::new();
    for (record_type, external_id) in keys {
        by_type.entry(*record_type).or_default().push(external_id);
    }
    let mut heads = HashMap::new();
    for (record_type, external_ids) in by_type {
        for external_ids in external_ids.chunks(MOST_VALUES) {
            let found = match db.get_database_backend() {
                DbBackend::Postgres => Head::find_by_statement(one_by_one(source_id, record_type, external_ids)),
                _ => Head::find_by_statement(
                    db.get_database_backend().build(
                        select_heads()
                            .filter(claim::Column::SourceId.eq(source_id))
                            .filter(claim::Column::RecordType.eq(record_type))
                            .filter(claim::Column::ExternalId.is_in(external_ids.iter().copied()))
                            .as_query(),
                    ),
                ),
            };
            let found = found.all(db).await?;
            heads.extend(found.into_iter().map(|head| ((head.record_type, head.external_id.clone()), head)));
        }
    }
    Ok(heads)
}

/// The live claims of a stream with numbers above `after`, in their order, at most `limit`.
pub(crate) async fn live_heads(
    db: &impl ConnectionTrait,
    source_id: &str,
    stream: &str,
    after: i64,
    limit: u64,
) -> Result<Vec<Head>, DbErr> {
    select_heads()
        .filter(claim::Column::SourceId.eq(source_id))
        .filter(claim::Column::Stream.eq(stream))
        .filter(claim::Column::DeletedAt.is_null())
        .filter(claim::Column::Id.gt(after))
        .order_by_asc(claim::Column::Id)
        .limit(limit)
        .into_model::<Head>()
        .all(db)
        .await
}

/// Whether a claim of the stream points to something that was not known.
pub(crate) async fn any_incomplete(db: &impl ConnectionTrait, source_id: &str, stream: &str) -> Result<bool, DbErr> {
    let incomplete = select_heads()
        .filter(claim::Column::SourceId.eq(source_id))
        .filter(claim::Column::Stream.eq(stream))
        .filter(claim::Column::DeletedAt.is_null())
        .filter(claim::Column::ContentHash.lt(vec![1_u8]))
        .limit(1)
        .into_model::<Head>()
        .one(db)
        .await?;
    Ok(incomplete.is_some())
}

/// All that is said of these records.
pub(crate) async fn of_records(
    db: &impl ConnectionTrait,
    record_ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<claim::Model>>, DbErr> {
    let mut claims: HashMap<Uuid, Vec<claim::Model>> = HashMap::new();
    for record_ids in record_ids.chunks(MOST_VALUES) {
        let found = claim::Entity::find()
            .filter(claim::Column::RecordId.is_in(record_ids.iter().copied()))
            .filter(claim::Column::DeletedAt.is_null())
            .all(db)
            .await?;
        for claim in found {
            claims.entry(claim.record_id).or_default().push(claim);
        }
    }
    Ok(claims)
}

/// A claim to be written.
#[derive(Debug)]
pub(crate) struct NewClaim {
    pub(crate) external_id: String,
    pub(crate) record_id: Uuid,
    pub(crate) content_hash: Vec<u8>,
    pub(crate) content: Value,
    pub(crate) status_at: Option<DateTime<Utc>>,
}

/// Writes claims, new or changed, and returns their numbers.
pub(crate) async fn save(
    db: &impl ConnectionTrait,
    source_id: &str,
    stream: &str,
    record_type: RecordType,
    claims: Vec<NewClaim>,
    now: DateTime<Utc>,
) -> Result<Vec<i64>, DbErr> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let keys: HashSet<_> = claims.iter().map(|claim| (record_type, claim.external_id.clone())).collect();
    let rows = claims.into_iter().map(|claim| {
        let mut row = claim::Model {
            id: 0,
            source_id: source_id.to_owned(),
            stream: stream.to_owned(),
            record_type,
            external_id: claim.external_id,
            record_id: claim.record_id,
            content_hash: claim.content_hash,
            content: claim.content,
            first_seen_at: now,
            changed_at: now,
            deleted_at: None,
            status_at: claim.status_at,
        }
        .into_active_model();
        row.id = ActiveValue::NotSet;
        row
    });
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let batch: Vec<_> = rows.by_ref().take(MOST_VALUES / 10).collect();
        claim::Entity::insert_many(batch)
            .on_conflict(
                OnConflict::columns([claim::Column::SourceId, claim::Column::RecordType, claim::Column::ExternalId])
                    .update_columns([
                        claim::Column::Stream,
                        claim::Column::RecordId,
                        claim::Column::ContentHash,
                        claim::Column::Content,
                        claim::Column::ChangedAt,
                        claim::Column::DeletedAt,
                        claim::Column::StatusAt,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(db)
            .await?;
    }
    Ok(heads(db, source_id, &keys).await?.into_values().map(|head| head.id).collect())
}

/// Notes that the source no longer says anything of these.
pub(crate) async fn retire(db: &impl ConnectionTrait, ids: &[i64], now: DateTime<Utc>) -> Result<(), DbErr> {
    for ids in ids.chunks(MOST_VALUES) {
        claim::Entity::update_many()
            .col_expr(claim::Column::DeletedAt, Expr::value(now))
            .filter(claim::Column::Id.is_in(ids.iter().copied()))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// The claims of these identifiers, each looked up by itself. PostgreSQL takes a source for small as long as a table's
/// statistics know nothing of it: of a list of identifiers it would rather read all that a first load has written so far,
/// for every page. Behind `LATERAL` and `LIMIT` it cannot.
fn one_by_one(source_id: &str, record_type: RecordType, external_ids: &[&str]) -> Statement {
    let places: Vec<String> = (3..external_ids.len() + 3).map(|place| format!("(${place})")).collect();
    let sql = format!(
        "SELECT found.* FROM (VALUES {}) AS wanted (external_id) CROSS JOIN LATERAL (\
         SELECT id, record_type, external_id, record_id, content_hash, changed_at, deleted_at FROM claim \
         WHERE source_id = $1 AND record_type = $2 AND external_id = wanted.external_id LIMIT 1) AS found",
        places.join(", ")
    );
    let values = [source_id, record_type.code()].into_iter().chain(external_ids.iter().copied());
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values.map(sea_orm::Value::from))
}

fn select_heads() -> sea_orm::Select<claim::Entity> {
    claim::Entity::find().select_only().columns([
        claim::Column::Id,
        claim::Column::RecordType,
        claim::Column::ExternalId,
        claim::Column::RecordId,
        claim::Column::ContentHash,
        claim::Column::ChangedAt,
        claim::Column::DeletedAt,
    ])
}
