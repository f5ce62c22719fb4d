//! An endpoint never hears what its owner may not see, and nobody sees another's endpoints.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use entity::audit_entry::{self, AuditAction};
use entity::vocabulary::{ChangeAction, CommitmentStatus, NeedStatus};
use entity::{commitment, need, partner};
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use tests::invented;
use tests::receiver::Receiver;
use tests::store::Backend;

use super::{COMMITMENT, NEED, Stage, caller, told};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_endpoint_has_the_rights_of_the_token_that_wrote_it(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let (full, public, other) = (Receiver::start().await?, Receiver::start().await?, Receiver::start().await?);
    stage.register(&stage.partner(), &full).await?;
    let without = caller("partner:90000001", "webhooks:write webhooks:read");
    stage.register(&without, &public).await?;
    stage.register(&caller("partner:90000002", super::SCOPES), &other).await?;
    let proposed = commitment::Model { status: CommitmentStatus::Proposed, ..stage.commitment() };
    stage.write(vec![proposed.clone()]).await?;
    stage.deliver().await?;
    assert_eq!(full.take().len(), 1);
    assert_eq!((public.take().len(), other.take().len()), (0, 0));
    let accepted = commitment::Model { status: CommitmentStatus::Accepted, ..proposed.clone() };
    stage.change(ChangeAction::Updated, vec![accepted]).await?;
    stage.deliver().await?;
    assert_eq!((full.take().len(), public.take().len(), other.take().len()), (1, 1, 0));

    // A commitment that somebody else's token could not see by its selection is `null` in it, and in `nodes`.
    let declined = commitment::Model { status: CommitmentStatus::Declined, ..proposed };
    stage.change(ChangeAction::Updated, vec![declined]).await?;
    stage.deliver().await?;
    let messages = public.take();
    // What it could see before it hears the end of, as in the feed, without what it says.
    assert_eq!(told(&messages), [("commitment.changed", "DELETED", "-")]);
    assert_eq!(messages[0]["data"]["node"], json!(null));
    assert_eq!(other.take().len(), 0);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_may_not_be_seen_any_more_when_its_turn_comes_is_not_told(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    let open = stage.need("open for a moment");
    stage.write(vec![open.clone()]).await?;
    stage.courier.plan().await?;
    let withdrawn = need::Model { status: NeedStatus::Withdrawn, title: "withdrawn".to_owned(), ..open };
    stage.change(ChangeAction::Updated, vec![withdrawn]).await?;
    stage.deliver().await?;
    assert!(receiver.came().is_empty());
    let seen = stage.endpoint(&endpoint.id).await?;
    assert_eq!(seen["deliveries"]["totalCount"], 1);
    assert_eq!(seen["deliveries"]["nodes"][0]["status"], "SKIPPED", "{seen}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn contacts_are_told_only_to_who_may_have_them_and_the_trail_says_so(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register_for(&stage.partner(), &receiver, &[("NEED_FITS", NEED)]).await?;
    let need = need::Model { contact_email: Some("iemand@school.example".to_owned()), ..stage.need("with a contact") };
    stage.write(vec![need.clone()]).await?;
    stage.deliver().await?;
    let messages = receiver.take();
    assert_eq!(messages[0]["data"]["node"]["contact"], json!(null), "{messages:?}");
    let read = || audit_entry::Entity::find().filter(audit_entry::Column::Action.eq(AuditAction::ContactRead));
    assert!(read().one(stage.db()).await?.is_none());

    let accepted = CommitmentStatus::Accepted;
    let commitment = invented::commitment(stage.partner.id, stage.school.id, Some(need.id));
    stage.write(vec![commitment::Model { status: accepted, ..commitment }]).await?;
    stage.change(ChangeAction::Updated, vec![need.clone()]).await?;
    stage.deliver().await?;
    let messages = receiver.take();
    assert_eq!(messages[0]["data"]["node"]["contact"]["email"], "iemand@school.example", "{messages:?}");
    let entry = read().one(stage.db()).await?.context("an entry")?;
    assert_eq!(entry.record_id, Some(need.id));
    assert_eq!(entry.subject, Some(format!("webhook {}", endpoint.id)));
    assert!(entry.organisation.is_some_and(|organisation| organisation.starts_with("partner:")));
    // Nothing of it lies in what is kept of the message.
    let kept = entity::webhook_delivery::Entity::find().all(stage.db()).await?;
    assert!(!format!("{kept:?}").contains("iemand"), "{kept:?}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn owners_see_their_own_endpoints_and_operators_see_all(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    let query = "query ($id: ID!) { webhookEndpoints(first: 5) { totalCount nodes { id deliveries(statuses: [DEAD]) \
                 { totalCount } } } webhookEndpoint(id: $id) { url } node(id: $id) { id } }";
    for (organisation, scopes, expected) in [
        ("partner:90000001", "webhooks:read", Some(1)),
        ("partner:90000002", "webhooks:read", Some(0)),
        ("board:90001", "webhooks:read alliance:read", Some(0)),
        ("nobody", "webhooks:read", Some(0)),
        ("operator", "webhooks:read", Some(1)),
        ("operator", "alliance:read sync:read", None),
        ("partner:90000001", "alliance:read webhooks:write", None),
    ] {
        let answer = stage.ask(&caller(organisation, scopes), query, json!({ "id": endpoint.id })).await;
        let (list, one) = (&answer["data"]["webhookEndpoints"], &answer["data"]["webhookEndpoint"]);
        assert_eq!(list["totalCount"].as_i64(), expected, "{organisation} {scopes}: {answer}");
        assert_eq!(one["url"].is_string(), expected == Some(1), "{organisation} {scopes}: {answer}");
        assert_eq!(answer["data"]["node"], json!(null), "{answer}");
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_partner_that_is_gone_hears_nothing(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    stage.register_for(&stage.partner(), &receiver, &[("COMMITMENT_CHANGED", COMMITMENT)]).await?;
    let gone = partner::Model { deleted_at: Some(stage.at()), ..stage.partner.clone() };
    stage.change(ChangeAction::Deleted, vec![gone]).await?;
    stage.pass(TimeDelta::minutes(1));
    stage.write(vec![stage.commitment()]).await?;
    assert_eq!(stage.deliver().await?, 0);
    assert!(receiver.came().is_empty());
    Ok(())
}
