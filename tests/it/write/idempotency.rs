//! Mutations that are sent again: done once, answered the same, wherever and whenever.

use anyhow::{Context, Result};
use entity::{Clock, change, idempotency_key};
use futures::future::join_all;
use gateway::audit::retention::{Retention, let_go};
use gateway::config::{DatabaseSettings, LimitSettings};
use gateway::feed::Feed;
use gateway::graphql::Graph;
use rstest::rstest;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;
use tests::store::Backend;

use super::{Stage, caller, fault, faults, mutate, with_key};

/// How often another replica's feed looks by itself.
const POLL: std::time::Duration = std::time::Duration::from_secs(1);

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_equal_mutations_at_once_one_is_done_and_all_are_answered(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let before = change::Entity::find().count(stage.db()).await?;
    let board = with_key(&stage.board(), "\"honderd-keer\"");
    // On two replicas, each with connections of its own.
    let settings = DatabaseSettings::at(stage.hub.store.url.as_str(), Some(4));
    let elsewhere = gateway::database::connect(&settings).await?;
    let graphs = [
        stage.hub.graph(),
        Graph::new(elsewhere.clone(), Clock::system(), Feed::new(elsewhere.clone(), POLL), &LimitSettings::default()),
    ];
    let input = json!({ "school": stage.school.brin, "title": "Een keer", "themes": ["STRATEGIC_HR"] });
    let calls = (0..100).map(|number| mutate(&graphs[number % 2], &board, "createNeed", input.clone()));
    let answers = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(answers[0]["userErrors"], json!([]), "{}", answers[0]);
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!(change::Entity::find().count(stage.db()).await? - before, 1);

    // After a restart: nothing that was in memory is there any more. The key may come in the input as well.
    let graph = Graph::new(elsewhere.clone(), Clock::system(), Feed::new(elsewhere, POLL), &LimitSettings::default());
    let mut named = input.clone();
    named["idempotencyKey"] = json!("honderd-keer");
    assert_eq!(mutate(&graph, &stage.board(), "createNeed", named).await?, answers[0]);
    let other = json!({ "school": stage.school.brin, "title": "Anders", "themes": ["STRATEGIC_HR"] });
    let refused = mutate(&graph, &board, "createNeed", other.clone()).await?;
    assert_eq!(faults(&refused), fault("idempotencyKey", "CONFLICT"));
    let mut two = other.clone();
    two["idempotencyKey"] = json!("een andere");
    assert_eq!(faults(&mutate(&graph, &board, "createNeed", two).await?), fault("idempotencyKey", "INVALID"));
    let empty = with_key(&stage.board(), "");
    assert_eq!(faults(&mutate(&graph, &empty, "createNeed", other).await?), fault("idempotencyKey", "INVALID"));
    assert_eq!(change::Entity::find().count(stage.db()).await? - before, 1);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_key_is_its_clients_own_and_ends(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let offer = json!({ "externalId": "x", "title": "Aanbod", "themes": ["STRATEGIC_HR"] });
    let push = json!({ "offers": [offer] });
    let outcome = async |organisation: &str| -> Result<_> {
        let sender = with_key(&caller(organisation), "sleutel");
        let answer = stage.mutate(&sender, "upsertOffers", push.clone()).await?;
        Ok(answer["results"][0]["outcome"].clone())
    };
    let (partner, other) = (&stage.partner.kvk, &stage.other_partner.kvk);
    let (partner, other) = partner.as_deref().zip(other.as_deref()).context("KvK numbers")?;
    assert_eq!(outcome(&format!("partner:{partner}")).await?, json!("CREATED"));
    assert_eq!(outcome(&format!("partner:{other}")).await?, json!("CREATED"));
    // Answered as it was, not as it would be now.
    assert_eq!(outcome(&format!("partner:{partner}")).await?, json!("CREATED"));
    assert_eq!(idempotency_key::Entity::find().count(stage.db()).await?, 2);
    let retention = Retention { entries: None, answers: chrono::TimeDelta::hours(1) };
    let_go(stage.db(), Clock::system().now(), retention).await?;
    assert_eq!(idempotency_key::Entity::find().count(stage.db()).await?, 2);
    let later = Clock::system().now() + chrono::TimeDelta::hours(2);
    let_go(stage.db(), later, retention).await?;
    assert_eq!(idempotency_key::Entity::find().count(stage.db()).await?, 0);
    assert_eq!(outcome(&format!("partner:{partner}")).await?, json!("UNCHANGED"));
    Ok(())
}
