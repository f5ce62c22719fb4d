//! What an endpoint hears: of needs that fit, whoever wrote them and in whatever order, and of its commitments.

use anyhow::Result;
use entity::global_id::Kind;
use entity::vocabulary::{ChangeAction, CommitmentStatus, NeedStatus, OfferStatus, Theme};
use entity::{commitment, need, offer};
use rstest::rstest;
use serde_json::json;
use tests::invented;
use tests::receiver::Receiver;
use tests::store::Backend;

use super::{Stage, caller, global, told};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn needs_that_fit_are_heard_of_and_no_others(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    stage.write(vec![stage.need("from before")]).await?;
    stage.register(&stage.partner(), &receiver).await?;
    let fits = stage.need("fits");
    let themes = [Theme::TeacherHousing].into_iter().collect();
    let other = need::Model { themes, ..stage.need("on another theme") };
    let draft = need::Model { status: NeedStatus::Draft, ..stage.need("a draft") };
    let met = need::Model { status: NeedStatus::Fulfilled, ..stage.need("met") };
    stage.write(vec![fits.clone(), other, draft.clone(), met]).await?;
    assert_eq!(stage.deliver().await?, 1);
    let messages = receiver.take();
    assert_eq!(told(&messages), [("need.fits", "CREATED", "fits")]);
    let message = &messages[0];
    let offers = json!([global(Kind::Offer, stage.offer.id)]);
    assert_eq!((&message["about"]["recordType"], &message["about"]["offers"]), (&json!("NEED"), &offers));
    assert_eq!(message["about"]["recordId"], global(Kind::Need, fits.id));
    assert_eq!(message["data"]["nodes"], json!([{ "externalId": "o-1" }]));
    assert_eq!(message["data"]["node"]["contact"], json!(null));
    assert!(message.get("errors").is_none(), "{message}");

    // Nothing is heard of twice; a change is, and a draft once it is open.
    assert_eq!(stage.deliver().await?, 0);
    let renamed = need::Model { title: "renamed".to_owned(), ..fits };
    let opened = need::Model { status: NeedStatus::Open, ..draft };
    stage.change(ChangeAction::Updated, vec![renamed, opened]).await?;
    assert_eq!(stage.deliver().await?, 2);
    let mut messages = receiver.take();
    messages.sort_by_key(|message| message["data"]["node"]["title"].to_string());
    let expected = [("need.fits", "UPDATED", "a draft"), ("need.fits", "UPDATED", "renamed")];
    assert_eq!(told(&messages), expected);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_offer_that_comes_later_tells_of_the_needs_that_are_there_once(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let housing = || [Theme::TeacherHousing].into_iter().collect();
    let waiting = need::Model { themes: housing(), ..stage.need("waiting") };
    stage.write(vec![waiting]).await?;
    stage.register(&stage.partner(), &receiver).await?;
    let offer = offer::Model { themes: housing(), ..invented::offer(stage.partner.id, "o-2") };
    let foreign = offer::Model { themes: housing(), ..invented::offer(stage.other_partner.id, "o-3") };
    stage.write(vec![foreign, offer.clone()]).await?;
    assert_eq!(stage.deliver().await?, 1);
    let messages = receiver.take();
    assert_eq!(told(&messages), [("need.fits", "CREATED", "waiting")]);
    assert_eq!(messages[0]["data"]["nodes"], json!([{ "externalId": "o-2" }]));
    let changed = offer::Model { title: "A better one".to_owned(), ..offer.clone() };
    let another = offer::Model { themes: housing(), ..invented::offer(stage.partner.id, "o-4") };
    stage.change(ChangeAction::Updated, vec![changed, another]).await?;
    assert_eq!(stage.deliver().await?, 0);
    // Without offers there is nothing that fits.
    let ended = |offer: &offer::Model| offer::Model { status: OfferStatus::Ended, ..offer.clone() };
    stage.change(ChangeAction::Updated, vec![ended(&stage.offer)]).await?;
    stage.write(vec![stage.need("too late")]).await?;
    assert_eq!(stage.deliver().await?, 0);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_change_of_a_commitment_is_heard_of_whoever_made_it(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    stage.register(&stage.partner(), &receiver).await?;
    // As a sync writes it.
    let own = stage.commitment();
    let foreign = commitment::Model { id: uuid::Uuid::now_v7(), partner_id: stage.other_partner.id, ..own.clone() };
    stage.write(vec![own.clone(), foreign]).await?;
    stage.deliver().await?;
    let messages = receiver.take();
    assert_eq!(told(&messages), [("commitment.changed", "CREATED", "Een toezegging")]);
    assert_eq!(messages[0]["about"]["recordId"], global(Kind::Commitment, own.id));

    // As a mutation writes it: the partner proposes, the board accepts.
    let propose = "mutation ($school: String!) { proposeCommitment(input: { school: $school, title: \"Via het net\" }) \
                   { commitment { id } userErrors { message } } }";
    let proposed = stage.ask(&stage.partner(), propose, json!({ "school": stage.school.brin })).await;
    let id = &proposed["data"]["proposeCommitment"]["commitment"]["id"];
    assert!(id.is_string(), "{proposed}");
    let accept =
        "mutation ($id: ID!) { setCommitmentStatus(input: { id: $id, status: ACCEPTED }) { userErrors { message } } }";
    let accepted =
        stage.ask(&caller("board:90001", "alliance:read commitments:write"), accept, json!({ "id": id })).await;
    assert_eq!(accepted["data"]["setCommitmentStatus"]["userErrors"], json!([]), "{accepted}");
    stage.deliver().await?;
    let messages = receiver.take();
    // Each tells what is so when it is sent.
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages.iter().all(|message| message["data"]["node"]["status"] == "ACCEPTED"), "{messages:?}");
    let cursors: std::collections::HashSet<_> =
        messages.iter().map(|message| message["about"]["cursor"].to_string()).collect();
    assert_eq!(cursors.len(), 2);

    let gone = commitment::Model { deleted_at: Some(stage.at()), status: CommitmentStatus::Active, ..own };
    stage.change(ChangeAction::Deleted, vec![gone]).await?;
    stage.deliver().await?;
    let messages = receiver.take();
    assert_eq!(told(&messages), [("commitment.changed", "DELETED", "-")]);
    assert_eq!(messages[0]["data"]["node"], json!(null));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_long_journal_is_read_page_by_page_and_nothing_is_left_out(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    stage.register(&stage.partner(), &receiver).await?;
    let needs: Vec<need::Model> = (0..1_234).map(|number| stage.need(&number.to_string())).collect();
    stage.write(needs).await?;
    assert_eq!(stage.courier.plan().await?, 1_234);
    assert_eq!(stage.courier.plan().await?, 0);
    assert_eq!(stage.courier.deliver_due().await?, 1_234);
    let mut ids: Vec<String> = receiver.came().iter().map(|message| message.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1_234);
    Ok(())
}
