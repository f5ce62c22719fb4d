//! The audit trail: what is written and what contacts are read stands in it, without contact details, and stays.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use entity::audit_entry::{self, AuditAction, AuditStatus, Column};
use entity::global_id::GlobalId;
use entity::{Clock, vocabulary::RecordType};
use gateway::audit::retention::{Retention, let_go};
use gateway::graphql::Caller;
use rstest::rstest;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use tests::store::Backend;

use super::Stage;

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_write_is_told_with_who_and_what_and_no_contact_details(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let board = Caller { traceparent: Some(trace.to_owned()), ..stage.board() };
    let contact = json!({ "name": "A. Voorbeeld", "email": "a@school.example" });
    let need = stage.need(json!({ "contact": contact })).await?;
    let change = json!({ "id": need["id"], "title": "Anders", "contact": { "phone": "06 12345678" } });
    stage.mutate(&board, "updateNeed", change).await?;
    stage.mutate(&board, "updateNeed", json!({ "id": need["id"], "title": "Voor 999990019" })).await?;

    let entries = audit_entry::Entity::find().order_by_asc(Column::Id).all(stage.db()).await?;
    let actions: Vec<_> = entries.iter().map(|entry| (entry.action, entry.status)).collect();
    assert_eq!(
        actions,
        [
            (AuditAction::Created, AuditStatus::Ok),
            (AuditAction::Updated, AuditStatus::Ok),
            (AuditAction::Refused, AuditStatus::Error),
        ]
    );
    let id = GlobalId::parse(need["id"].as_str().context("an id")?)?.uuid();
    let changed = &entries[1];
    assert_eq!((changed.record_type, changed.record_id), (Some(RecordType::Need), id));
    assert_eq!(changed.organisation, Some(format!("board:{}", stage.board.number)));
    assert_eq!((changed.subject.as_deref(), changed.client.as_deref()), (Some("somebody"), Some("a-client")));
    assert_eq!((changed.address.as_deref(), changed.processing_activity.as_str()), (Some("127.0.0.1"), "needs:write"));
    assert_eq!(changed.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(changed.parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
    let details = changed.details.as_ref().context("details")?;
    assert_eq!((&details["before"]["title"], &details["after"]["title"]), (&json!("Een hulpvraag"), &json!("Anders")));
    // The contact is told to have changed, and nothing of it.
    assert_eq!(details["after"]["contact_phone"], json!("(not kept)"));
    assert_eq!(details["after"]["contact_email"], Value::Null);
    let all = serde_json::to_string(&entries.iter().map(|entry| &entry.details).collect::<Vec<_>>())?;
    for secret in ["Voorbeeld", "school.example", "12345678", "999990019"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_contact_that_is_read_is_told_once_a_request(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let need = stage.need(json!({ "contact": { "name": "A. Voorbeeld" } })).await?;
    stage.need(json!({})).await?;
    let query = "query ($id: ID!) { node(id: $id) { ... on Need { contact { name } again: contact { email } } } }";
    let answer = stage.ask(&stage.board(), query, json!({ "id": need["id"] })).await;
    assert_eq!(answer["data"]["node"]["contact"]["name"], json!("A. Voorbeeld"), "{answer}");
    let told = || audit_entry::Entity::find().filter(Column::Action.eq(AuditAction::ContactRead));
    let entries = told().all(stage.db()).await?;
    let [entry] = entries.as_slice() else { anyhow::bail!("{entries:?}") };
    assert_eq!(entry.record_id, GlobalId::parse(need["id"].as_str().context("an id")?)?.uuid());
    // Who may not see it reads nothing, and nothing is told.
    stage.ask(&Caller::default(), query, json!({ "id": need["id"] })).await;
    assert_eq!(told().count(stage.db()).await?, 1);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_entry_cannot_be_changed_and_goes_only_when_its_time_has_come(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    stage.need(json!({})).await?;
    let all = || audit_entry::Entity::find().count(stage.db());
    assert_eq!(all().await?, 1);
    let forged = audit_entry::Entity::update_many().col_expr(Column::Subject, Expr::value("nobody"));
    assert!(forged.exec(stage.db()).await.is_err());
    assert!(audit_entry::Entity::delete_many().exec(stage.db()).await.is_err());
    let retention = |days| Retention { entries: Some(TimeDelta::days(days)), answers: TimeDelta::days(1) };
    let now = Clock::system().now();
    let_go(stage.db(), now + TimeDelta::days(9), retention(10)).await?;
    assert_eq!(all().await?, 1);
    let_go(stage.db(), now + TimeDelta::days(11), retention(10)).await?;
    assert_eq!(all().await?, 0);
    // The door is shut again.
    stage.need(json!({})).await?;
    assert!(audit_entry::Entity::delete_many().exec(stage.db()).await.is_err());
    Ok(())
}
