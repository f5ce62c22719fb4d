//! Records that were set aside until another record is known, which another source may be telling just then: sources are
//! read side by side and in any order. Whoever read too early is due again at once, rather than after its interval.

use chrono::{DateTime, Utc};
use entity::{refusal, source, sync_run};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, UpdateMany,
};
use uuid::Uuid;

/// Has sources read again at once that may find what they wait for: this one, where it `was_read` and others told something
/// meanwhile, and others, where it `has_told` something.
pub(crate) async fn hasten(
    db: &impl ConnectionTrait,
    source_id: &str,
    run_id: Uuid,
    now: DateTime<Utc>,
    was_read: bool,
    has_told: bool,
) -> Result<(), DbErr> {
    if was_read && may_have_come(db, source_id, run_id).await? {
        due(now).filter(source::Column::Id.eq(source_id)).exec(db).await?;
    }
    if has_told {
        hasten_others(db, source_id, run_id, now).await?;
    }
    Ok(())
}

/// Sources are due, where they would be later.
fn due(now: DateTime<Utc>) -> UpdateMany<source::Entity> {
    source::Entity::update_many()
        .col_expr(source::Column::NextRunAt, Expr::value(now))
        .filter(source::Column::NextRunAt.gt(now))
        // One that fails is not asked earlier than it wanted to be.
        .filter(source::Column::Failures.eq(0))
}

/// Has the other sources read again that set records aside since this source was last read, now that it told something.
/// What has been waiting for longer was looked for in vain by then, and has time: no source is hastened by another more
/// than twice for the same record.
async fn hasten_others(
    db: &impl ConnectionTrait,
    source_id: &str,
    run_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let before = sync_run::Entity::find()
        .filter(sync_run::Column::SourceId.eq(source_id))
        .filter(sync_run::Column::Id.ne(run_id))
        .order_by_desc(sync_run::Column::StartedAt)
        .one(db)
        .await?;
    let waiting = waiting(before.map(|run| run.started_at)).select_only().column(refusal::Column::SourceId);
    due(now)
        .filter(source::Column::Id.ne(source_id))
        .filter(source::Column::Id.in_subquery(waiting.into_query()))
        .exec(db)
        .await?;
    Ok(())
}

/// Whether the run set something aside that another source may have told meanwhile.
async fn may_have_come(db: &impl ConnectionTrait, source_id: &str, run_id: Uuid) -> Result<bool, DbErr> {
    let Some(sync_run::Model { started_at: began_at, .. }) = sync_run::Entity::find_by_id(run_id).one(db).await? else {
        return Ok(false);
    };
    let waiting = waiting(Some(began_at)).filter(refusal::Column::SourceId.eq(source_id)).count(db).await?;
    if waiting == 0 {
        return Ok(false);
    }
    let told = sync_run::Column::Created.gt(0).or(sync_run::Column::Updated.gt(0));
    let others = sync_run::Entity::find()
        .filter(sync_run::Column::SourceId.ne(source_id))
        .filter(sync_run::Column::FinishedAt.gte(began_at))
        .filter(told);
    Ok(others.count(db).await? > 0)
}

/// What waits for another record, and was first set aside since then.
fn waiting(since: Option<DateTime<Utc>>) -> Select<refusal::Entity> {
    let waiting = refusal::Entity::find().filter(refusal::Column::AwaitsReference.eq(true));
    match since {
        Some(since) => waiting.filter(refusal::Column::FirstSeenAt.gte(since)),
        None => waiting,
    }
}
