//! What happens when an endpoint fails: the standard's schedule, being gone, being given up, dead letters, and sending
//! again by hand.

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use entity::webhook_endpoint::{self, Selection, Selections, WebhookEvent};
use entity::webhook_secret;
use rstest::rstest;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use serde_json::{Value, json};
use tests::receiver::{Answer, Receiver};
use tests::store::Backend;

use super::{Stage, faults, told};

/// The waits of the standard's schedule, in seconds.
const WAITS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

fn nodes(endpoint: &Value) -> Vec<Value> {
    endpoint["deliveries"]["nodes"].as_array().cloned().unwrap_or_default()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_message_is_sent_again_by_the_standards_schedule_and_then_is_a_dead_letter(
    #[case] backend: Backend,
) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    stage.write(vec![stage.need("unwanted")]).await?;
    receiver.answers(Answer::Status(500));
    assert_eq!(stage.deliver().await?, 1);
    for wait in WAITS {
        let next: DateTime<Utc> =
            nodes(&stage.endpoint(&endpoint.id).await?)[0]["nextAttemptAt"].as_str().context("an instant")?.parse()?;
        assert_eq!((next - stage.at()).num_seconds(), wait);
        stage.pass(TimeDelta::seconds(wait) - TimeDelta::milliseconds(1));
        assert_eq!(stage.deliver().await?, 0, "before its time");
        stage.pass(TimeDelta::milliseconds(1));
        assert_eq!(stage.deliver().await?, 1, "after {wait} s");
    }
    let seen = stage.endpoint(&endpoint.id).await?;
    let dead = &nodes(&seen)[0];
    assert_eq!((&dead["status"], &dead["nextAttemptAt"]), (&json!("DEAD"), &json!(null)), "{dead}");
    let attempts = dead["attempts"].as_array().context("attempts")?;
    assert_eq!(attempts.len(), 10);
    assert!(attempts.iter().all(|attempt| attempt["statusCode"] == 500), "{attempts:?}");
    stage.pass(TimeDelta::days(10));
    assert_eq!(stage.deliver().await?, 0);

    // By hand, once it is mended: under the same id.
    receiver.answers(Answer::Status(200));
    let replayed =
        stage.mutate(&stage.partner(), "replayWebhookDeliveries", json!({ "endpoint": endpoint.id })).await?;
    assert_eq!(faults(&replayed), []);
    assert_eq!(stage.deliver().await?, 1);
    let seen = stage.endpoint(&endpoint.id).await?;
    assert_eq!((&nodes(&seen)[0]["status"], &seen["failingSince"]), (&json!("DELIVERED"), &json!(null)), "{seen}");
    let mut ids: Vec<String> = receiver.came().iter().map(|came| came.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 11);
    ids.dedup();
    assert_eq!(ids, [nodes(&seen)[0]["messageId"].as_str().unwrap_or_default()]);
    // Each attempt has its own instant.
    let mut instants: Vec<_> = receiver.came().iter().map(|came| came.header("webhook-timestamp").to_owned()).collect();
    instants.dedup();
    assert_eq!(instants.len(), 11);
    // What was delivered can be sent again as well, by name.
    let again = json!({ "endpoint": endpoint.id, "deliveries": [nodes(&seen)[0]["id"]] });
    stage.mutate(&stage.partner(), "replayWebhookDeliveries", again).await?;
    assert_eq!(stage.deliver().await?, 1);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_that_is_gone_hears_no_more_until_its_owner_says_so(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    receiver.next([Answer::Status(410)]);
    stage.write(vec![stage.need("the last")]).await?;
    assert_eq!(stage.deliver().await?, 1);
    let seen = stage.endpoint(&endpoint.id).await?;
    assert_eq!((&seen["status"], &nodes(&seen)[0]["status"]), (&json!("GONE"), &json!("DEAD")), "{seen}");
    assert!(seen["statusReason"].as_str().is_some_and(|reason| reason.contains("410")), "{seen}");
    stage.write(vec![stage.need("missed")]).await?;
    stage.pass(TimeDelta::days(2));
    assert_eq!(stage.deliver().await?, 0);
    receiver.take();
    let on = json!({ "id": endpoint.id, "paused": false });
    let resumed = stage.mutate(&stage.partner(), "updateWebhookEndpoint", on).await?;
    assert_eq!(
        (&resumed["endpoint"]["status"], &resumed["endpoint"]["statusReason"]),
        (&json!("ACTIVE"), &json!(null))
    );
    assert_eq!(stage.deliver().await?, 1);
    assert_eq!(told(&receiver.take()), [("need.fits", "CREATED", "missed")]);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_that_fails_for_days_is_switched_off_and_its_owner_sees_why(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    receiver.answers(Answer::Status(503));
    for day in 0..7 {
        stage.write(vec![stage.need(&day.to_string())]).await?;
        stage.deliver().await?;
        stage.pass(TimeDelta::days(1));
    }
    let seen = stage.endpoint(&endpoint.id).await?;
    assert_eq!(seen["status"], "FAILED", "{seen}");
    assert!(seen["statusReason"].as_str().is_some_and(|reason| reason.contains("503")), "{seen}");
    let so_far = receiver.came().len();
    stage.pass(TimeDelta::days(1));
    assert_eq!(stage.deliver().await?, 0);
    // Paused and resumed, it has all its time again, and what waited comes.
    receiver.answers(Answer::Status(204));
    for paused in [true, false] {
        stage.mutate(&stage.partner(), "updateWebhookEndpoint", json!({ "id": endpoint.id, "paused": paused })).await?;
    }
    stage.deliver().await?;
    let seen = stage.endpoint(&endpoint.id).await?;
    assert!(nodes(&seen).iter().all(|message| message["status"] == "DELIVERED"), "{seen}");
    assert_eq!((receiver.came().len() - so_far, seen["deliveries"]["totalCount"].as_i64()), (7, Some(7)));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_endpoint_that_asks_for_rest_gets_it_and_one_that_fails_is_not_flooded(
    #[case] backend: Backend,
) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    stage.register(&stage.partner(), &receiver).await?;
    receiver.next([Answer::With(429, "retry-after", "600".to_owned())]);
    stage.write(vec![stage.need("too much")]).await?;
    assert_eq!(stage.deliver().await?, 1);
    stage.write((0..50).map(|number| stage.need(&number.to_string())).collect()).await?;
    stage.pass(TimeDelta::seconds(599));
    assert_eq!(stage.deliver().await?, 0, "it asked for ten minutes");
    // Still down: one of the fifty finds out, and not all of them.
    receiver.next([Answer::Status(502)]);
    stage.pass(TimeDelta::seconds(2));
    assert_eq!(stage.deliver().await?, 1);
    // It is back: the rest comes at once.
    stage.pass(TimeDelta::minutes(61));
    assert_eq!(stage.deliver().await?, 51);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_deliver_everything_once(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    stage.register(&stage.partner(), &receiver).await?;
    stage.write((0..200).map(|number| stage.need(&number.to_string())).collect()).await?;
    let workers = (0..4).map(|_| {
        let courier = stage.courier.clone();
        tokio::spawn(async move {
            courier.plan().await?;
            anyhow::Ok(courier.deliver_due().await?)
        })
    });
    let mut attempts = 0;
    for worker in futures::future::join_all(workers).await {
        attempts += worker??;
    }
    assert_eq!(attempts, 200);
    let mut ids: Vec<String> = receiver.came().iter().map(|came| came.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), receiver.came().len()), (200, 200));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_selection_that_the_schema_has_no_more_waits_for_one_that_it_has(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    // As after a release that took a field away.
    let old = "query ($id: ID!) { node(id: $id) { ... on Need { wasHereBefore } } }".to_owned();
    let old = Selections(vec![Selection { event: WebhookEvent::NeedFits, query: old }]);
    webhook_endpoint::Entity::update_many()
        .col_expr(webhook_endpoint::Column::Selections, Expr::value(serde_json::to_value(&old)?))
        .exec(stage.db())
        .await?;
    stage.write(vec![stage.need("patient")]).await?;
    stage.deliver().await?;
    let seen = stage.endpoint(&endpoint.id).await?;
    assert_eq!((&seen["status"], &nodes(&seen)[0]["status"]), (&json!("INVALID"), &json!("PENDING")), "{seen}");
    assert!(seen["statusReason"].as_str().is_some_and(|reason| reason.contains("wasHereBefore")), "{seen}");
    let selections = json!([{ "event": "NEED_FITS", "query": super::NEED }]);
    let mended = json!({ "id": endpoint.id, "selections": selections });
    let updated = stage.mutate(&stage.partner(), "updateWebhookEndpoint", mended).await?;
    assert_eq!(updated["endpoint"]["status"], "ACTIVE", "{updated}");
    stage.deliver().await?;
    assert_eq!(told(&receiver.take()), [("need.fits", "CREATED", "patient")]);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_ended_is_let_go_in_its_time_and_what_waits_is_not(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    stage.mutate(&stage.partner(), "rotateWebhookSecret", json!({ "id": endpoint.id, "overlapHours": 1 })).await?;
    receiver.next([Answer::Status(204), Answer::Status(500)]);
    for title in ["taken", "waiting"] {
        stage.write(vec![stage.need(title)]).await?;
        stage.deliver().await?;
    }
    stage.pass(TimeDelta::days(29));
    stage.courier.let_go().await?;
    assert_eq!(stage.endpoint(&endpoint.id).await?["deliveries"]["totalCount"], 2);
    assert_eq!(webhook_secret::Entity::find().all(stage.db()).await?.len(), 1);
    stage.pass(TimeDelta::days(2));
    stage.courier.let_go().await?;
    let seen = stage.endpoint(&endpoint.id).await?;
    assert_eq!((nodes(&seen).len(), &nodes(&seen)[0]["status"]), (1, &json!("PENDING")), "{seen}");
    // Nobody will take it any more.
    stage.mutate(&stage.partner(), "updateWebhookEndpoint", json!({ "id": endpoint.id, "paused": true })).await?;
    stage.courier.let_go().await?;
    assert_eq!(stage.endpoint(&endpoint.id).await?["deliveries"]["totalCount"], 0);
    Ok(())
}
